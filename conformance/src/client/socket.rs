//! Raw bytes to a port, for requests no HTTP library would send.

use super::http::Fill;
use crate::fault::{During, Result};
use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(15);

/// What is sent.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Send {
    /// A text as it stands.
    Text(String),
    /// Any bytes.
    Base64 {
        /// In base64.
        base64: String,
    },
    /// A long text.
    Fill {
        /// Its parts.
        fill: Fill,
    },
}

/// Sends the bytes and reads until the server closes.
///
/// # Errors
/// A refused connection.
pub async fn run(address: String, send: Send) -> Result<Value> {
    let bytes = match send {
        Send::Text(text) => text.into_bytes(),
        Send::Base64 { base64 } => {
            base64::engine::general_purpose::STANDARD.decode(base64).during("base64")?
        }
        Send::Fill { fill } => fill.text().into_bytes(),
    };
    let (mut reader, mut writer) = TcpStream::connect(&address).await.during(&address)?.into_split();
    // A server that has seen enough closes before everything is sent; its answer still counts.
    let sending = tokio::spawn(async move {
        let sent = writer.write_all(&bytes).await;
        (sent, writer)
    });
    let mut answer = Vec::new();
    let mut buffer = [0; 16 * 1024];
    let reading = async {
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..count]);
        }
    };
    let closed = tokio::time::timeout(PATIENCE, reading).await.is_ok();
    sending.abort();
    Ok(json!({"text": String::from_utf8_lossy(&answer), "closed": closed}))
}

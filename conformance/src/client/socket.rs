//! Raw bytes to a port, for requests no HTTP library would send.

use super::Client;
use super::http::Fill;
use super::messages::{self, base64};
use crate::fault::{During, Result};
use crate::gate::Gate;
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
pub async fn run(address: String, send: Send, client: Client) -> Result<Value> {
    let bytes = match send {
        Send::Text(text) => text.into_bytes(),
        Send::Base64 { base64 } => messages::bytes(&base64)?.to_vec(),
        Send::Fill { fill } => fill.text().into_bytes(),
    };
    if let Some(driver) = client.driven() {
        let fields = json!({"address": address, "body": base64(&bytes)});
        let answer = driver.call("socket", fields, &mut Gate::open(), Value::clone).await?;
        let answer = answer.unwrap_or_default();
        let body = messages::bytes(answer["body"].as_str().unwrap_or_default())?;
        return Ok(json!({"text": String::from_utf8_lossy(&body), "closed": answer["closed"]}));
    }
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

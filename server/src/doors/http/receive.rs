//! A request body into a file, in bounded memory.

use std::fmt;
use std::io::Write;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use engine::{Error, Result, Size, run_blocking};

/// How many frames may wait for the disk; a frame is at most some hundred KiB.
const FRAMES: usize = 16;

/// How much of the body's start is kept, to tell its format.
const HEAD: usize = 4096;

/// How much a body may have, and the flag that says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyBound {
    pub(crate) bytes: u64,
    pub(crate) flag: &'static str,
}

impl fmt::Display for BodyBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", Size(self.bytes), self.flag)
    }
}

/// Why a body is not in its file.
#[derive(Debug)]
pub(crate) enum Unreceived {
    /// It is larger than its bound.
    TooLarge(BodyBound),
    /// Its client broke off.
    BrokenOff(String),
    /// The disk refuses.
    Fault(Error),
}

/// Writes a body to the file that `make` makes, and returns the file with the body's first bytes; none of an empty body.
///
/// # Errors
/// As [`Unreceived`] says.
pub(crate) async fn receive<W: Write + Send + 'static>(
    make: impl FnOnce() -> Result<W> + Send + 'static,
    mut body: Body,
    bound: Option<BodyBound>,
) -> std::result::Result<(W, Vec<u8>), Unreceived> {
    let (frames, waiting) = mpsc::channel(FRAMES);
    let writer = tokio::spawn(run_blocking(move || write(make()?, waiting)));
    let received = pass_on(&mut body, frames, bound).await;
    // Awaited even if the body broke off: its file is gone before the answer.
    let written = writer.await.unwrap_or_else(|_| Err(Error::internal("the upload's writer failed")));
    let (head, file) = (received?, written.map_err(Unreceived::Fault)?);
    Ok((file, head))
}

/// Hands the body's frames on, and returns its first bytes.
async fn pass_on(
    body: &mut Body,
    frames: mpsc::Sender<Bytes>,
    bound: Option<BodyBound>,
) -> std::result::Result<Vec<u8>, Unreceived> {
    let (mut head, mut passed) = (Vec::new(), 0_u64);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|fault| Unreceived::BrokenOff(format!("the body could not be read: {fault}")))?;
        let Ok(bytes) = frame.into_data() else { continue };
        passed += bytes.len() as u64;
        if let Some(bound) = bound.filter(|bound| passed > bound.bytes) {
            return Err(Unreceived::TooLarge(bound));
        }
        head.extend_from_slice(&bytes[..bytes.len().min(HEAD - head.len())]);
        if frames.send(bytes).await.is_err() {
            break;
        }
    }
    Ok(head)
}

fn write<W: Write>(mut file: W, mut frames: mpsc::Receiver<Bytes>) -> Result<W> {
    let fault = |fault: std::io::Error| {
        Error::internal(format!("cannot write an upload to the folder in TMPDIR: {fault}"))
    };
    while let Some(bytes) = frames.blocking_recv() {
        file.write_all(&bytes).map_err(fault)?;
    }
    file.flush().map_err(fault)?;
    Ok(file)
}

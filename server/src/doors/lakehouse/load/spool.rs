//! A request body into a file, in bounded memory.

use std::io::Write;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use crate::doors::lakehouse::response::{self, ApiError, Code};
use engine::ingest::UploadFile;
use engine::{Error, ErrorKind, Result, Session, Size, run_blocking};

/// How many frames may wait for the disk; a frame is at most some hundred KiB.
const FRAMES: usize = 16;

/// How much of the body's start is kept, to tell its format.
const HEAD: usize = 4096;

/// Writes a body to a new file, and returns the file with the body's first bytes. A `limit` is for one that was compressed.
///
/// # Errors
/// `payload-too-large` beyond the limit, `bad-request` when the client breaks off, `invalid-data` for an empty body, `internal` when the disk refuses.
pub(super) async fn receive(
    session: &Arc<Session>,
    mut body: Body,
    limit: Option<u64>,
) -> response::Result<(UploadFile, Vec<u8>)> {
    let (frames, waiting) = mpsc::channel(FRAMES);
    let session = Arc::clone(session);
    let writer = tokio::spawn(run_blocking(move || write(&session, waiting)));
    let received = pass_on(&mut body, frames, limit).await;
    // Awaited even if the body broke off: its file is gone before the answer.
    let file = writer.await.map_err(|_| Error::internal("the upload's writer failed"))?;
    let (head, file) = (received?, file?);
    if head.is_empty() {
        return Err(Error::new(ErrorKind::InvalidData, "the body is empty").into());
    }
    Ok((file, head))
}

/// Hands the body's frames on, and returns its first bytes.
async fn pass_on(
    body: &mut Body,
    frames: mpsc::Sender<Bytes>,
    limit: Option<u64>,
) -> response::Result<Vec<u8>> {
    let (mut head, mut passed) = (Vec::new(), 0_u64);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|fault| ApiError::bad_request(format!("the body could not be read: {fault}")))?;
        let Ok(bytes) = frame.into_data() else { continue };
        passed += bytes.len() as u64;
        if let Some(limit) = limit.filter(|limit| passed > *limit) {
            let message = format!("the body decodes to more than {} (--decoded-body-limit)", Size(limit));
            return Err(ApiError::new(Code::PayloadTooLarge, message));
        }
        head.extend_from_slice(&bytes[..bytes.len().min(HEAD - head.len())]);
        if frames.send(bytes).await.is_err() {
            break;
        }
    }
    Ok(head)
}

fn write(session: &Session, mut frames: mpsc::Receiver<Bytes>) -> Result<UploadFile> {
    let mut file = session.upload_file()?;
    let fault = |fault: std::io::Error| {
        Error::internal(format!("cannot write an upload to the folder in TMPDIR: {fault}"))
    };
    while let Some(bytes) = frames.blocking_recv() {
        file.write_all(&bytes).map_err(fault)?;
    }
    file.flush().map_err(fault)?;
    Ok(file)
}

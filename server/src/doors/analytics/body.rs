//! Reading a body up to a limit (AX-08), and reading past what is refused.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::error::Fault;
use crate::doors::http::encoding;

/// How much of a refused body is read, and for how long, before the connection is given up.
const DRAIN_BYTES: usize = 64 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// The whole body as its client meant it, if it has at most `limit` bytes.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Fault> {
    let mut body = encoding::decoded(headers, body).map_err(Fault::Encoding)?.body;
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        drain(headers, body).await;
        return Err(Fault::TooLarge(limit));
    }
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Fault::Json(format!("it could not be read: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > limit {
            drain(headers, body).await;
            return Err(Fault::TooLarge(limit));
        }
        if read.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

/// Reads and forgets the rest. A client that is still sending sees a reset instead of our answer, unless it is heard
/// out; one that waits for `100 Continue` has not begun.
pub(super) async fn drain(headers: &HeaderMap, mut body: Body) {
    if headers.contains_key(EXPECT) {
        return;
    }
    let rest = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > DRAIN_BYTES {
                break;
            }
        }
    };
    // Running out of time means the same as reaching the end: the answer is due.
    let _ = tokio::time::timeout(DRAIN_TIME, rest).await;
}

//! Faults that a rule makes, in this door's words (FR-3).

use axum::Json;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use serde_json::json;

use super::query::ndjson::{FailureLine, line};
use crate::doors::faults::{self, FaultManner, RowLines};
use engine::FaultReply;

/// How many lines come before the rows of the default format, whose last line tells errors (LQ-09).
pub(super) const HEAD_OF_NDJSON: u64 = 2;

pub(super) const MANNER: FaultManner = FaultManner { reply, ending, is_grpc: false };

/// An error in the shape of LX-04.
fn reply(fault: &FaultReply) -> Response {
    let status = faults::http_status(fault);
    let usual = match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::NOT_FOUND => "not-found",
        StatusCode::TOO_MANY_REQUESTS => "limit-exceeded",
        status if status.is_server_error() => "internal",
        _ => "bad-request",
    };
    let code = fault.code.as_deref().unwrap_or(usual);
    let body = json!({"error": {"code": code, "message": fault.message}});
    faults::dressed((status, Json(body)).into_response(), fault)
}

fn ending(rows: Option<RowLines>, fault: &FaultReply) -> Option<Frame<Bytes>> {
    let has_error_lines = rows == Some(RowLines { head: HEAD_OF_NDJSON });
    has_error_lines.then(|| Frame::data(line(&FailureLine { error: &fault.message }).into()))
}

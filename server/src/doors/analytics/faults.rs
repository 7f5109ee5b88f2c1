//! Faults that a rule makes, in this door's words (FR-3).

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::doors::faults::{self, FaultManner};
use engine::FaultReply;

pub(super) const MANNER: FaultManner = FaultManner { reply, ending: |_, _| None, is_grpc: false };

/// An error in the shape of AE-01.
fn reply(fault: &FaultReply) -> Response {
    let status = faults::http_status(fault);
    let usual = match status.as_u16() {
        401 => "unauthorized",
        404 => "not-found",
        429 => "limit-exceeded",
        500.. => "internal",
        _ => "invalid-payload",
    };
    let code = fault.code.as_deref().unwrap_or(usual);
    let (error, message) = (code, &fault.message);
    let body = json!({"ok": false, "task_id": null, "error_code": code, "error": error, "message": message, "details": {}});
    faults::dressed((status, Json(body)).into_response(), fault)
}

//! What success looks like (AX-09), and the routes without a key (AX-01).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Analytics;

/// The body of every accepted request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ok": true, "task_id": "0190163d-8694-739b-aea5-966c26f8ad91", "error_code": null}))]
pub(super) struct Accepted {
    /// Always true.
    ok: bool,
    /// Names this request in the hosted service's logs; the items are readable already.
    task_id: Uuid,
    /// Always null.
    error_code: Option<String>,
}

impl Accepted {
    pub(super) fn new() -> Self {
        Self { ok: true, task_id: Uuid::now_v7(), error_code: None }
    }
}

/// The body of `GET /`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok"}))]
pub(super) struct Status {
    /// Always `ok`.
    status: &'static str,
}

/// Whether the port answers.
#[utoipa::path(get, path = "/", tag = "Server",
    responses((status = 200, body = Status, description = "The port answers")))]
pub(super) async fn root() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// The server's health, with its version, uptime and doors.
#[utoipa::path(get, path = "/health", tag = "Server", responses(
    (status = 200, content_type = "application/json", description = "The server serves",
     example = json!({"status": "ok", "version": "0.1.0", "uptime_seconds": 12,
                      "doors": {"lakehouse": "0.0.0.0:15000", "analytics": "0.0.0.0:15001", "flight": "0.0.0.0:15002"}})),
    (status = 503, content_type = "application/json", description = "A database does not answer, or shutdown began")))]
pub(super) async fn health(State(analytics): State<Analytics>) -> Response {
    let health = (analytics.health)();
    let status = if health.is_available { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CONTENT_TYPE, "application/json")], health.body).into_response()
}

//! What success looks like (AX-09), and the routes without a key (AX-01).

use axum::Json;
use axum::extract::State;
use axum::response::Response;
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

/// Whether the server serves, its version, its uptime, and each of its doors (LX-14).
#[utoipa::path(get, path = "/health", tag = "Server", responses(
    (status = 200, content_type = "application/json", description = "The server serves",
     example = json!({"status": "ok", "version": "0.1.0", "uptime_seconds": 12,
                      "doors": {"lakehouse": "ok", "analytics": "ok", "flight": "ok"}})),
    (status = 503, content_type = "application/json", description = "A door has ended or is blocked, or shutdown began",
     example = json!({"status": "unavailable", "version": "0.1.0", "uptime_seconds": 12,
                      "doors": {"lakehouse": "ok", "analytics": "ok", "flight": "unavailable"}}))))]
pub(super) async fn health(State(analytics): State<Analytics>) -> Response {
    analytics.health.answer()
}

//! What holds for every route: request ids (LX-06), unknown routes and methods (LX-04), plain errors for old clients.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use axum::{Json, Router};
use http::{Method, StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::faults;
use super::response::{ApiError, Code, plain_text};
use super::state::Lakehouse;
use crate::doors::calls::{self, Failure, Manner};
use crate::doors::metrics::Metrics;
use engine::CallStatus;

/// The answer to readiness probes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok"}))]
pub(super) struct Ready {
    /// Always `ok`.
    status: &'static str,
}

/// Whether the port answers (LX-01).
#[utoipa::path(get, path = "/", tag = "Server", responses((status = 200, body = Ready, description = "The port answers")))]
pub(super) async fn ready() -> Json<Ready> {
    Json(Ready { status: "ok" })
}

/// Adds what every route of the door shares, and the answers where there is none.
pub(super) fn wrap(routes: Router, metrics: &Arc<Metrics>) -> Router {
    share(routes.fallback(not_found).method_not_allowed_fallback(method_not_allowed), metrics)
}

/// Adds what every answer of the door shares: its id among others (LX-06).
pub(super) fn share(routes: Router, metrics: &Arc<Metrics>) -> Router {
    calls::watch(routes, MANNER, Arc::clone(metrics))
}

/// A panic is a 500; an answer under way breaks off.
const MANNER: Manner = Manner {
    door: "lakehouse",
    operation: calls::route_of,
    is_probe: calls::is_probe,
    panicked: || {
        let message = "the server failed inside this call; its log has the details";
        ApiError::new(Code::Internal, message).into_response()
    },
    broken: || None,
    verdict: |_| None,
    is_journalled: true,
    untold: CallStatus::Unanswered,
    faults: Some(faults::MANNER),
};

async fn not_found(uri: Uri) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is no route {}", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    ApiError::new(Code::MethodNotAllowed, format!("{} does not take {method}", uri.path()))
}

/// Turns the 400 bodies of a route into bare messages for old clients (LQ-25).
pub(super) fn plain_errors(state: &Lakehouse, route: MethodRouter<Lakehouse>) -> MethodRouter<Lakehouse> {
    route.layer(from_fn_with_state(state.clone(), bare_message))
}

async fn bare_message(State(state): State<Lakehouse>, request: Request, next: Next) -> Response {
    let is_legacy = state.answers_legacy(request.headers());
    let response = next.run(request).await;
    if !is_legacy {
        return response;
    }
    match response.extensions().get::<Failure>() {
        Some(Failure(message)) if response.status() == StatusCode::BAD_REQUEST => {
            plain_text(StatusCode::BAD_REQUEST, message.clone())
        }
        _ => response,
    }
}

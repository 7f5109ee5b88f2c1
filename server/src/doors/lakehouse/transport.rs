//! What holds for every route: request ids (LX-06), unknown routes and methods (LX-04), plain errors for old clients.

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use axum::{Json, Router};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde::Serialize;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::response::{ApiError, Code, ErrorMessage, plain_text};
use super::state::Lakehouse;
use crate::doors::panics::{self, Telling};

/// The header of a request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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
pub(super) fn wrap(routes: Router) -> Router {
    share(routes.fallback(not_found).method_not_allowed_fallback(method_not_allowed))
}

/// Adds what every answer of the door shares.
pub(super) fn share(routes: Router) -> Router {
    panics::guard(routes, PANICS)
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, NewRequestId))
        .layer(map_request(without_blank_id))
}

/// A panic is a 500; an answer under way breaks off.
const PANICS: Telling = Telling {
    answer: || {
        let message = "the server failed inside this call; its log has the details";
        ApiError::new(Code::Internal, message).into_response()
    },
    end: || None,
};

/// An empty id is as good as none.
async fn without_blank_id(mut request: Request) -> Request {
    if request.headers().get(REQUEST_ID).is_some_and(HeaderValue::is_empty) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

#[derive(Debug, Clone, Copy)]
struct NewRequestId;

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _: &http::Request<B>) -> Option<RequestId> {
        Uuid::new_v4().to_string().parse().ok().map(RequestId::new)
    }
}

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
    match response.extensions().get::<ErrorMessage>() {
        Some(ErrorMessage(message)) if response.status() == StatusCode::BAD_REQUEST => {
            plain_text(StatusCode::BAD_REQUEST, message.clone())
        }
        _ => response,
    }
}

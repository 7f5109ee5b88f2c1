//! Cross-origin requests from any page, with credentials (AX-11, AX-12).
//!
//! The origin is echoed and never `*`: `sendBeacon` sends credentials, and browsers then refuse the wildcard.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Lets the page that asked read every response, errors included.
pub(super) async fn allow_origin(request: Request, next: Next) -> Response {
    // No origin is empty or `*`; echoing the latter would be the wildcard after all.
    let origin = request.headers().get(ORIGIN).filter(|origin| !origin.is_empty() && *origin != "*").cloned();
    let mut response = next.run(request).await;
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-request-id"));
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    response
}

/// Answers what a browser asks before it lets a page send.
pub(super) async fn answer_preflight(request: Request, next: Next) -> Response {
    match request.method() {
        &Method::OPTIONS => preflight(request.headers()),
        _ => next.run(request).await,
    }
}

/// AX-12: allowed on any path, without a key.
fn preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    let usual = HeaderValue::from_static("content-type, authorization, x-api-key");
    let requested = asked.get(ACCESS_CONTROL_REQUEST_HEADERS).filter(|list| !list.is_empty());
    let allowed = requested.cloned().unwrap_or(usual);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    if asked.get(REQUEST_PRIVATE_NETWORK).is_some_and(|value| value == "true") {
        headers.insert(ALLOW_PRIVATE_NETWORK, TRUE);
    }
    response
}

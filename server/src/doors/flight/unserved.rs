//! The answer to an RPC that no service on the port has: tonic leaves it without a text (FE-2).

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use tonic::{Code, Status};

/// Names the RPC in an answer that says no more than `UNIMPLEMENTED`.
pub(super) async fn named(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let silent = !headers.contains_key(Status::GRPC_MESSAGE);
    if silent
        && headers
            .get(Status::GRPC_STATUS)
            .is_some_and(|code| Code::from_bytes(code.as_bytes()) == Code::Unimplemented)
        && let Ok(text) = HeaderValue::try_from(format!("{} is not supported", uri.path()))
    {
        headers.insert(Status::GRPC_MESSAGE, text);
    }
    response
}

//! JSON bodies, whatever their Content-Type (LX-07), up to the configured size (LX-08).

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::doors::http::encoding;
use crate::doors::lakehouse::foreign;
use crate::doors::lakehouse::response::{ApiError, Code};
use crate::doors::lakehouse::state::Lakehouse;

/// How much of a body's start shows that it is something else.
const HEAD: usize = 4096;

/// The request's object.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Lakehouse> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Lakehouse) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let body = collect(&parts.headers, body, state.json_body_limit).await?;
        parse(&body).map(Self)
    }
}

/// The bytes of a body as its client meant it, up to `limit` of them.
///
/// # Errors
/// `unsupported-encoding`; `payload-too-large` beyond the limit; `bad-request` when the client breaks off, and for a
/// format that no route reads.
pub(crate) async fn collect(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let collected = Limited::new(encoding::decoded(headers, body)?.body, limit).collect().await;
    let bytes = collected.map(http_body_util::Collected::to_bytes).map_err(|fault| {
        if fault.downcast_ref::<LengthLimitError>().is_some() {
            return too_large(limit);
        }
        ApiError::bad_request(format!("the body could not be read: {fault}"))
    })?;
    foreign::refuse(headers, &bytes[..bytes.len().min(HEAD)], Code::BadRequest)?;
    Ok(bytes)
}

/// The refusal of a body beyond the limit.
pub(crate) fn too_large(limit: usize) -> ApiError {
    let message = format!("the body is larger than {limit} bytes (--json-body-limit)");
    ApiError::new(Code::PayloadTooLarge, message)
}

/// Reads a JSON object.
///
/// # Errors
/// `bad-request`, saying where the text stops making sense.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // Serde would also take an array of the fields in order.
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        Some(_) => return Err(ApiError::bad_request("the body must be a JSON object")),
        None => return Err(ApiError::bad_request("the body is empty; it must be a JSON object")),
    }
    serde_json::from_slice(body)
        .map_err(|fault| ApiError::bad_request(format!("the body is not the JSON expected: {fault}")))
}

//! JSON bodies of the plane (CX-1): an object whose keys are all known. None at all is an empty one.

use axum::extract::{FromRequest, Request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::Plane;
use super::answer::{PlaneRefusal, PlaneResult, RefusalCode};
use crate::doors::http::encoding;

/// The request's object.
pub(super) struct Order<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Plane> for Order<T> {
    type Rejection = PlaneRefusal;

    async fn from_request(request: Request, plane: &Plane) -> PlaneResult<Self> {
        let (parts, body) = request.into_parts();
        let body = encoding::decoded(&parts.headers, body)?.body;
        let limit = plane.body_limit;
        let bytes = Limited::new(body, limit).collect().await.map_err(|fault| {
            if fault.downcast_ref::<LengthLimitError>().is_some() {
                let message = format!("the body is larger than {limit} bytes (--json-body-limit)");
                return PlaneRefusal::new(RefusalCode::PayloadTooLarge, message);
            }
            PlaneRefusal::bad_request(format!("the body could not be read: {fault}"))
        })?;
        parse(&bytes.to_bytes()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> PlaneResult<T> {
    let body = match body.trim_ascii() {
        b"" => b"{}",
        // Serde would also take an array of the fields in order.
        body if !body.starts_with(b"{") => {
            return Err(PlaneRefusal::bad_request("the body must be a JSON object"));
        }
        body => body,
    };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|fault| {
        let at = fault.path().to_string();
        let place = if at == "." { String::new() } else { format!(" at `{at}`") };
        PlaneRefusal::bad_request(format!("the body is not the JSON expected{place}: {}", fault.inner()))
    })?;
    let rest = reader.end();
    rest.map_err(|fault| PlaneRefusal::bad_request(format!("the body is not the JSON expected: {fault}")))?;
    Ok(read)
}

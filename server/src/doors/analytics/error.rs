//! The errors of this port (AE): one body, a closed set of codes, never a word about the key.

use axum::http::header::ACCEPT_ENCODING;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::doors::calls::{self, Failure, Manner};
use crate::doors::http::encoding::{self, Unsupported};
use engine::{CallStatus, Error};

/// Why a request was refused (AE-02), in the order in which it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    NotFound,
    MethodNotAllowed,
    Unauthorized,
    Encoding(Unsupported),
    /// The body is larger than this many bytes.
    TooLarge(usize),
    Json(String),
    Payload {
        /// The place of the item in the batch; 0 for a single object.
        index: usize,
        invalid: Invalid,
    },
    Environment(Box<str>),
    /// A project, or the number of undeclared keys, would be beyond its limit.
    Limit(Error),
    /// A fault rule makes the answer in the place of this one (FR).
    Ended(Error),
    Internal,
}

/// What is wrong with an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invalid {
    /// The field at fault; `None` when the item is no object.
    pub(super) field: Option<&'static str>,
    pub(super) message: String,
}

/// The body of every error (AE-01).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ok": false, "task_id": null, "error_code": "invalid-payload", "error": "invalid-payload",
    "message": "Item 0: `event` must be a non-empty string.", "details": {"index": 0, "field": "event"}}))]
#[schema(as = ErrorBody)]
pub(super) struct AnalyticsErrorBody {
    /// Always false.
    ok: bool,
    /// Always null.
    task_id: Option<String>,
    /// The code, for JavaScript.
    error_code: &'static str,
    /// The same code, for Kotlin.
    error: &'static str,
    /// What happened and what to do.
    message: String,
    /// For `invalid-payload`: the item's `index`, and the `field` at fault or null.
    #[schema(value_type = Object)]
    details: Value,
}

impl Fault {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Encoding(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-encoding"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large"),
            Self::Json(_) => (StatusCode::BAD_REQUEST, "invalid-json"),
            Self::Payload { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-payload"),
            Self::Environment(_) => (StatusCode::UNPROCESSABLE_ENTITY, "environment-not-found"),
            Self::Limit(_) => (StatusCode::UNPROCESSABLE_ENTITY, "limit-exceeded"),
            Self::Ended(_) => (StatusCode::SERVICE_UNAVAILABLE, "internal"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    pub(super) fn message(&self) -> String {
        match self {
            Self::NotFound => "No such route. Events go to POST /track, /identify and /alias.".to_owned(),
            Self::MethodNotAllowed => {
                "This route does not answer that method; see the Allow header.".to_owned()
            }
            Self::Unauthorized => {
                "Missing or unknown API key. Send a declared one as X-API-Key, as a Bearer token or \
                 as ?apiKey=; the server declares keys with --api-key."
                    .to_owned()
            }
            Self::Encoding(unsupported) => format!("The body cannot be read: {unsupported}."),
            Self::TooLarge(limit) => format!("The body exceeds {limit} bytes. Send smaller batches."),
            Self::Json(reason) => format!("The body is not valid JSON: {reason}"),
            Self::Payload { index, invalid } => format!("Item {index}: {}", invalid.message),
            Self::Environment(name) => {
                format!("Environment \"{name}\" is not declared. The server declares it with --environment.")
            }
            Self::Limit(error) | Self::Ended(error) => error.message().to_owned(),
            Self::Internal => "The server failed. Its log says why.".to_owned(),
        }
    }

    fn details(&self) -> Value {
        match self {
            Self::Payload { index, invalid } => json!({"index": index, "field": invalid.field}),
            _ => json!({}),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, code) = self.code();
        let message = self.message();
        let failure = Failure(message.clone());
        let body = AnalyticsErrorBody {
            ok: false,
            task_id: None,
            error_code: code,
            error: code,
            message,
            details: self.details(),
        };
        let mut response = (status, Extension(failure), Json(body)).into_response();
        if matches!(self, Self::Encoding(_)) {
            let known = HeaderValue::from_static(encoding::ACCEPTED);
            response.headers_mut().insert(ACCEPT_ENCODING, known);
        }
        response
    }
}

pub(super) async fn not_found() -> Fault {
    Fault::NotFound
}

pub(super) async fn method_not_allowed() -> Fault {
    Fault::MethodNotAllowed
}

/// A panic is a fault of the server; an answer under way breaks off.
pub(super) const MANNER: Manner = Manner {
    door: "analytics",
    operation: calls::route_of,
    is_probe: calls::is_probe,
    panicked: || Fault::Internal.into_response(),
    broken: || None,
    verdict: |_| None,
    is_journalled: true,
    untold: CallStatus::Unanswered,
    faults: Some(super::faults::MANNER),
};

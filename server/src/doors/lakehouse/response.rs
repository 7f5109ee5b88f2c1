//! Answers that are not results: errors with their closed codes (LX-04), and JSON.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::doors::calls::Failure;
use crate::doors::http::encoding::{self, Unsupported};
use crate::doors::http::receive::Unreceived;
use engine::{Error, ErrorKind};

/// The result of a handler.
pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

/// An error as clients see it: a status, a closed code and a message.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    code: Code,
    message: String,
}

/// The closed list of codes (LX-04).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Code {
    BadRequest,
    UnsupportedDialect,
    CatalogNotFound,
    TableNotFound,
    TableExists,
    ReadOnly,
    InvalidData,
    Unauthorized,
    NotFound,
    MethodNotAllowed,
    PayloadTooLarge,
    UnsupportedEncoding,
    LimitExceeded,
    Internal,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest
            | Self::UnsupportedDialect
            | Self::CatalogNotFound
            | Self::TableNotFound
            | Self::TableExists
            | Self::ReadOnly
            | Self::InvalidData => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::LimitExceeded => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The body of an error: `{"error":{"code":"…","message":"…"}}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"error": {"code": "bad-request", "message": "the field `statement` is missing"}}))]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    code: Code,
    message: String,
}

impl ApiError {
    /// An error with that code.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A request that cannot be understood.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// The message.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The code.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// What a body says of it.
    pub(crate) fn into_detail(self) -> ErrorDetail {
        ErrorDetail { code: self.code, message: self.message }
    }
}

impl From<Unsupported> for ApiError {
    fn from(unsupported: Unsupported) -> Self {
        Self::new(Code::UnsupportedEncoding, unsupported.to_string())
    }
}

impl From<Unreceived> for ApiError {
    fn from(unreceived: Unreceived) -> Self {
        match unreceived {
            Unreceived::TooLarge(bound) => {
                Self::new(Code::PayloadTooLarge, format!("the body decodes to more than {bound}"))
            }
            Unreceived::BrokenOff(message) => Self::bad_request(message),
            Unreceived::Fault(error) => error.into(),
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            // A statement's own failure is told inside a 200 (LQ-09); here it is what an upload's data caused.
            ErrorKind::Sql
            | ErrorKind::Conflict
            | ErrorKind::InvalidData
            | ErrorKind::IncompatibleSchema
            | ErrorKind::Cancelled => Code::InvalidData,
            ErrorKind::NotOneStatement
            | ErrorKind::Refused
            | ErrorKind::InvalidArgument
            | ErrorKind::SessionExpired
            | ErrorKind::SessionUnknown
            | ErrorKind::FailedPrecondition
            | ErrorKind::OutOfRange
            | ErrorKind::Unimplemented => Code::BadRequest,
            ErrorKind::CatalogNotFound => Code::CatalogNotFound,
            ErrorKind::TableNotFound => Code::TableNotFound,
            ErrorKind::TableExists => Code::TableExists,
            ErrorKind::ReadOnly => Code::ReadOnly,
            ErrorKind::Unauthenticated => Code::Unauthorized,
            ErrorKind::NotFound => Code::NotFound,
            ErrorKind::LimitExceeded => Code::LimitExceeded,
            ErrorKind::Unavailable | ErrorKind::Config | ErrorKind::Internal => Code::Internal,
        };
        Self::new(code, error.message())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if self.code == Code::Internal {
            tracing::error!(message = self.message, "a request met a fault of the server");
        }
        let (code, message) = (self.code, Failure(self.message.clone()));
        let body = ErrorBody { error: self.into_detail() };
        let mut response = (code.status(), Json(body)).into_response();
        if code == Code::Unauthorized {
            let challenge = HeaderValue::from_static("Basic realm=\"altertable\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if code == Code::UnsupportedEncoding {
            let known = HeaderValue::from_static(encoding::ACCEPTED);
            response.headers_mut().insert(header::ACCEPT_ENCODING, known);
        }
        response.extensions_mut().insert(message);
        response
    }
}

/// A body of plain text, as older clients and failed exports read errors (LQ-18, LQ-24, LQ-25).
pub(crate) fn plain_text(status: StatusCode, message: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], message)
        .into_response()
}

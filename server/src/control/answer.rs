//! How the plane refuses: in the shape of the Lakehouse door's errors, with codes of its own (CX-1).

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::doors::calls::{self, Failure, Manner};
use crate::doors::http::encoding::{ACCEPTED, Unsupported};
use engine::{CallStatus, Error, ErrorKind};

/// What a handler answers.
pub(super) type PlaneResult<T> = Result<T, PlaneRefusal>;

/// A refusal: a status, a closed code and a message.
#[derive(Debug, Clone)]
pub(super) struct PlaneRefusal {
    code: RefusalCode,
    message: String,
}

/// The closed list of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RefusalCode {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Timeout,
    Conflict,
    PayloadTooLarge,
    UnsupportedEncoding,
    LimitExceeded,
    Internal,
}

impl RefusalCode {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::LimitExceeded => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The body of a refusal: `{"error":{"code":"…","message":"…"}}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"error": {"code": "forbidden", "message": "start the server with --control-key KEY"}}))]
pub(super) struct RefusalBody {
    error: RefusalDetail,
}

/// Why.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefusalDetail {
    code: RefusalCode,
    message: String,
}

/// A refusal with more than its error.
#[derive(Serialize)]
struct InVain<T> {
    error: RefusalDetail,
    #[serde(flatten)]
    instead: T,
}

impl PlaneRefusal {
    pub(super) fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A request that cannot be understood.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(RefusalCode::BadRequest, message)
    }

    /// One that does not fit what there is.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(RefusalCode::Conflict, message)
    }

    /// A wait that ended in vain, with what there is instead beside the error.
    pub(super) fn waited_in_vain(message: String, instead: impl Serialize) -> Response {
        let error = RefusalDetail { code: RefusalCode::Timeout, message: message.clone() };
        let body = InVain { error, instead };
        let mut response = (StatusCode::REQUEST_TIMEOUT, Json(body)).into_response();
        response.extensions_mut().insert(Failure(message));
        response
    }

    pub(super) fn code(&self) -> RefusalCode {
        self.code
    }
}

impl From<Error> for PlaneRefusal {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::NotFound => RefusalCode::NotFound,
            ErrorKind::FailedPrecondition | ErrorKind::Cancelled => RefusalCode::Conflict,
            ErrorKind::InvalidArgument => RefusalCode::BadRequest,
            ErrorKind::LimitExceeded => RefusalCode::LimitExceeded,
            ErrorKind::Unauthenticated => RefusalCode::Unauthorized,
            _ => RefusalCode::Internal,
        };
        Self::new(code, error.message())
    }
}

impl From<Unsupported> for PlaneRefusal {
    fn from(unsupported: Unsupported) -> Self {
        Self::new(RefusalCode::UnsupportedEncoding, unsupported.to_string())
    }
}

impl IntoResponse for PlaneRefusal {
    fn into_response(self) -> Response {
        let Self { code, message } = self;
        let failure = Failure(message.clone());
        let body = RefusalBody { error: RefusalDetail { code, message } };
        let mut response = (code.status(), Json(body)).into_response();
        let header = match code {
            RefusalCode::Unauthorized => {
                Some((header::WWW_AUTHENTICATE, "Basic realm=\"altertable\", Bearer realm=\"control\""))
            }
            RefusalCode::UnsupportedEncoding => Some((header::ACCEPT_ENCODING, ACCEPTED)),
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response.extensions_mut().insert(failure);
        response
    }
}

/// A panic is a 500; an answer under way breaks off.
pub(super) const MANNER: Manner = Manner {
    door: "control",
    operation: calls::route_of,
    is_probe: calls::is_probe,
    panicked: || {
        let message = "the server failed inside this call; its log has the details";
        PlaneRefusal::new(RefusalCode::Internal, message).into_response()
    },
    broken: || None,
    verdict: |_| None,
    is_journalled: false,
    untold: CallStatus::Unanswered,
    faults: None,
};

pub(super) async fn not_found(uri: Uri) -> PlaneRefusal {
    PlaneRefusal::new(RefusalCode::NotFound, format!("there is no route {}", uri.path()))
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> PlaneRefusal {
    PlaneRefusal::new(RefusalCode::MethodNotAllowed, format!("{} does not take {method}", uri.path()))
}

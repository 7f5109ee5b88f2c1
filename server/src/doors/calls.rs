//! Where every call begins and ends, whichever door it comes to: its id, its span, its line in the log, its place in the
//! metrics, and what becomes of a panic.

mod counted;
mod line;
#[cfg(test)]
mod panicking;
mod watched;

use std::any::Any;
use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures::FutureExt;
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::{Body as _, Frame};
use tracing::{Instrument, Span};
use uuid::Uuid;

use self::counted::Counted;
use self::line::{CallAnswer, CallLine};
#[cfg(test)]
pub(crate) use self::panicking::panicking;
use self::watched::Watched;
use super::faults::{self, CutOff, FaultManner};
use super::metrics::{CallOutcome, Metrics};
use crate::telemetry;
use engine::{Call, CallEnd, CallStatus};

/// The header of a call's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How a door tells its clients of what lies outside of its handlers, and the calls what only the door knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// The door's name.
    pub door: &'static str,
    /// What a call asks for, of a list that no client makes longer.
    pub operation: fn(&Request) -> Cow<'static, str>,
    /// Whether an operation is about the server itself: a probe every second is no news in the log.
    pub is_probe: fn(&str) -> bool,
    /// The answer of a call that panicked before it had one.
    pub panicked: fn() -> Response,
    /// The end of an answer that panicked under way, if the protocol has one for faults; otherwise it breaks off.
    pub broken: fn() -> Option<Frame<Bytes>>,
    /// What headers or trailers say of the outcome, in a protocol that tells it there rather than by HTTP's status.
    pub verdict: fn(&HeaderMap) -> Option<GrpcVerdict>,
    /// Whether its calls are kept in journals (RJ-1).
    pub is_journalled: bool,
    /// The status of a call whose client went before one was told.
    pub untold: CallStatus,
    /// How fault rules show on its answers, where those come by HTTP.
    pub faults: Option<FaultManner>,
}

/// What an answer over gRPC says of its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrpcVerdict {
    /// The status's name, such as `OK`.
    pub status: &'static str,
    /// What went wrong, if anything did.
    pub failure: Option<String>,
}

/// What went wrong in an answer, for the log: put into its extensions by whoever writes the answer.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub(crate) String);

/// The call that a request is.
///
/// Outside of a served door, as in tests of single handlers, it is one that nobody looks at.
pub(crate) fn of(extensions: &http::Extensions) -> Arc<Call> {
    extensions.get().cloned().unwrap_or_else(|| Arc::new(Call::new("", "", "")))
}

/// Routes whose calls are watched.
pub(crate) fn watch<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    manner: Manner,
    metrics: Arc<Metrics>,
) -> Router<S> {
    routes.layer(from_fn(move |request: Request, next: Next| {
        answer(request, next, manner, Arc::clone(&metrics))
    }))
}

/// The operation of a call over HTTP: its method and its route.
pub(crate) fn route_of(request: &Request) -> Cow<'static, str> {
    const METHODS: [Method; 7] = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ];
    let method = METHODS.iter().find(|known| *known == request.method()).map_or("OTHER", Method::as_str);
    match request.extensions().get::<MatchedPath>() {
        Some(path) => format!("{method} {}", path.as_str()).into(),
        None => "unknown route".into(),
    }
}

/// Whether an operation over HTTP is about the server itself.
pub(crate) fn is_probe(operation: &str) -> bool {
    operation.split_once(' ').is_some_and(|(_, path)| {
        matches!(path, "/" | "/health" | "/metrics") || path.starts_with("/openapi/")
    })
}

async fn answer(mut request: Request, next: Next, manner: Manner, metrics: Arc<Metrics>) -> Response {
    let id = request_id(request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let shown = String::from_utf8_lossy(id.as_bytes());
    let call = Arc::new(Call::new(manner.door, (manner.operation)(&request), &shown));
    let is_head = request.method() == Method::HEAD;
    request.extensions_mut().insert(Arc::clone(&call));
    let request = request.map(|body| Counted::wrap(body, &call));
    let client = request.headers().get(USER_AGENT).cloned();
    let ending = Ending::new(call, manner, metrics, client);
    telemetry::continue_trace(&ending.span, request.headers());
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(ending.span.clone()).await;
    let mut response = match answered {
        Ok(response) => {
            let response = match manner.faults.filter(|_| ending.call.is_faced()) {
                Some(faults) => faults::apply(&ending.call, response, faults).await,
                None => response,
            };
            ending.answered(response, is_head)
        }
        Err(cause) => {
            ending.panicked(cause.as_ref());
            (manner.panicked)()
        }
    };
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// What is done for a call happens in this span: what a collector is sent, or else what a line of the log names.
fn span_of(call: &Call) -> Span {
    let operation = &*call.operation();
    let (door, request_id) = (call.door(), call.request_id());
    if !telemetry::reads_spans() {
        return tracing::info_span!("call", door, operation, request_id);
    }
    tracing::info_span!(
        "call",
        otel.name = operation,
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        door,
        operation,
        request_id,
        tenant = tracing::field::Empty,
        session = tracing::field::Empty,
        rows = tracing::field::Empty,
        outcome = tracing::field::Empty,
        error = tracing::field::Empty,
    )
}

/// The id that a client sent, unless it is empty; else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let sent = headers.get(REQUEST_ID).filter(|id| !id.is_empty()).cloned();
    let new = || HeaderValue::try_from(Uuid::new_v4().to_string()).ok();
    sent.or_else(new).unwrap_or(HeaderValue::from_static("none"))
}

/// A call under way. Dropped before it has ended, its client has gone.
pub(crate) struct Ending {
    call: Arc<Call>,
    span: Span,
    manner: Manner,
    metrics: Arc<Metrics>,
    /// HTTP's status, once the answer has begun.
    status: Option<u16>,
    grpc_status: Option<&'static str>,
    told: Option<CallStatus>,
    /// Whether it is kept in the journal although it went well.
    is_news: bool,
    client: Option<HeaderValue>,
    bytes_out: u64,
    has_ended: bool,
}

impl Ending {
    /// A call begins, of a client that names itself so.
    pub(crate) fn new(
        call: Arc<Call>,
        manner: Manner,
        metrics: Arc<Metrics>,
        client: Option<HeaderValue>,
    ) -> Self {
        metrics.begin(manner.door);
        let span = span_of(&call);
        let (status, grpc_status, told, is_news, bytes_out, has_ended) = (None, None, None, true, 0, false);
        Self { call, span, manner, metrics, status, grpc_status, told, is_news, client, bytes_out, has_ended }
    }

    /// The call.
    pub(crate) fn call(&self) -> &Arc<Call> {
        &self.call
    }

    /// The client was told that status, of a door that does not answer by HTTP.
    pub(crate) fn told(&mut self, status: CallStatus) {
        self.told = Some(status);
    }

    /// So many more bytes of its answer went out, of a door that does not answer by HTTP.
    pub(crate) fn sends(&mut self, bytes: u64) {
        self.bytes_out += bytes;
    }

    /// It is kept in the journal only if it fails: a part of what other calls ask.
    pub(crate) fn is_no_news(&mut self) {
        self.is_news = false;
    }

    /// Its client calls itself so.
    pub(crate) fn is_of(&mut self, client: &str) {
        self.client = HeaderValue::from_str(client).ok();
    }

    /// The answer begins; the call ends with its body.
    fn answered(mut self, mut response: Response, is_head: bool) -> Response {
        if let Some(cut) = response.extensions().get::<CutOff>().copied() {
            self.call.fail(&cut.to_string());
            self.told = Some(CallStatus::Unanswered);
            self.ended();
            return response;
        }
        self.status = Some(response.status().as_u16());
        self.judge(response.headers());
        if let Some(Failure(message)) = response.extensions_mut().remove() {
            self.call.fail(&message);
        } else if response.status().as_u16() >= 400 {
            self.call.fail(response.status().canonical_reason().unwrap_or("an error"));
        }
        response.map(|body| {
            if is_head || body.is_end_stream() {
                self.ended();
                return body;
            }
            Body::new(Watched { body, ending: self })
        })
    }

    /// Notes what headers or trailers say.
    fn judge(&mut self, headers: &HeaderMap) {
        let Some(verdict) = (self.manner.verdict)(headers) else { return };
        (self.status, self.grpc_status) = (None, Some(verdict.status));
        if let Some(message) = verdict.failure {
            self.call.fail(&message);
        }
    }

    fn panicked(mut self, cause: &(dyn Any + Send)) {
        self.log_panic(cause);
        self.end(CallOutcome::Error);
    }

    fn log_panic(&self, cause: &(dyn Any + Send)) {
        let text = cause.downcast_ref::<&str>().copied();
        let text = text.or_else(|| cause.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        let (operation, request_id) = (self.call.operation(), self.call.request_id());
        tracing::error!(parent: None, door = self.call.door(), operation = &*operation, request_id, cause = text, "a call panicked");
        self.call.fail("the server panicked");
    }

    /// Its answer is complete.
    pub(crate) fn ended(&mut self) {
        let outcome = if self.call.failure().is_some() { CallOutcome::Error } else { CallOutcome::Ok };
        self.end(outcome);
    }

    /// Completes the span, for whoever collects spans.
    fn record(&self, operation: &str, outcome: CallOutcome) {
        let (call, span) = (&self.call, &self.span);
        let session = call.session().map(tracing::field::display);
        span.record("operation", operation).record("otel.name", operation);
        span.record("tenant", call.tenant()).record("session", session);
        if outcome != CallOutcome::Ok {
            span.record("otel.status_code", "ERROR");
        }
        span.record("rows", call.rows()).record("outcome", outcome.word()).record("error", call.failure());
    }

    fn end(&mut self, outcome: CallOutcome) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        let call = &self.call;
        let (operation, elapsed) = (call.operation(), call.elapsed());
        self.metrics.end(call.door(), &operation, outcome, elapsed);
        if telemetry::reads_spans() {
            self.record(&operation, outcome);
        }
        let is_news = outcome == CallOutcome::Error || !(self.manner.is_probe)(&operation);
        CallLine::log(
            call,
            operation,
            is_news,
            CallAnswer { elapsed, status: self.status, grpc_status: self.grpc_status, outcome },
        );
        if self.manner.is_journalled && (self.is_news || outcome != CallOutcome::Ok) {
            self.keep(outcome);
        }
    }

    /// Leaves an entry in the journals that the call belongs to.
    fn keep(&self, outcome: CallOutcome) {
        let call = &self.call;
        let status = self.told.unwrap_or(match (self.grpc_status, self.status) {
            (Some(name), _) => CallStatus::Grpc(name),
            (None, Some(code)) if self.manner.untold == CallStatus::Unanswered => CallStatus::Http(code),
            _ => self.manner.untold,
        });
        if outcome == CallOutcome::Cancelled {
            call.fail("the client went away before the end of the answer");
        }
        let client = self.client.as_ref().and_then(|client| client.to_str().ok());
        call.end(CallEnd { status, bytes_out: self.bytes_out, client }, |entry| {
            if outcome != CallOutcome::Ok || !(self.manner.is_probe)(&entry.operation) {
                self.metrics.keep_stranger(entry);
            }
        });
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.end(CallOutcome::Cancelled);
    }
}

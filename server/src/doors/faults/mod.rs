//! Fault rules on the answers of the doors that speak HTTP, gRPC included (FR-3): what an answer is replaced by, and how one
//! under way ends.

mod answer;
pub(crate) mod pace;
mod units;

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;

use self::answer::FaultyAnswer;
use crate::doors::calls::Failure;
use engine::{ActingFault, Call, CallHead, CallStatus, FaultCut, FaultEnd, FaultReply};

/// How a door tells its clients of a fault that a rule makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaultManner {
    /// An answer that is nothing but this error.
    pub reply: fn(&FaultReply) -> Response,
    /// How an answer under way ends with this error; `None` where its format knows nothing of the kind, so that it breaks
    /// off.
    pub ending: fn(Option<RowLines>, &FaultReply) -> Option<Frame<Bytes>>,
    /// Whether bodies are messages of gRPC.
    pub is_grpc: bool,
}

/// The lines of an answer's body are rows, but for those at its beginning: in the extensions of an answer to a call that
/// may meet a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowLines {
    /// How many lines come before the first row.
    pub(crate) head: u64,
}

/// A connection ends here, in that way. It is the error of a body, and stands in the extensions of an answer that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CutOff(pub(crate) FaultCut);

impl std::fmt::Display for CutOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a fault rule of the control plane cut the connection")
    }
}

impl std::error::Error for CutOff {}

impl CutOff {
    /// How the connection ends with whose body this error is, if it is one of these.
    pub(crate) fn of(error: &(dyn std::error::Error + 'static)) -> Option<FaultCut> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(Self(cut)) = error.downcast_ref() {
                return Some(*cut);
            }
            cause = error.source();
        }
        None
    }

    /// In the place of an answer: there is none.
    fn instead(self, call: &Call) -> Response {
        let mut response = Response::new(Body::empty());
        // Where calls share a connection it is cut when this would be sent.
        call.sever(self.0);
        response.extensions_mut().insert(self);
        response
    }
}

/// What becomes of a call's answer by the rule that acts on it.
pub(crate) async fn apply(call: &Arc<Call>, response: Response, manner: FaultManner) -> Response {
    // A call that was refused before it could take effect meets its rule now; what it fails with was told already.
    let _ = call.meet().await;
    let Some(acting) = call.acting() else { return response };
    let effects = acting.effects();
    if effects.stops_at_once() {
        return whole(call, acting, manner).await;
    }
    if effects.loses_answer {
        let mut body = response.into_body();
        while let Some(Ok(_)) = body.frame().await {}
        return whole(call, acting, manner).await;
    }
    if effects.changes_the_way() {
        return FaultyAnswer::wrap(call, acting, response, manner);
    }
    response
}

/// An answer that is nothing but its end.
async fn whole(call: &Call, acting: &ActingFault, manner: FaultManner) -> Response {
    match &acting.effects().end {
        Some(FaultEnd::Reply(reply)) => (manner.reply)(reply),
        Some(FaultEnd::Cut(cut)) => CutOff(*cut).instead(call),
        Some(FaultEnd::Hang) => {
            acting.released().await;
            CutOff(FaultCut::Close).instead(call)
        }
        None => CutOff(FaultCut::Close).instead(call),
    }
}

/// How a call began over HTTP, without what proves who asks.
pub(crate) fn head(path: &str, headers: &HeaderMap) -> CallHead {
    let shown = headers.iter().filter(|(name, _)| !SECRET_HEADERS.contains(&name.as_str()));
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let fields = shown.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    CallHead { path: path.to_owned(), fields }
}

/// The headers that no rule may name, for their values are secrets.
pub(crate) const SECRET_HEADERS: [&str; 4] = ["authorization", "x-api-key", "cookie", "proxy-authorization"];

/// HTTP's status of an error that a rule makes.
pub(crate) fn http_status(fault: &FaultReply) -> StatusCode {
    let code = match fault.status {
        CallStatus::Http(code) => StatusCode::from_u16(code).ok(),
        CallStatus::Grpc(_) | CallStatus::SqlState(_) | CallStatus::Unanswered => None,
    };
    code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An answer with the headers of the error that a rule makes, and its text for the log.
pub(crate) fn dressed(mut response: Response, fault: &FaultReply) -> Response {
    let is_bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status());
    if is_bodiless {
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_TYPE);
    }
    let headers = response.headers_mut();
    if let Some(retry_after) = fault.retry_after {
        // In whole seconds, as HTTP has it.
        headers.insert(
            RETRY_AFTER,
            retry_after.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).into(),
        );
    }
    for (name, value) in &fault.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    response.extensions_mut().insert(Failure(fault.message.clone()));
    response
}

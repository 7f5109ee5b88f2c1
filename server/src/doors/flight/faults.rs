//! Faults that a rule makes, in the words of gRPC (FR-3).

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::sql::{Any, Command};
use axum::response::Response;
use http::{Extensions, HeaderMap};
use http_body::Frame;
use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::encode::Answer;
use super::messages;
use super::prepared;
use super::query::Query;
use super::session::FlightSession;
use super::sessions::SessionsByToken;
use super::status::code_named;
use super::transport::FlightPeer;
use crate::doors::faults::{self, FaultManner};
use engine::{Call, CallStatus, FaultAfter, FaultReply, Result};

pub(super) const MANNER: FaultManner = FaultManner {
    reply: |fault| -> Response { made(fault).into_http() },
    ending: |_, fault| {
        let mut trailers = HeaderMap::new();
        made(fault).add_header(&mut trailers).ok().map(|()| Frame::trailers(trailers))
    },
    is_grpc: true,
};

/// `google.rpc.Status`, which says more of a status than its text.
#[derive(Clone, PartialEq, Message)]
struct StatusDetails {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RetryDelay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct RetryDelay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// The status of a fault, with its trailers.
fn made(fault: &FaultReply) -> Status {
    let code = match fault.status {
        CallStatus::Grpc(name) => code_named(name),
        CallStatus::Http(_) | CallStatus::SqlState(_) | CallStatus::Unanswered => tonic::Code::Unknown,
    };
    let details = fault.retry_after.map(|delay| {
        let info = RetryInfo { retry_delay: Some(retry_delay(delay)) };
        let about = Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: info.encode_to_vec().into(),
        };
        let message = fault.message.clone();
        StatusDetails { code: i32::from(code), message, details: vec![about] }.encode_to_vec()
    });
    let headers = fault.headers.iter().filter_map(|(name, value)| {
        Some((http::HeaderName::try_from(name).ok()?, http::HeaderValue::try_from(value).ok()?))
    });
    let metadata = MetadataMap::from_headers(headers.collect());
    Status::with_details_and_metadata(code, &fault.message, details.unwrap_or_default().into(), metadata)
}

fn retry_delay(delay: Duration) -> RetryDelay {
    let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
    RetryDelay { seconds, nanos: i32::try_from(delay.subsec_nanos()).unwrap_or(0) }
}

/// What the rules of a call may ask for of how it came.
pub(super) fn begins(call: &Call, metadata: &MetadataMap, extensions: &Extensions) {
    if !call.is_faced() {
        return;
    }
    call.begins(|| faults::head("", metadata.as_ref()));
    if let Some(FlightPeer { severance, .. }) = extensions.get() {
        let severance = Arc::clone(severance);
        call.is_severed_by(move |cut| severance.sever(cut));
    }
}

/// The call is about to take effect, with that statement if it has one.
///
/// # Errors
/// `Cancelled` for a call that is not to take effect, whose answer a rule makes; `SessionExpired` where it has the token
/// expire.
pub(super) async fn meet(
    sessions: &SessionsByToken,
    session: &Arc<FlightSession>,
    call: &Call,
    statement: impl FnOnce() -> Option<String>,
) -> Result<()> {
    if !call.is_faced() {
        return Ok(());
    }
    if let Some(statement) = statement() {
        call.is_about(&statement);
    }
    call.meet().await?;
    match call.acting() {
        Some(acting) if acting.effects().expires => Err(sessions.expire(session)),
        _ => Ok(()),
    }
}

/// The statement of a command, if it has one.
pub(super) fn statement(session: &FlightSession, command: &Command) -> Option<String> {
    let prepared = |handle: &[u8]| Some(prepared::find(session, handle).ok()?.prepared().sql().to_owned());
    match command {
        Command::CommandStatementQuery(query) => Some(query.query.clone()),
        Command::CommandStatementUpdate(update) => Some(update.query.clone()),
        Command::ActionCreatePreparedStatementRequest(request) => Some(request.query.clone()),
        Command::CommandPreparedStatementQuery(query) => prepared(&query.prepared_statement_handle),
        Command::CommandPreparedStatementUpdate(update) => prepared(&update.prepared_statement_handle),
        _ => None,
    }
}

/// The statement of an action, if its body holds one.
pub(super) fn statement_of_action(session: &FlightSession, body: &[u8]) -> Option<String> {
    statement(session, &messages::command(body).ok()?)
}

/// The statement that a ticket stands for.
pub(super) fn statement_of_ticket(session: &FlightSession, ticket: &[u8]) -> Option<String> {
    match &*session.engine.cursors().promise::<Query>(ticket).ok()? {
        Query::Sql { text, .. } => Some(text.clone()),
        Query::Prepared(statement) => Some(statement.prepared().sql().to_owned()),
        Query::Done(_) | Query::Metadata(_) => None,
    }
}

/// The answer as a rule has it that strikes after so many rows.
pub(super) fn cut_short(answer: Answer, call: &Call) -> Answer {
    match call.acting() {
        Some(acting) => match acting.effects().after {
            Some(FaultAfter::Rows(rows)) => {
                let acting = Arc::clone(acting);
                answer.stop_after(rows, move || acting.reaches())
            }
            _ => answer,
        },
        None => answer,
    }
}

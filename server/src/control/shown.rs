//! A call of the journal as JSON (RJ-1).

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use engine::events::Micros;
use engine::{CallStatus, JournalEntry, KeptText};

/// One call.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownCall {
    id: Uuid,
    /// When it began.
    time: String,
    door: &'static str,
    operation: String,
    /// The user's name; null for calls whose credentials were refused.
    tenant: Option<String>,
    session: Option<Uuid>,
    /// What it ran, at most 16 KiB of it, secrets masked.
    statement: Option<String>,
    /// The bytes of the whole statement.
    statement_length: Option<usize>,
    /// The table that it loaded rows into.
    table: Option<String>,
    /// The names of the events that it brought, at most 100.
    events: Option<Vec<String>>,
    /// The values that it bound as texts, of the first row if there were several.
    parameters: Option<Vec<Option<String>>>,
    /// HTTP's status, or the name of gRPC's; null if the client did not wait for the answer.
    #[schema(value_type = Option<Object>)]
    status: ShownStatus,
    error: Option<String>,
    /// Rows that went over the wire, if it was about rows.
    rows: Option<u64>,
    bytes_in: u64,
    bytes_out: u64,
    duration_us: u64,
    /// What its client called itself.
    client: Option<String>,
    /// The id of the fault rule that acted on it.
    fault: Option<Uuid>,
}

/// A status as its door writes it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ShownStatus {
    Code(u16),
    Name(String),
    None,
}

impl ShownCall {
    pub(super) fn of(entry: &JournalEntry) -> Self {
        let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        let kept = |kept: &KeptText| kept.text.as_ref().to_owned();
        let parameters = || entry.parameters.iter().map(|value| value.as_ref().map(kept)).collect();
        let events = || entry.events.iter().map(|event| event.as_ref().to_owned()).collect();
        Self {
            id: entry.id,
            time: shown_time(entry.time),
            door: entry.door,
            operation: entry.operation.clone().into_owned(),
            tenant: entry.tenant.as_deref().map(str::to_owned),
            session: entry.session,
            statement: entry.statement.as_ref().map(kept),
            statement_length: entry.statement.as_ref().map(|statement| statement.length),
            table: text(&entry.table),
            events: (!entry.events.is_empty()).then(events),
            parameters: (!entry.parameters.is_empty()).then(parameters),
            status: match entry.status {
                CallStatus::Http(code) => ShownStatus::Code(code),
                CallStatus::Grpc(name) => ShownStatus::Name(name.to_owned()),
                CallStatus::SqlState(code) => ShownStatus::Name(code.as_str().to_owned()),
                CallStatus::Unanswered => ShownStatus::None,
            },
            error: text(&entry.error),
            rows: entry.rows,
            bytes_in: entry.bytes_in,
            bytes_out: entry.bytes_out,
            duration_us: u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX),
            client: text(&entry.client),
            fault: entry.fault,
        }
    }
}

/// A time as RFC 3339 writes it, to the microsecond.
pub(super) fn shown_time(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// An instant of an event, likewise.
pub(super) fn shown_micros(at: Micros) -> String {
    DateTime::from_timestamp_micros(at.0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}

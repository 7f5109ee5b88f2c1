//! The calls of a tenant's journal, as `mock.main.requests` shows them (RJ-5).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

use uuid::Uuid;

use crate::journal::{CallStatus, JournalEntry, KeptText};
use crate::json;
use duck::types::LogicalType;
use duck::{ChunkWriter, TableScan, VectorWriter};

/// The table function's name for them.
pub(super) const CALLS: &str = "requests";

/// As many rows as DuckDB's vectors hold.
const RUN: usize = 2048;

/// The calls that a statement sees.
pub(super) type Calls = [Arc<JournalEntry>];

/// Names and types; a number comes first, because counting rows reads the first column. Lists are JSON, which the view
/// takes apart.
pub(super) fn columns() -> Vec<(&'static str, LogicalType)> {
    use LogicalType::{BigInt, Json, TimestampTz, Varchar};
    vec![
        ("duration_us", BigInt),
        ("id", Varchar),
        ("time", TimestampTz),
        ("door", Varchar),
        ("operation", Varchar),
        ("tenant", Varchar),
        ("session", Varchar),
        ("statement", Varchar),
        ("statement_length", BigInt),
        ("table", Varchar),
        ("events", Json),
        ("parameters", Json),
        ("status", Varchar),
        ("error", Varchar),
        ("rows", BigInt),
        ("bytes_in", BigInt),
        ("bytes_out", BigInt),
        ("client", Varchar),
        ("fault", Varchar),
    ]
}

/// One execution's pass over the calls.
pub(super) struct CallScan {
    calls: Arc<Calls>,
    columns: Vec<&'static str>,
    next: AtomicUsize,
}

impl CallScan {
    pub(super) fn new(calls: Arc<Calls>, places: &[usize]) -> Self {
        let all = columns();
        let columns = places.iter().filter_map(|&place| all.get(place).map(|(name, _)| *name)).collect();
        Self { calls, columns, next: AtomicUsize::new(0) }
    }
}

impl TableScan for CallScan {
    fn threads(&self) -> usize {
        self.calls.len().div_ceil(RUN)
    }

    fn next<'scan>(&'scan self, out: &mut ChunkWriter<'_, 'scan>) -> usize {
        let start = self.next.fetch_add(RUN, Ordering::Relaxed).min(self.calls.len());
        let run = &self.calls[start..self.calls.len().min(start + RUN)];
        for (place, column) in self.columns.iter().enumerate() {
            let Some(mut writer) = out.column(place) else { continue };
            run.iter().enumerate().for_each(|(row, call)| write(call, column, row, &mut writer));
        }
        run.len()
    }
}

fn write<'a>(call: &'a JournalEntry, column: &str, row: usize, out: &mut VectorWriter<'_, 'a>) {
    match column {
        "id" => write_uuid(out, row, Some(call.id)),
        "time" => out.integer(row, micros(call)),
        "door" => out.text(row, Some(call.door)),
        "operation" => out.text(row, Some(&call.operation)),
        "tenant" => out.text(row, call.tenant.as_deref()),
        "session" => write_uuid(out, row, call.session),
        "statement" => out.text(row, call.statement.as_ref().map(|statement| &*statement.text)),
        "statement_length" => {
            write_number(out, row, call.statement.as_ref().map(|statement| statement.length as u64));
        }
        "table" => out.text(row, call.table.as_deref()),
        "events" => write_list(out, row, call.events.iter().map(|event| Some(&**event))),
        "parameters" => {
            let text = |value: &'a KeptText| &*value.text;
            write_list(out, row, call.parameters.iter().map(|value| value.as_ref().map(text)));
        }
        "status" => write_status(out, row, &call.status),
        "error" => out.text(row, call.error.as_deref()),
        "rows" => write_number(out, row, call.rows),
        "bytes_in" => write_number(out, row, Some(call.bytes_in)),
        "bytes_out" => write_number(out, row, Some(call.bytes_out)),
        "client" => out.text(row, call.client.as_deref()),
        "fault" => write_uuid(out, row, call.fault),
        _ => write_number(out, row, u64::try_from(call.duration.as_micros()).ok()),
    }
}

fn micros(call: &JournalEntry) -> i64 {
    let since = call.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn write_uuid(out: &mut VectorWriter<'_, '_>, row: usize, id: Option<Uuid>) {
    match id {
        Some(id) => out.copied_text(row, id.hyphenated().encode_lower(&mut Uuid::encode_buffer())),
        None => out.null(row),
    }
}

fn write_number(out: &mut VectorWriter<'_, '_>, row: usize, number: Option<u64>) {
    match number {
        Some(number) => out.integer(row, i64::try_from(number).unwrap_or(i64::MAX)),
        None => out.null(row),
    }
}

fn write_status<'a>(out: &mut VectorWriter<'_, 'a>, row: usize, status: &'a CallStatus) {
    match status {
        CallStatus::Http(code) => out.copied_text(row, &code.to_string()),
        CallStatus::Grpc(name) => out.text(row, Some(name)),
        CallStatus::SqlState(code) => out.text(row, Some(code.as_str())),
        CallStatus::Unanswered => out.null(row),
    }
}

/// Texts as a JSON array; NULL if there are none.
fn write_list<'a>(
    out: &mut VectorWriter<'_, '_>,
    row: usize,
    texts: impl ExactSizeIterator<Item = Option<&'a str>>,
) {
    if texts.len() == 0 {
        return out.null(row);
    }
    let mut list = String::from("[");
    for (at, text) in texts.enumerate() {
        if at > 0 {
            list.push(',');
        }
        match text {
            Some(text) => json::push_string(&mut list, text),
            None => list.push_str("null"),
        }
    }
    list.push(']');
    out.copied_text(row, &list);
}

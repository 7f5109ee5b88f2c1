//! `GET` and `DELETE /query/{query_id}`: how a query goes, and its end (LG, LC).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::{Caller, Params};
use super::openapi::IdAnswers;
use super::response::{ApiError, Code, Result};
use super::session::parse_id;
use engine::QueryEntry;

/// The text that a cancelled query ends with.
const CANCELLED: &str = "INTERRUPT Error: the query was cancelled";

/// How long a cancelled query may take to log its own end.
const UNREAD: Duration = Duration::from_millis(500);

/// A query as logged (LG-01).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoggedQuery {
    uuid: String,
    start_time: String,
    end_time: Option<String>,
    duration_ms: Option<u64>,
    /// The statement; its beginning if it is long (LG-05).
    query: String,
    /// The bytes of the whole statement.
    query_length: usize,
    session_id: String,
    client_interface: &'static str,
    error: Option<String>,
    visible: bool,
    requested_by: Option<String>,
    user_agent: Option<String>,
    stats: Stats,
    progress: ProgressBody,
    // The JS types look for the members of both at top level (LG-02).
    caching: Caching,
    memory: Memory,
    scan: ScanStats,
    percentage: f64,
    rows_processed: u64,
    total_rows: u64,
}

/// Counters of the hosted service; nothing is cached here.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
struct Stats {
    caching: Caching,
    memory: Memory,
    scan: ScanStats,
}

#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
struct Caching {
    data_hits: u64,
    data_misses: u64,
    data_bytes_hits: u64,
    data_bytes_misses: u64,
    filehandle_hits: u64,
    filehandle_misses: u64,
    metadata_hits: u64,
    metadata_misses: u64,
}

#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
struct Memory {
    total_usage_bytes: u64,
}

#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
#[schema(as = Scan)]
struct ScanStats {
    estimated_result_rows: u64,
    estimated_scanned_rows: u64,
}

/// How far the query is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Progress)]
struct ProgressBody {
    percentage: f64,
    rows_processed: u64,
    total_rows: u64,
}

/// What became of a cancel (LC-01).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cancelled)]
pub(super) struct Cancellation {
    cancelled: bool,
    message: &'static str,
}

/// Shows a query of the caller's.
///
/// # Errors
/// `bad-request` for a malformed id, `not-found` for one that is unknown or another tenant's (LG-05).
#[utoipa::path(get, path = "/query/{query_id}", tag = "Query",
    params(("query_id" = Uuid, Path, description = "As line 1 of the query reported it")),
    responses((status = 200, body = LoggedQuery, description = "How the query goes"), IdAnswers))]
pub(super) async fn show(
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<LoggedQuery>> {
    Ok(Json(LoggedQuery::from(&*find(&caller, id)?)))
}

/// Stops a query of the caller's, if the session is the query's own (LC-02, LC-03).
///
/// # Errors
/// As [`show`]; `bad-request` without a `session_id`.
#[utoipa::path(delete, path = "/query/{query_id}", tag = "Query",
    params(
        ("query_id" = Uuid, Path, description = "As line 1 of the query reported it"),
        ("session_id" = String, Query, description = "The query's own session; with another nothing happens")),
    responses((status = 200, body = Cancellation, description = "Whether the query is being cancelled"), IdAnswers))]
pub(super) async fn cancel(
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Json<Cancellation>> {
    let id = path_id(id)?;
    let session = params.get("session_id");
    let session =
        session.ok_or_else(|| ApiError::bad_request("the query parameter `session_id` is missing"))?;
    let entry = lookup(&caller, &id)?;
    if session != entry.facts.session {
        return Ok(Json(Cancellation { cancelled: false, message: "the query runs in another session" }));
    }
    let message =
        if entry.outcome().is_some() { "the query had finished" } else { "the query is being cancelled" };
    caller.meet(None, None).await?;
    entry.cancel.cancel(CANCELLED);
    if entry.outcome().is_none() {
        tokio::spawn(note_the_end(entry));
    }
    Ok(Json(Cancellation { cancelled: true, message }))
}

/// Logs that a cancelled query has ended even if nobody reads its response, which would tell (LC-04).
async fn note_the_end(entry: Arc<QueryEntry>) {
    tokio::time::sleep(UNREAD).await;
    entry.finish(Some(CANCELLED.to_owned()));
}

fn find(caller: &Caller, id: Result<Path<String>, PathRejection>) -> Result<Arc<QueryEntry>> {
    lookup(caller, &path_id(id)?)
}

fn path_id(id: Result<Path<String>, PathRejection>) -> Result<String> {
    let Path(id) = id.map_err(|_| ApiError::bad_request("the query id is not a UUID"))?;
    parse_id("the query id", &id).map(|_| id)
}

fn lookup(caller: &Caller, id: &str) -> Result<Arc<QueryEntry>> {
    let entry = caller.0.queries().get(parse_id("the query id", id)?);
    entry.ok_or_else(|| ApiError::new(Code::NotFound, format!("there is no query {id}")))
}

impl From<&QueryEntry> for LoggedQuery {
    fn from(entry: &QueryEntry) -> Self {
        let (outcome, progress) = (entry.outcome(), entry.progress());
        let duration = outcome.as_ref().map(|outcome| {
            let elapsed = outcome.ended.duration_since(entry.started).unwrap_or_default();
            u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
        });
        let Stats { caching, memory, scan } = Stats::default();
        let progress = ProgressBody {
            percentage: progress.percentage,
            rows_processed: progress.rows,
            total_rows: progress.total,
        };
        Self {
            uuid: entry.facts.id.to_string(),
            start_time: rfc3339(entry.started),
            end_time: outcome.as_ref().map(|outcome| rfc3339(outcome.ended)),
            duration_ms: duration,
            query: entry.facts.statement.clone(),
            query_length: entry.query_length,
            session_id: entry.facts.session.clone(),
            client_interface: entry.facts.interface,
            error: outcome.and_then(|outcome| outcome.error),
            visible: entry.facts.visible,
            requested_by: entry.facts.requested_by.clone(),
            user_agent: entry.facts.user_agent.clone(),
            stats: Stats { caching, memory, scan },
            progress,
            caching,
            memory,
            scan,
            percentage: progress.percentage,
            rows_processed: progress.rows_processed,
            total_rows: progress.total_rows,
        }
    }
}

fn rfc3339(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

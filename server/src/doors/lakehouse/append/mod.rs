//! `POST /append`: JSON rows into a table that grows with them (LP).

mod arrow_rows;
mod columns;
mod rows;

pub(super) use self::rows::{Key, RowMembers, text};

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::extract::{Caller, Params, collect};
use super::late;
use super::load::{self, Format};
use super::openapi::JsonAnswers;
use super::response::{ApiError, Code, ErrorDetail, Result};
use super::session::RequestSession;
use super::state::Lakehouse;
use engine::ingest::{Append, IngestTarget};
use engine::run_blocking;
use engine::{Call, CancelOnDrop, Error, ErrorKind, Limits, Tenant};

/// The largest body that is read without another thread: some milliseconds' work.
const SMALL: usize = 64 * 1024;

/// What became of an append (LP-02, LP-10).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ok": true, "error_code": null, "error_message": null,
    "task_id": "0193b3a4-0000-7000-8000-000000000000"}))]
pub(super) struct Appended {
    ok: bool,
    error_code: Option<AppendCode>,
    error_message: Option<String>,
    task_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorDetail>,
}

/// Why an append failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AppendCode {
    InvalidData,
    IncompatibleSchema,
}

/// Adds the body's rows to a table; they are committed when this answers (LP-03).
///
/// # Errors
/// What LX-04 says of credentials, size and faults of the server. What the data or the target cause is a 200 with
/// `ok: false` (LP-02), a request that cannot be understood a 400 of both shapes (LP-10).
#[utoipa::path(post, path = "/append", tag = "Load",
    params(
        ("catalog" = String, Query, description = "The catalog, which exists"),
        ("schema" = String, Query, description = "The schema, made if it is missing"),
        ("table" = String, Query, description = "The table"),
        ("sync" = Option<bool>, Query, description = "Without effect: rows are committed before the answer")),
    request_body(description = "One row as an object, an array of them, or Arrow record batches", content(
        (Object = "application/json", example = json!({"id": 1})),
        (String = "application/vnd.apache.arrow.stream"), (String = "application/vnd.apache.arrow.file"))),
    responses((status = 200, body = Appended, description = "The rows are there, or why not"), JsonAnswers))]
pub(super) async fn run(
    caller: Caller,
    State(state): State<Lakehouse>,
    params: Params,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let understood = match collect(&headers, body, state.json_body_limit).await {
        Ok(body) => understand(&params, &headers, body, state.json_body_limit, caller.0.limits()).await,
        Err(error) => Err(error),
    };
    let (target, rows) = match understood {
        Ok(understood) => understood,
        Err(error) if error.code() == Code::BadRequest => return Ok(malformed(error)),
        Err(error) => return Err(error),
    };
    caller.1.notes().loads_into(&target.table);
    caller.meet(None, None).await?;
    if late::is_late(&caller.0)
        && let Ok(append) = rows
    {
        return answer_before(&caller, &state, target, append);
    }
    let outcome = match rows {
        Ok(append) => store(&caller.0, &caller.1, append).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => Ok(Json(Appended::done(state.tasks.issue(&caller.0))).into_response()),
        Err(error) => match code(error.kind()) {
            // The only code that clients of that age know (LQ-25).
            Some(_) if state.answers_legacy(&headers) => {
                let message = explained(&error, &target);
                Ok(Json(Appended::failed(AppendCode::InvalidData, message)).into_response())
            }
            Some(code) => Ok(Json(Appended::failed(code, explained(&error, &target))).into_response()),
            None => Err(error.into()),
        },
    }
}

/// Reads target and rows. The inner result tells rows that are JSON but no rows.
async fn understand(
    params: &Params,
    headers: &HeaderMap,
    body: Bytes,
    limit: usize,
    limits: &Limits,
) -> Result<(IngestTarget, engine::Result<Append>)> {
    let target = load::target(params)?;
    params.flag("sync")?;
    let into = target.clone();
    // Reading a large body takes longer than other requests should wait for this thread.
    let is_small = body.len() <= SMALL;
    let is_arrow = Format::of_content_type(headers) == Some(Format::Arrow);
    let (keys, message) = (limits.row_keys, limits.arrow_message);
    let read = move || match is_arrow {
        true => arrow_rows::read(&body, limit, message, into),
        false => rows::read(&body, keys, into),
    };
    let rows = if is_small { read()? } else { run_blocking(move || Ok(read())).await?? };
    match rows {
        rows::Read::Rows(append) => Ok((target, Ok(append))),
        rows::Read::NoRows(error) => Ok((target, Err(error))),
    }
}

async fn store(tenant: &Arc<Tenant>, call: &Arc<Call>, append: Append) -> engine::Result<()> {
    if append.groups.is_empty() {
        return Ok(());
    }
    let Some(append) = tenant.append_together(append, call).await? else { return Ok(()) };
    let session = RequestSession::ephemeral(tenant).await?;
    let _gone = CancelOnDrop::new(call.cancel(), "the client disconnected");
    session.append(append, call).await
}

/// Answers before the rows are there (TK).
fn answer_before(
    caller: &Caller,
    state: &Lakehouse,
    target: IngestTarget,
    append: Append,
) -> Result<Response> {
    let task_id = state.tasks.issue(&caller.0);
    let tenant = Arc::clone(&caller.0);
    let held = tenant.meters().held.take(append.size() as u64)?;
    let work = async move {
        let _held = held;
        let stored = store(&tenant, &Call::of_server("a late append"), append).await;
        stored.map_err(|error| explained(&error, &target))
    };
    late::begin(&caller.0, task_id, work)?;
    Ok(Json(Appended::done(task_id)).into_response())
}

/// The code of a failure that data or target caused; `None` for the server's own.
fn code(kind: ErrorKind) -> Option<AppendCode> {
    match kind {
        ErrorKind::IncompatibleSchema => Some(AppendCode::IncompatibleSchema),
        ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::Config | ErrorKind::Unauthenticated => None,
        _ => Some(AppendCode::InvalidData),
    }
}

fn explained(error: &Error, target: &IngestTarget) -> String {
    match error.kind() {
        ErrorKind::IncompatibleSchema => format!("cannot append to \"{}\": {error}", target.table),
        _ => error.message().to_owned(),
    }
}

fn malformed(error: ApiError) -> Response {
    let status = error.status();
    let message = error.message().to_owned();
    let body =
        Appended { error: Some(error.into_detail()), ..Appended::failed(AppendCode::InvalidData, message) };
    (status, Json(body)).into_response()
}

impl Appended {
    fn done(task_id: Uuid) -> Self {
        Self { ok: true, error_code: None, error_message: None, task_id: Some(task_id), error: None }
    }

    fn failed(code: AppendCode, message: String) -> Self {
        Self { ok: false, error_code: Some(code), error_message: Some(message), task_id: None, error: None }
    }
}

//! A body on its way into a table: what both /upload and /upsert do (LU, LM).

mod arrow_file;
mod format;
mod json_file;
mod json_inside;
mod json_text;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::format::Format;
use super::extract::{Caller, Params};
use super::foreign;
use super::late;
use super::response::{ApiError, Code, Result};
use super::session::RequestSession;
use super::state::Lakehouse;
use super::tasks::{COMPLETED, PENDING};
use crate::doors::http::encoding::{self, Decoded};
use crate::doors::http::receive::{BodyBound, receive};
use engine::ingest::{FileFormat, Ingest, IngestMode, IngestTarget, Keys, Source, UploadFile};
use engine::{Call, Error, ErrorKind, Limits};

/// A finished load (LM-05).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ok": true, "error_code": null, "error_message": null,
    "task_id": "0193b3a4-0000-7000-8000-000000000000", "status": "completed"}))]
pub(super) struct Loaded {
    ok: bool,
    error_code: Option<String>,
    error_message: Option<String>,
    task_id: Uuid,
    status: &'static str,
}

impl Loaded {
    fn of(task_id: Uuid, status: &'static str) -> Self {
        Self { ok: true, error_code: None, error_message: None, task_id, status }
    }
}

/// Where a load goes, and how.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) target: IngestTarget,
    pub(super) mode: IngestMode,
    pub(super) keys: Option<Keys>,
}

/// The target that the query parameters name.
///
/// # Errors
/// `bad-request` for a missing one.
pub(super) fn target(params: &Params) -> Result<IngestTarget> {
    Ok(IngestTarget {
        catalog: Some(params.required("catalog")?),
        schema: Some(params.required("schema")?),
        table: params.required("table")?,
        temporary: false,
    })
}

/// The upsert that the query parameters ask for.
///
/// # Errors
/// `bad-request` for a `cursor_field` that names no column (LM-02).
pub(super) fn upsert(target: IngestTarget, params: &Params) -> Result<Load> {
    let keys = Keys { primary: params.list("primary_key"), cursor: params.list("cursor_field") };
    if params.get("cursor_field").is_some() && keys.cursor.is_empty() {
        return Err(ApiError::bad_request("cursor_field must name at least one column, if it is given"));
    }
    Ok(Load { target, mode: IngestMode::CREATE_APPEND, keys: Some(keys) })
}

/// Takes the body to a file, and the file into the table; the file is gone when this ends, however it does.
///
/// # Errors
/// The codes of LX-04 for target and data; `bad-request` when the body breaks off; `unsupported-encoding` and
/// `payload-too-large` for one that was compressed.
pub(super) async fn store(
    caller: &Caller,
    state: &Lakehouse,
    params: &Params,
    headers: &HeaderMap,
    body: Body,
    load: Load,
) -> Result<Json<Loaded>> {
    caller.1.notes().loads_into(&load.target.table);
    caller.meet(None, None).await?;
    let declared = Format::declared(headers, params.get("format"))?;
    let session = RequestSession::ephemeral(&caller.0).await?;
    let Decoded { body, was_encoded } = encoding::decoded(headers, body)?;
    let bound = BodyBound { bytes: state.decoded_body_limit, flag: "--decoded-body-limit" };
    let folder = Arc::clone(&session);
    let (file, head) = receive(move || folder.upload_file(), body, was_encoded.then_some(bound)).await?;
    if head.is_empty() {
        return Err(Error::new(ErrorKind::InvalidData, "the body is empty").into());
    }
    foreign::refuse(headers, &head, Code::InvalidData)?;
    let format = declared.unwrap_or_else(|| Format::of_content(&head));
    let source = source(format, file, *session.limits()).await?;
    let table = load.target.table.clone();
    let ingest = Ingest { target: load.target, mode: load.mode, source, keys: load.keys };
    let task_id = state.tasks.issue(&caller.0);
    if late::is_late(&caller.0) {
        let call = Call::of_server("a late load");
        let work = async move { session.ingest(ingest, &call).await.map(drop) };
        let told = move |error| in_duckdb_words(error, &table).message().to_owned();
        late::begin(&caller.0, task_id, async move { work.await.map_err(told) })?;
        return Ok(Json(Loaded::of(task_id, PENDING)));
    }
    let _gone = caller.cancel_on_drop();
    session
        .ingest(ingest, &caller.1)
        .await
        .map_err(|error| ApiError::from(in_duckdb_words(error, &table)))?;
    Ok(Json(Loaded::of(task_id, COMPLETED)))
}

async fn source(format: Format, file: UploadFile, limits: Limits) -> Result<Source> {
    Ok(engine::run_blocking(move || opened(format, file, &limits)).await?)
}

fn opened(format: Format, file: UploadFile, limits: &Limits) -> engine::Result<Source> {
    Ok(match format {
        Format::Csv => Source::File { file, format: FileFormat::Csv },
        Format::Parquet => Source::File { file, format: FileFormat::Parquet },
        Format::Json => Source::Json(json_file::open(file, limits.row_keys)?),
        Format::Arrow => Source::Arrow(arrow_file::open(file, limits.arrow_message)?),
    })
}

/// The rows of a file that no call has brought; `head` are its first bytes. Blocks.
///
/// # Errors
/// InvalidData for a file that is something else, or whose rows cannot be loaded.
pub(crate) fn file_source(
    format: Format,
    file: UploadFile,
    head: &[u8],
    limits: &Limits,
) -> engine::Result<Source> {
    match foreign::named(&HeaderMap::new(), head) {
        Some(message) => Err(Error::new(ErrorKind::InvalidData, message)),
        None => opened(format, file, limits),
    }
}

/// LX-04: what is wrong with the target is told in DuckDB's words.
pub(crate) fn in_duckdb_words(error: Error, table: &str) -> Error {
    let message = match error.kind() {
        ErrorKind::TableExists => format!("Catalog Error: Table with name \"{table}\" already exists!"),
        ErrorKind::TableNotFound => format!("Catalog Error: Table with name {table} does not exist!"),
        _ => return error,
    };
    Error::new(error.kind(), message)
}

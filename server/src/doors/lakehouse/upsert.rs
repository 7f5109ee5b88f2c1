//! `POST /upsert`: a file merged into a table by its keys (LM).

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;

use super::extract::{Caller, Params};
use super::openapi::FileAnswers;
use super::response::{ApiError, Result};
use super::state::Lakehouse;
use super::upload::{self, Load, Loaded};
use engine::ingest::{IngestMode, IngestTarget, Keys};

/// Merges the body into a table.
///
/// # Errors
/// `bad-request` for missing parameters, the key after the catalog's faults (LM-01); the codes of LX-04 for target
/// and data.
#[utoipa::path(post, path = "/upsert", tag = "Load",
    params(
        ("catalog" = String, Query, description = "The catalog, which exists"),
        ("schema" = String, Query, description = "The schema, made if it is missing"),
        ("table" = String, Query, description = "The table"),
        ("primary_key" = String, Query, description = "The columns that identify a row, comma-separated"),
        ("cursor_field" = Option<String>, Query, description = "The columns by which the greater row wins"),
        ("format" = Option<String>, Query, description = "What the body is, if the Content-Type does not say")),
    request_body(content((String = "text/csv"), (String = "application/json"), (String = "application/parquet"),
        (String = "application/vnd.apache.arrow.stream"), (String = "application/vnd.apache.arrow.file"))),
    responses((status = 200, body = Loaded, description = "The rows are there"), FileAnswers))]
pub(super) async fn run(
    caller: Caller,
    State(state): State<Lakehouse>,
    params: Params,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Loaded>> {
    let load = load(upload::target(&params)?, &params)?;
    upload::store(&caller, &state, &params, &headers, body, load).await
}

/// The upsert that the query parameters ask for.
///
/// # Errors
/// `bad-request` for a `cursor_field` that names no column (LM-02).
pub(super) fn load(target: IngestTarget, params: &Params) -> Result<Load> {
    let keys = Keys { primary: params.list("primary_key"), cursor: params.list("cursor_field") };
    if params.get("cursor_field").is_some() && keys.cursor.is_empty() {
        return Err(ApiError::bad_request("cursor_field must name at least one column, if it is given"));
    }
    Ok(Load { target, mode: IngestMode::CREATE_APPEND, keys: Some(keys) })
}

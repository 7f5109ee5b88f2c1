//! `POST /upsert`: a file merged into a table by its keys (LM).

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;

use super::extract::{Caller, Params};
use super::load::{self, Loaded};
use super::openapi::FileAnswers;
use super::response::Result;
use super::state::Lakehouse;

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
    let load = load::upsert(load::target(&params)?, &params)?;
    load::store(&caller, &state, &params, &headers, body, load).await
}

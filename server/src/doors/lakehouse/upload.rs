//! `POST /upload`: a file into a table (LU).

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;

use super::extract::{Caller, Params};
use super::load::{self, Load, Loaded};
use super::openapi::FileAnswers;
use super::response::{ApiError, Result};
use super::state::Lakehouse;
use engine::ingest::IngestMode;

/// Loads the body into a table.
///
/// # Errors
/// `bad-request` for missing parameters or an unknown mode; the codes of LX-04 for target and data.
#[utoipa::path(post, path = "/upload", tag = "Load",
    params(
        ("catalog" = String, Query, description = "The catalog, which exists"),
        ("schema" = String, Query, description = "The schema, made if it is missing"),
        ("table" = String, Query, description = "The table"),
        ("mode" = String, Query, description = "`create`, `append`, `overwrite`, `create_append` or `upsert`"),
        ("format" = Option<String>, Query, description = "What the body is, if the Content-Type does not say"),
        ("primary_key" = Option<String>, Query, description = "For `upsert`: as for /upsert"),
        ("cursor_field" = Option<String>, Query, description = "For `upsert`: as for /upsert")),
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
    let target = load::target(&params)?;
    let load = match params.required("mode")?.as_str() {
        "create" => Load { target, mode: IngestMode::CREATE, keys: None },
        "append" => Load { target, mode: IngestMode::APPEND, keys: None },
        "overwrite" => Load { target, mode: IngestMode::REPLACE, keys: None },
        "create_append" => Load { target, mode: IngestMode::CREATE_APPEND, keys: None },
        "upsert" => load::upsert(target, &params)?,
        other => {
            return Err(ApiError::bad_request(format!(
                "the mode `{other}` is unknown; create, append, overwrite, create_append and upsert are known"
            )));
        }
    };
    load::store(&caller, &state, &params, &headers, body, load).await
}

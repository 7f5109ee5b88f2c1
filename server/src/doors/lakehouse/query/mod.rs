//! `POST /query`: one statement, its rows as a stream (LQ).

mod export;
pub(super) mod ndjson;
mod params;
mod request;
mod rows;
mod running;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;

use self::export::Export;
use self::request::{QueryBody, QueryRequest, ResultFormat};
use self::running::RunningQuery;
use super::extract::{Caller, JsonBody};
use super::faults::HEAD_OF_NDJSON;
use super::openapi::JsonAnswers;
use super::response::Result;
use super::state::Lakehouse;
use crate::doors::faults::RowLines;

/// Runs a statement. What is wrong with the statement is told inside the response (LQ-09, LQ-18).
///
/// # Errors
/// `bad-request` and `unsupported-dialect` for a request that cannot be understood (LQ-10).
#[utoipa::path(post, path = "/query", tag = "Query", request_body = QueryBody, responses(
    (status = 200, description = "The result, or the statement's error as its last line", content(
        (String = "application/x-ndjson"), (String = "text/csv"), (String = "application/parquet"))),
    JsonAnswers,
    (status = 500, description = "With a format other than `default`: the statement's error", content(
        (String = "text/plain")))))]
pub(super) async fn run(
    caller: Caller,
    State(state): State<Lakehouse>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<QueryBody>,
) -> Result<Response> {
    let received = engine::clock::moment();
    let request = QueryRequest::try_from(body)?;
    caller.meet(Some(&request.statement), request.named_session()).await?;
    let running = RunningQuery::start(&caller, request, &headers).await?;
    let format = running.request.format;
    let elapsed_ms = u64::try_from(received.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut response = match format {
        ResultFormat::Default if state.answers_legacy(&headers) => {
            ndjson::respond_legacy(running, elapsed_ms).await
        }
        ResultFormat::Default => ndjson::respond(running, elapsed_ms),
        ResultFormat::Csv => export::respond(running, Export::Csv).await,
        ResultFormat::Jsonl => export::respond(running, Export::Jsonl).await,
        ResultFormat::Parquet => export::respond(running, Export::Parquet).await,
    };
    if caller.1.is_faced() {
        let head = match format {
            ResultFormat::Default => Some(HEAD_OF_NDJSON),
            ResultFormat::Csv => Some(1),
            ResultFormat::Jsonl => Some(0),
            ResultFormat::Parquet => None,
        };
        if let Some(head) = head {
            response.extensions_mut().insert(RowLines { head });
        }
    }
    Ok(response)
}

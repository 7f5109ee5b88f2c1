//! The default response: line 1 at once, then columns, rows, and an error as the last line (LQ-03 to LQ-09).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::rows::EncodedRows;
use super::running::RunningQuery;
use crate::doors::lakehouse::encode::{ColumnsLine, Ndjson};
use crate::doors::lakehouse::response::plain_text;
use crate::doors::lakehouse::statement::ConnectionErrors;
use duck::types::Fidelity;
use engine::Result;

const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Line 1 (LQ-04).
#[derive(Debug, Serialize)]
struct OpeningLine<'a> {
    statement: &'a str,
    rows_limit: Option<u64>,
    rows_offset: Option<u64>,
    init_time_ms: u64,
    connections_errors: ConnectionErrors,
    session_id: &'a str,
    query_id: &'a str,
    worker_slug: &'static str,
}

/// The last line of a failed query (LQ-09).
#[derive(Debug, Serialize)]
pub(in crate::doors::lakehouse) struct FailureLine<'a> {
    pub(in crate::doors::lakehouse) error: &'a str,
}

/// A response body in the making.
struct Lines {
    // Before the session that it reads from.
    stage: NdjsonStage,
    running: RunningQuery,
    columns: ColumnsLine,
}

enum NdjsonStage {
    OpeningLine { elapsed_ms: u64 },
    Executing,
    EncodedRows(Box<EncodedRows<Ndjson>>),
    Done,
}

/// Answers with typed columns; line 1 goes out before the statement runs (LQ-05).
pub(super) fn respond(running: RunningQuery, elapsed_ms: u64) -> Response {
    Lines { running, stage: NdjsonStage::OpeningLine { elapsed_ms }, columns: ColumnsLine::Typed }
        .into_response(Vec::new())
}

/// Answers as clients without typed columns read it: nothing before the first row is known (LQ-22 to LQ-24).
pub(super) async fn respond_legacy(running: RunningQuery, elapsed_ms: u64) -> Response {
    let mut lines = Lines { running, stage: NdjsonStage::Executing, columns: ColumnsLine::Names };
    match lines.execute_to_first_row().await {
        Ok(()) => {
            let mut head = lines.opening(elapsed_ms);
            // In a chunk without rows: the JS client spoils a character that its first chunk ends in.
            lines.columns_into(&mut head);
            lines.into_response(head)
        }
        Err(error) => {
            lines.running.finish(Err(&error));
            plain_text(StatusCode::BAD_REQUEST, error.message().to_owned())
        }
    }
}

impl Lines {
    fn into_response(self, first: Vec<u8>) -> Response {
        let rest = stream::unfold(self, |mut lines| async move { Some((lines.next().await?, lines)) });
        let first = Some(first).filter(|first| !first.is_empty()).map(Bytes::from);
        let chunks = futures::StreamExt::chain(stream::iter(first), rest);
        let body = Body::from_stream(futures::StreamExt::map(chunks, Ok::<_, std::convert::Infallible>));
        ([(header::CONTENT_TYPE, NDJSON)], body).into_response()
    }

    /// The next lines, or `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        match self.lines().await {
            Ok(lines) => lines.map(Bytes::from),
            Err(error) => {
                self.stage = NdjsonStage::Done;
                self.running.finish(Err(&error));
                Some(line(&FailureLine { error: error.message() }).into())
            }
        }
    }

    async fn lines(&mut self) -> Result<Option<Vec<u8>>> {
        if let NdjsonStage::OpeningLine { elapsed_ms } = self.stage {
            self.stage = NdjsonStage::Executing;
            return Ok(Some(self.opening(elapsed_ms)));
        }
        if matches!(self.stage, NdjsonStage::Executing) {
            self.execute().await?;
        }
        let NdjsonStage::EncodedRows(rows) = &mut self.stage else { return Ok(None) };
        let chunk = rows.chunk(&self.running).await?;
        if chunk.is_none() {
            self.stage = NdjsonStage::Done;
            self.running.finish(Ok(()));
        }
        Ok(chunk)
    }

    async fn execute(&mut self) -> Result<()> {
        let result = self.running.execute(Fidelity::Exact).await?;
        let encoder = Ndjson::new(result.shape(), self.columns);
        self.stage = NdjsonStage::EncodedRows(Box::new(EncodedRows::new(result, encoder)));
        Ok(())
    }

    async fn execute_to_first_row(&mut self) -> Result<()> {
        self.execute().await?;
        if let NdjsonStage::EncodedRows(rows) = &mut self.stage
            && !rows.first().await?
        {
            rows.encoder_mut().name_no_columns();
        }
        Ok(())
    }

    fn columns_into(&mut self, out: &mut Vec<u8>) {
        if let NdjsonStage::EncodedRows(rows) = &mut self.stage {
            rows.header_into(out);
        }
    }

    fn opening(&self, elapsed_ms: u64) -> Vec<u8> {
        let request = &self.running.request;
        line(&OpeningLine {
            statement: &request.statement,
            rows_limit: request.limit,
            rows_offset: request.offset,
            init_time_ms: elapsed_ms.max(1),
            connections_errors: ConnectionErrors {},
            session_id: self.running.session_text(),
            query_id: request.id.text(),
            worker_slug: "altertable-mock",
        })
    }
}

/// A value as one line.
pub(in crate::doors::lakehouse) fn line(value: &impl Serialize) -> Vec<u8> {
    // Only a map with keys that are no strings cannot be written, and these are structs.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

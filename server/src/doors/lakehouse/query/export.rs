//! `format: csv`, `jsonl` and `parquet`: rows without an envelope (LQ-16 to LQ-18).

use std::io;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, StatusCode, header};

use super::rows::EncodedRows;
use super::running::RunningQuery;
use crate::doors::lakehouse::encode::{Csv, Encode, Jsonl, Parquet};
use crate::doors::lakehouse::response::plain_text;
use duck::types::Fidelity;
use engine::{Result, ResultStream};

/// A format without an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Export {
    Csv,
    Jsonl,
    Parquet,
}

impl Export {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/x-ndjson",
            Self::Parquet => "application/parquet",
        })
    }

    fn encoder(self, result: &ResultStream) -> Result<Box<dyn Encode + Send>> {
        let shape = result.shape();
        Ok(match self {
            Self::Csv => Box::new(Csv::new(shape)),
            Self::Jsonl => Box::new(Jsonl::new(shape)),
            Self::Parquet => Box::new(Parquet::new(shape)?),
        })
    }
}

type Boxed = EncodedRows<Box<dyn Encode + Send>>;

/// Answers once the first rows are known; what fails before is a 500 with DuckDB's text (LQ-18).
pub(super) async fn respond(running: RunningQuery, export: Export) -> Response {
    match start(&running, export).await {
        Ok(rows) => ([(header::CONTENT_TYPE, export.content_type())], body(rows, running)).into_response(),
        Err(error) => {
            running.finish(Err(&error));
            plain_text(StatusCode::INTERNAL_SERVER_ERROR, error.message().to_owned())
        }
    }
}

async fn start(running: &RunningQuery, export: Export) -> Result<Boxed> {
    let result = running.execute(Fidelity::Exact).await?;
    let encoder = export.encoder(&result)?;
    let mut rows = EncodedRows::new(result, encoder);
    rows.first().await?;
    Ok(rows)
}

/// The rest of the rows; a failure among them aborts the connection, so that no client takes the part for the whole.
fn body(rows: Boxed, running: RunningQuery) -> Body {
    Body::from_stream(stream::unfold(Some((rows, running)), |state| async move {
        let (mut rows, running) = state?;
        match rows.chunk(&running).await {
            Ok(Some(chunk)) => Some((Ok(Bytes::from(chunk)), Some((rows, running)))),
            Ok(None) => {
                running.finish(Ok(()));
                None
            }
            Err(error) => {
                running.finish(Err(&error));
                Some((Err(io::Error::other(error)), None))
            }
        }
    }))
}

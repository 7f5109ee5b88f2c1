//! Rows of a running query as chunks of bytes, in whatever format.

use arrow::array::RecordBatch;

use super::running::RunningQuery;
use crate::doors::lakehouse::encode::Encode;
use engine::{Result, ResultStream};

/// How many bytes make a chunk worth sending: large enough that a chunk's overhead does not show, small enough that
/// rows arrive while later ones are computed.
const CHUNK: usize = 256 * 1024;

/// A result on its way through an encoder.
pub(super) struct EncodedRows<E> {
    result: ResultStream,
    encoder: E,
    /// The batch being encoded, and its first row not written yet.
    batch: Option<(RecordBatch, usize)>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    EncodedRows,
    Done,
}

impl<E: Encode> EncodedRows<E> {
    /// The rows of `result`, through an encoder made for its shape.
    pub(super) fn new(result: ResultStream, encoder: E) -> Self {
        Self { result, encoder, batch: None, stage: Stage::Header }
    }

    /// Waits for the first rows, or the end, so that what fails before them is known before anything is sent.
    /// Returns whether there is any row.
    ///
    /// # Errors
    /// DuckDB's; `Cancelled`.
    pub(super) async fn first(&mut self) -> Result<bool> {
        self.pull().await
    }

    /// The encoder, before its first chunk.
    pub(super) fn encoder_mut(&mut self) -> &mut E {
        &mut self.encoder
    }

    /// Writes what stands before the rows, which the first chunk then begins without.
    pub(super) fn header_into(&mut self, out: &mut Vec<u8>) {
        self.stage = Stage::EncodedRows;
        self.encoder.header(out);
    }

    /// The next chunk, or `None` at the end.
    ///
    /// # Errors
    /// DuckDB's, when it fails to compute more rows; `Cancelled`; `Internal` from the encoder.
    pub(super) async fn chunk(&mut self, running: &RunningQuery) -> Result<Option<Vec<u8>>> {
        let mut out = Vec::new();
        if self.stage == Stage::Header {
            self.header_into(&mut out);
            if self.batch.is_none() && !out.is_empty() {
                return Ok(Some(out));
            }
        }
        while self.stage == Stage::EncodedRows {
            if !self.pull().await? {
                self.stage = Stage::Done;
                self.encoder.finish(&mut out)?;
            }
            self.encode(running, &mut out)?;
            if !out.is_empty() {
                return Ok(Some(out));
            }
        }
        Ok(None)
    }

    /// Makes sure that there is a batch with rows to encode; false at the end.
    async fn pull(&mut self) -> Result<bool> {
        while self.batch.is_none() {
            match self.result.next().await {
                Some(batch) => self.batch = Some((batch?, 0)).filter(|(batch, _)| batch.num_rows() > 0),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn encode(&mut self, running: &RunningQuery, out: &mut Vec<u8>) -> Result<()> {
        let Some((batch, from)) = &mut self.batch else { return Ok(()) };
        out.reserve(CHUNK + CHUNK / 8);
        let next = self.encoder.rows(batch, *from, CHUNK, out)?;
        running.count_rows(next - *from);
        *from = next;
        if next == batch.num_rows() {
            self.batch = None;
        }
        Ok(())
    }
}

//! A result on its way to its reader: pulled from DuckDB only as fast as it is read (FS-4, LQ-07).
//!
//! The rows of a live result are computed on the session's connection. A *pump* runs there, on a blocking thread,
//! while the reader keeps up; it leaves a few batches ready and then gives thread and connection back. When another
//! call needs the connection, it first drains the live result into a [`Spool`](crate::spool::Spool), from which its
//! reader reads on; what did not fit there is computed afterwards.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::cancel::CancelToken;
use super::channel::{Left, Step, StreamShared};
use super::handle::Session;
use crate::blocking;
use crate::error::Result;
use crate::spool::SpoolReader;
use duck::Returns;
use duck::types::ResultShape;

/// The rows of one statement, in order. Dropping it ends a statement that only reads.
#[derive(Debug)]
pub struct ResultStream {
    shape: ResultShape,
    returns: Returns,
    session: Arc<Session>,
    shared: Arc<StreamShared>,
}

impl ResultStream {
    pub(super) fn new(
        shape: ResultShape,
        returns: Returns,
        session: Arc<Session>,
        shared: Arc<StreamShared>,
    ) -> Self {
        session.stream_opened();
        Self { shape, returns, session, shared }
    }

    /// The result's columns and Arrow schema.
    pub fn shape(&self) -> &ResultShape {
        &self.shape
    }

    /// Whether these are the statement's own rows, DuckDB's `Count` or its `Success` column (FQ-4, LQ-08).
    pub fn returns(&self) -> Returns {
        self.returns
    }

    /// The next rows, or `None` at the end.
    ///
    /// # Errors
    /// DuckDB's error when computing them failed; `Cancelled` once the query was cancelled.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        loop {
            self.session.touch();
            if self.shared.cancel.is_cancelled() {
                return self.fail_with(&self.shared.cancel);
            }
            if self.session.closing().is_cancelled() {
                return self.fail_with(self.session.closing());
            }
            match self.shared.step() {
                Step::Yield(batch) => {
                    if self.shared.claim_resume() {
                        self.session.resume(&self.shared);
                    }
                    return Some(Ok(batch));
                }
                Step::End => return None,
                Step::Fail(error) => {
                    self.shared.finish();
                    return Some(Err(error));
                }
                Step::Resume => self.session.resume(&self.shared),
                Step::ReadSpool(spool) => match self.read_spool(spool).await {
                    Ok(None) => {}
                    Ok(Some(batch)) => return Some(Ok(batch)),
                    Err(error) => {
                        self.shared.finish();
                        return Some(Err(error));
                    }
                },
                Step::Wait => {
                    tokio::select! {
                        () = self.shared.changed() => {}
                        () = self.shared.cancel.cancelled() => {}
                        () = self.session.closing().cancelled() => {}
                    }
                }
            }
        }
    }

    fn fail_with(&self, cancel: &CancelToken) -> Option<Result<RecordBatch>> {
        if self.shared.cut_short() { cancel.check().err().map(Err) } else { None }
    }

    /// The next batch of a spool, which goes back in front if it may hold more.
    async fn read_spool(&mut self, mut spool: Box<SpoolReader>) -> Result<Option<RecordBatch>> {
        let (batch, spool) = match spool.next_in_memory() {
            Some(batch) => (Some(batch), spool),
            None if spool.is_done() => return Ok(None),
            None => blocking::run(move |_| spool.next_blocking().map(|batch| (batch, spool))).await?,
        };
        if batch.is_some() {
            self.shared.put_back(spool);
        }
        Ok(batch)
    }
}

impl Drop for ResultStream {
    fn drop(&mut self) {
        let left = self.shared.leave();
        if matches!(left, Left::Query) {
            self.shared.cancel.cancel("the reader of this result went away");
        }
        if !matches!(left, Left::Nothing) {
            self.session.abandon(&self.shared);
        }
        self.session.stream_closed();
    }
}

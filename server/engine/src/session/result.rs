//! A result on its way to its reader: pulled from DuckDB only as fast as it is read (FS-4, LQ-07).
//!
//! The rows of a live result are computed on the session's connection. A *pump* runs there, on a blocking thread,
//! while the reader keeps up; it leaves a few batches ready and then gives thread and connection back. When another
//! call needs the connection, it first drains the live result into a [`Spool`](crate::spool::Spool), from which its
//! reader reads on; what did not fit there is computed afterwards.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::cancel::CancelToken;
use super::channel::Channel;
use super::flow::{Left, Read};
use super::handle::Session;
use crate::blocking;
use crate::error::Result;
use crate::spool::{Spool, SpoolReader};
use duck::Returns;
use duck::types::ResultShape;

/// The rows of one statement, in order. Dropping it ends a statement that only reads.
#[derive(Debug)]
pub struct ResultStream {
    shape: ResultShape,
    returns: Returns,
    session: Arc<Session>,
    channel: Arc<Channel>,
}

impl ResultStream {
    pub(super) fn new(
        shape: ResultShape,
        returns: Returns,
        session: Arc<Session>,
        channel: Arc<Channel>,
    ) -> Self {
        session.stream_opened();
        Self { shape, returns, session, channel }
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
            if self.channel.cancel.is_cancelled() {
                return self.fail_with(&self.channel.cancel);
            }
            if self.session.closing_token().is_cancelled() {
                return self.fail_with(self.session.closing_token());
            }
            match self.channel.read() {
                Read::Batch { batch, resume } => {
                    if resume {
                        self.session.resume(&self.channel);
                    }
                    return Some(Ok(batch));
                }
                Read::End => return None,
                Read::Fail(error) => return Some(Err(error)),
                Read::Resume => self.session.resume(&self.channel),
                Read::Spool(spool) => match self.read_spool(spool).await {
                    Ok(None) => {}
                    Ok(Some(batch)) => return Some(Ok(batch)),
                    Err(error) => {
                        self.channel.cut_short();
                        return Some(Err(error));
                    }
                },
                Read::Wait => {
                    tokio::select! {
                        () = self.channel.changed() => {}
                        () = self.channel.cancel.cancelled() => {}
                        () = self.session.closing() => {}
                    }
                }
            }
        }
    }

    /// Gives back what was not used of the last batch; it comes first when the reader goes on. Until then it waits where the
    /// rows of results wait that others hold up (FS-4).
    ///
    /// # Errors
    /// LimitExceeded when files may take no more; Internal when they cannot be written.
    pub async fn put_back(&mut self, batch: RecordBatch) -> Result<()> {
        let mut spool =
            Spool::new(Arc::clone(self.session.instance().spool_space()), Arc::clone(&self.shape.schema));
        let Some(batch) = spool.push_to_memory(batch) else {
            self.channel.put_back(Box::new(spool.finish()?));
            return Ok(());
        };
        let stored = blocking::run(move |_| {
            spool.push(batch)?;
            spool.finish()
        });
        self.channel.put_back(Box::new(stored.await?));
        Ok(())
    }

    fn fail_with(&self, cancel: &CancelToken) -> Option<Result<RecordBatch>> {
        if self.channel.cut_short() { cancel.check().err().map(Err) } else { None }
    }

    /// The next batch of a spool, which goes back in front if it may hold more.
    async fn read_spool(&mut self, mut spool: Box<SpoolReader>) -> Result<Option<RecordBatch>> {
        let (batch, spool) = match spool.next_in_memory() {
            Some(batch) => (Some(batch), spool),
            None if spool.is_done() => (None, spool),
            None => blocking::run(move |_| spool.next_blocking().map(|batch| (batch, spool))).await?,
        };
        if batch.is_some() {
            self.channel.put_back(spool);
        }
        Ok(batch)
    }
}

impl Drop for ResultStream {
    fn drop(&mut self) {
        let left = self.channel.leave();
        if matches!(left, Left::Query) {
            self.channel.cancel.cancel("the reader of this result went away");
        }
        if !matches!(left, Left::Nothing) {
            self.session.abandon(&self.channel);
        }
        self.session.stream_closed();
    }
}

//! A live result on its connection, and the pump that turns its chunks into batches.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;

use super::cancel::{CancelToken, Gate};
use super::channel::Channel;
use super::flow::{Flow, Produce};
use super::pump::{self, Drained, Place, Pumped, Rows};
use super::window::Window;
use crate::clock;
use crate::error::{Error, Result};
use crate::instance::Instance;
use crate::spool::Spool;
use duck::types::{Fidelity, ResultShape};
use duck::{BatchBuilder, Prepared, ResultSet, is_interrupt};

/// A batch is handed over once it is this large: big enough that per-batch work vanishes, small enough to stay in
/// the processor's cache between DuckDB and the encoder.
const BATCH_BYTES: usize = 1 << 20;

/// A chunk that took this long to compute is handed over at once, since its reader may be waiting for it.
const SLOW_CHUNK: Duration = Duration::from_millis(5);

/// Follows DuckDB's text where its reason is lost: a worker met the error while rows were fetched already.
const HIDDEN: &str = " A part of this query failed, and DuckDB does not tell why: the user's other statements kept its \
    threads busy. Running it alone tells.";

/// An executing statement's result, its rows on their way to `shared`.
pub(super) struct Live {
    result: ResultSet,
    /// Dropped after the result: DuckDB closes a live result together with its statement.
    statement: Option<Prepared>,
    builder: BatchBuilder,
    shape: ResultShape,
    window: Window,
    /// Whether DuckDB has given the last chunk; asking again would be an error.
    ended: bool,
    /// Rows that make a full batch; doubles from one chunk on, so that the first rows leave at once.
    target_rows: usize,
    shared: Arc<Channel>,
    instance: Arc<Instance>,
}

/// Tells the reader that a result has begun: after some batches, or when it goes out of scope.
pub(super) struct Announce<F: FnOnce()> {
    batches: usize,
    tell: Option<F>,
}

impl<F: FnOnce()> Announce<F> {
    /// Tells after so many batches.
    pub(super) fn after(batches: usize, tell: F) -> Self {
        Self { batches, tell: Some(tell) }
    }

    fn count(&mut self) {
        self.batches = self.batches.saturating_sub(1);
        if self.batches == 0
            && let Some(tell) = self.tell.take()
        {
            tell();
        }
    }
}

impl Announce<fn()> {
    /// The reader knows already.
    fn told() -> Self {
        Self { batches: 0, tell: None }
    }
}

impl<F: FnOnce()> Drop for Announce<F> {
    fn drop(&mut self) {
        if let Some(tell) = self.tell.take() {
            tell();
        }
    }
}

/// What came of [`Live::settle`].
pub(super) enum Settled {
    /// The connection is free: the result has ended, or waits in a spool.
    Free,
    /// The connection is free, and the result has failed.
    Failed,
    /// The result goes on, and the call that wanted the connection fails.
    Kept(Box<Live>, Error),
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl Live {
    pub(super) fn new(
        result: ResultSet,
        shape: ResultShape,
        fidelity: Fidelity,
        window: Window,
        shared: Arc<Channel>,
        instance: Arc<Instance>,
    ) -> Self {
        let builder = BatchBuilder::new(&shape, fidelity);
        Self {
            result,
            statement: None,
            builder,
            shape,
            window,
            ended: false,
            target_rows: 1,
            shared,
            instance,
        }
    }

    /// Keeps the statement alive that the result comes from, if it serves this one alone.
    pub(super) fn keep(&mut self, statement: Prepared) {
        self.statement = Some(statement);
    }

    /// The result's columns and Arrow schema.
    pub(super) fn shape(&self) -> &ResultShape {
        &self.shape
    }

    /// Whether this is the result that `shared`'s reader reads.
    pub(super) fn feeds(&self, shared: &Arc<Channel>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }

    /// Works ahead of the reader, as [`pump::pump`] does; false if the statement failed. Gives itself back if rows are left.
    pub(super) fn pump(self, gate: &Arc<Gate>, wanted: impl Fn() -> bool) -> (Option<Self>, bool) {
        match self.shared.update(Flow::begin_pump) {
            Produce::Go => {}
            Produce::Pause => return (Some(self), true),
            Produce::Drop => return (None, true),
        }
        match gate.enter(&self.shared.cancel) {
            Ok(_running) => self.pump_entered(wanted, Announce::told()),
            Err(error) => {
                self.end(error);
                (None, false)
            }
        }
    }

    /// As [`pump`](Self::pump), when the gate already counts this query as running.
    ///
    /// The reader is told that the result begins by `announce`, at the latest when this returns.
    pub(super) fn pump_entered(
        mut self,
        wanted: impl Fn() -> bool,
        mut announce: Announce<impl FnOnce()>,
    ) -> (Option<Self>, bool) {
        let shared = Arc::clone(&self.shared);
        match pump::pump(&mut self, &*shared, wanted, || announce.count()) {
            Pumped::Paused => (Some(self), true),
            Pumped::Abandoned => (None, true),
            Pumped::Ended => {
                // The result goes first: its end commits the statement's transaction, and a reader that has seen the
                // last row may rely on that.
                drop(self);
                shared.update(Flow::finish);
                (None, true)
            }
            Pumped::Failed(error) => {
                self.end(error);
                (None, false)
            }
        }
    }

    /// Moves the remaining rows to a spool, for the reader to read on while the connection serves `call`; stops when the
    /// spool takes no more, or the call is not wanted any more (FS-4).
    pub(super) fn settle(mut self, gate: &Arc<Gate>, call: &CancelToken) -> Settled {
        let shared = Arc::clone(&self.shared);
        if shared.is_abandoned() {
            return Settled::Free;
        }
        let running = match gate.enter(&shared.cancel) {
            Ok(running) => running,
            Err(error) => return self.failed(error),
        };
        let mut spool = Spool::new(Arc::clone(self.instance.spool_space()), Arc::clone(&self.shape.schema));
        let keep = |batch| spool.push(batch);
        let outcome = pump::drain(&mut self, &*shared, keep, || call.check_wanted());
        drop(running);
        let rows = match spool.finish() {
            Ok(rows) => Box::new(rows),
            Err(error) => return self.failed(error),
        };
        match outcome {
            Drained::Whole => {
                // The result goes first: see `pump_entered`.
                drop(self);
                shared.update(|flow| flow.spool_last(rows));
                Settled::Free
            }
            Drained::Failed(error) => {
                shared.update(|flow| flow.add_spool(rows));
                self.failed(error)
            }
            Drained::Stopped(error) => {
                shared.update(|flow| flow.spool(rows));
                Settled::Kept(Box::new(self), error)
            }
        }
    }

    fn failed(self, error: Error) -> Settled {
        self.end(error);
        Settled::Failed
    }

    /// Ends the stream with an error.
    pub(super) fn end(self, error: Error) {
        let shared = Arc::clone(&self.shared);
        let error = shared.cancel.explain::<()>(Err(error)).err();
        let instance = Arc::clone(&self.instance);
        drop(self);
        // Before the reader knows, whose next call has to find the database replaced.
        error.iter().for_each(|error| instance.check_after(error));
        if let Some(error) = error {
            shared.fail(error);
        }
    }

    /// The error of a failed fetch: an interrupt that nobody asked for hides another.
    fn reason_of(&self, error: duck::Error) -> Error {
        let error = Error::from(error);
        if !is_interrupt(error.message()) || self.shared.cancel.is_cancelled() {
            return error;
        }
        Error::new(error.kind(), format!("{}{HIDDEN}", error.message()))
    }

    fn build(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            self.shared.cancel.check()?;
            let started = clock::moment();
            let fetched = self.result.fetch();
            let Some(chunk) = fetched.map_err(|error| self.reason_of(error))? else {
                self.ended = true;
                return if self.builder.rows() > 0 { Ok(Some(self.builder.finish()?)) } else { Ok(None) };
            };
            self.builder.append_chunk(&chunk)?;
            let full = self.builder.rows() >= self.target_rows || self.builder.bytes() >= BATCH_BYTES;
            if full || started.elapsed() >= SLOW_CHUNK {
                self.target_rows = (self.target_rows.max(self.builder.rows()) * 2).min(1 << 20);
                return Ok(Some(self.builder.finish()?));
            }
        }
    }
}

impl Rows for Live {
    type Batch = RecordBatch;
    type Error = Error;

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.ended || self.window.is_over() {
                return Ok(None);
            }
            let Some(batch) = self.build()? else { return Ok(None) };
            if let Some(batch) = self.window.cut(batch) {
                return Ok(Some(batch));
            }
        }
    }
}

/// Reads a complete result batch by batch.
pub(super) fn read_all(
    mut result: ResultSet,
    shape: &ResultShape,
    fidelity: Fidelity,
    mut each: impl FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    let mut builder = BatchBuilder::new(shape, fidelity);
    while let Some(chunk) = result.fetch()? {
        builder.append_chunk(&chunk)?;
        if builder.bytes() >= BATCH_BYTES {
            each(builder.finish()?)?;
        }
    }
    if builder.rows() > 0 {
        each(builder.finish()?)?;
    }
    Ok(())
}

//! A result on its way to its reader: pulled from DuckDB only as fast as it is read (FS-4, LQ-07).
//!
//! The rows of a live result are computed on the session's connection. A *pump* runs there, on a blocking thread,
//! while the reader keeps up; it leaves a few batches ready and then gives thread and connection back. When another
//! call needs the connection, it first drains the live result into a [`Spool`](super::spool::Spool), from which its reader
//! reads on; what did not fit there is computed afterwards.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::blocking;
use super::cancel::CancelToken;
use super::journal::JournalEntry;
use super::session::Session;
use super::spool::SpoolReader;
use crate::error::{Error, Result};
use duck::Returns;
use duck::types::ResultShape;

/// How many finished batches may wait for the reader before the pump pauses.
const READY_BATCHES: usize = 2;

/// The rows of one statement, in order. Dropping it ends a statement that only reads.
#[derive(Debug)]
pub struct ResultStream {
    shape: ResultShape,
    returns: Returns,
    session: Arc<Session>,
    shared: Arc<StreamShared>,
}

/// What pump and reader share.
#[derive(Debug)]
pub(super) struct StreamShared {
    state: Mutex<State>,
    changed: Notify,
    noted: Arc<JournalEntry>,
    pub(super) cancel: CancelToken,
}

#[derive(Debug)]
struct State {
    ready: VecDeque<RecordBatch>,
    /// What was drained, after `ready` and before what the connection still has.
    spools: VecDeque<Box<SpoolReader>>,
    phase: Phase,
    abandoned: bool,
    protected: bool,
    in_transaction: bool,
    delivered: bool,
    /// The columns as planning has them, until somebody wants to know.
    planned: Option<ResultShape>,
}

#[derive(Debug)]
enum Phase {
    /// The pump is at work, or about to be.
    Pumping,
    /// The rest waits in the connection for the reader to ask.
    Paused,
    /// No rows are left in the connection.
    Finished,
    /// The statement failed after the rows in `ready` and `spools`.
    Failed(Error),
}

/// What the reader does next.
enum Step {
    Yield(RecordBatch),
    End,
    Fail(Error),
    Wait,
    Resume,
    ReadSpool(Box<SpoolReader>),
}

impl StreamShared {
    pub(super) fn new(noted: Arc<JournalEntry>, cancel: CancelToken) -> Arc<Self> {
        let state = State {
            ready: VecDeque::new(),
            spools: VecDeque::new(),
            phase: Phase::Pumping,
            abandoned: false,
            protected: false,
            in_transaction: false,
            delivered: false,
            planned: None,
        };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new(), noted, cancel })
    }

    /// Hands over a batch; says whether the pump should go on.
    pub(super) fn push(&self, batch: RecordBatch) -> bool {
        let mut state = self.state.lock();
        state.ready.push_back(batch);
        let more = state.ready.len() < READY_BATCHES;
        drop(state);
        self.changed.notify_one();
        more
    }

    /// The pump gives the connection back with rows left in it, unless the reader has just caught up.
    pub(super) fn pause(&self) {
        self.set(Phase::Paused);
    }

    pub(super) fn finish(&self) {
        self.set(Phase::Finished);
    }

    pub(super) fn fail(&self, error: Error) {
        self.noted.fail(&error);
        self.set(Phase::Failed(error));
    }

    /// The statement failed before its columns were known.
    pub(super) fn note_failure(&self, error: &Error) {
        self.noted.fail(error);
    }

    /// Hands over rows that were drained; those that follow come later.
    pub(super) fn add_spool(&self, spool: SpoolReader) {
        self.state.lock().spools.push_back(Box::new(spool));
        self.changed.notify_one();
    }

    /// Hands over the last rows.
    pub(super) fn spooled(&self, spool: SpoolReader) {
        self.add_spool(spool);
        self.finish();
    }

    /// Whether drained rows have to be read before any that the connection still has.
    pub(super) fn has_spool(&self) -> bool {
        !self.state.lock().spools.is_empty()
    }

    /// The columns are known, and the execution is about to begin.
    pub(super) fn foretell(&self, shape: ResultShape) {
        self.state.lock().planned = Some(shape);
        self.changed.notify_one();
    }

    /// The columns as planning has them, not before `patience` is over.
    pub(super) async fn foretold(&self, patience: Duration) -> ResultShape {
        tokio::time::sleep(patience).await;
        loop {
            if let Some(shape) = self.state.lock().planned.take() {
                return shape;
            }
            self.changed.notified().await;
        }
    }

    /// From now on the statement runs to its end, even if its caller goes away (FQ-2).
    pub(super) fn protect(&self) {
        self.state.lock().protected = true;
    }

    /// The rows belong to an open transaction, which has to outlive them (FC-1).
    pub(super) fn join_transaction(&self) {
        self.state.lock().in_transaction = true;
    }

    pub(super) fn is_protected(&self) -> bool {
        self.state.lock().protected
    }

    /// Whether the reader went away.
    pub(super) fn is_abandoned(&self) -> bool {
        self.state.lock().abandoned
    }

    fn set(&self, phase: Phase) {
        self.state.lock().phase = phase;
        self.changed.notify_one();
    }

    fn step(&self) -> Step {
        let mut state = self.state.lock();
        if let Phase::Failed(error) = &state.phase
            && state.ready.is_empty()
            && state.spools.is_empty()
        {
            return Step::Fail(error.clone());
        }
        if let Some(batch) = state.ready.pop_front() {
            state.delivered = true;
            return Step::Yield(batch);
        }
        if let Some(spool) = state.spools.pop_front() {
            state.delivered = true;
            return Step::ReadSpool(spool);
        }
        match &mut state.phase {
            Phase::Pumping => Step::Wait,
            Phase::Paused => {
                state.phase = Phase::Pumping;
                Step::Resume
            }
            Phase::Finished | Phase::Failed(_) => Step::End,
        }
    }

    /// After a batch was taken: whether the pump should start again already, so that it works ahead of the reader.
    fn claim_resume(&self) -> bool {
        let mut state = self.state.lock();
        let idle = matches!(state.phase, Phase::Paused) && state.spools.is_empty();
        let resume = idle && state.ready.len() < READY_BATCHES;
        if resume {
            state.phase = Phase::Pumping;
        }
        resume
    }
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
                        () = self.shared.changed.notified() => {}
                        () = self.shared.cancel.cancelled() => {}
                        () = self.session.closing().cancelled() => {}
                    }
                }
            }
        }
    }

    fn fail_with(&self, cancel: &CancelToken) -> Option<Result<RecordBatch>> {
        let mut state = self.shared.state.lock();
        let all_read = state.ready.is_empty() && state.spools.is_empty();
        state.ready.clear();
        let spools = std::mem::take(&mut state.spools);
        if all_read && matches!(state.phase, Phase::Finished) {
            return None;
        }
        state.phase = Phase::Finished;
        drop(state);
        drop(spools);
        cancel.check().err().map(Err)
    }

    /// The next batch of a spool, which goes back in front if it may hold more.
    async fn read_spool(&mut self, mut spool: Box<SpoolReader>) -> Result<Option<RecordBatch>> {
        let (batch, spool) = match spool.next_in_memory() {
            Some(batch) => (Some(batch), spool),
            None if spool.is_done() => return Ok(None),
            None => blocking::run(move || spool.next_blocking().map(|batch| (batch, spool))).await?,
        };
        if batch.is_some() {
            self.shared.state.lock().spools.push_front(spool);
        }
        Ok(batch)
    }
}

impl Drop for ResultStream {
    fn drop(&mut self) {
        let (live, gently) = {
            let mut state = self.shared.state.lock();
            state.abandoned = true;
            state.ready.clear();
            state.spools.clear();
            (matches!(state.phase, Phase::Pumping | Phase::Paused), state.in_transaction && state.delivered)
        };
        if live {
            // An interrupt would abort the transaction; the pump ends by itself after the batch it is at.
            if !gently {
                self.shared.cancel.cancel("the reader of this result went away");
            }
            self.session.abandon(&self.shared);
        }
        self.session.stream_closed();
    }
}

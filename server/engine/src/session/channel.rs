//! What the producer of a result (its pump) and its reader share: batches that are ready, rows that were spooled, and who
//! acts next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::cancel::CancelToken;
use crate::error::Error;
use crate::journal::JournalEntry;
use crate::spool::SpoolReader;
use duck::types::ResultShape;

/// How many finished batches may wait for the reader before the pump pauses.
const READY_BATCHES: usize = 2;

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
pub(super) enum Step {
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

    /// What the reader does next.
    pub(super) fn step(&self) -> Step {
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
    pub(super) fn claim_resume(&self) -> bool {
        let mut state = self.state.lock();
        let idle = matches!(state.phase, Phase::Paused) && state.spools.is_empty();
        let resume = idle && state.ready.len() < READY_BATCHES;
        if resume {
            state.phase = Phase::Pumping;
        }
        resume
    }

    /// The next change of what [`step`](Self::step) tells.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Drops what is ready. False if the reader had everything by then.
    pub(super) fn cut_short(&self) -> bool {
        let mut state = self.state.lock();
        let all_read = state.ready.is_empty() && state.spools.is_empty();
        state.ready.clear();
        let spools = std::mem::take(&mut state.spools);
        if all_read && matches!(state.phase, Phase::Finished) {
            return false;
        }
        state.phase = Phase::Finished;
        drop(state);
        drop(spools);
        true
    }

    /// Puts a spool that may hold more back in front.
    pub(super) fn put_back(&self, spool: Box<SpoolReader>) {
        self.state.lock().spools.push_front(spool);
    }

    /// The reader goes away: what is left for the session to do.
    pub(super) fn leave(&self) -> Left {
        let mut state = self.state.lock();
        state.abandoned = true;
        state.ready.clear();
        state.spools.clear();
        match state.phase {
            Phase::Finished | Phase::Failed(_) => Left::Nothing,
            // An interrupt would abort the transaction; the pump ends by itself after the batch it is at.
            _ if state.in_transaction && state.delivered => Left::Result,
            _ => Left::Query,
        }
    }
}

/// What a reader that goes away leaves behind.
pub(super) enum Left {
    /// The result has ended.
    Nothing,
    /// A result to be dropped.
    Result,
    /// A result to be dropped, and its query, to be interrupted.
    Query,
}

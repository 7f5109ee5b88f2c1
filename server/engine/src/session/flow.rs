//! How the rows of one result flow from its connection to its reader: a state machine without locks, threads or DuckDB.
//!
//! The producer (a pump, or a call that drains the result to make room for itself) and the reader each make a transition,
//! and are told what to do next. Rows are read in the order `ready`, `spools`, connection.

use std::collections::VecDeque;

/// How many finished batches may wait for the reader before the pump pauses.
const READY_BATCHES: usize = 2;

/// The state of one result: batches `B`, spooled rows `S`, and the error `E` that may end it.
#[derive(Debug)]
pub(super) struct Flow<B, S, E> {
    ready: VecDeque<B>,
    spools: VecDeque<S>,
    rest: Rest<E>,
    /// Whether the reader went away.
    abandoned: bool,
    /// Whether the statement runs to its end even if its caller goes away (FQ-2).
    protected: bool,
    /// Whether the rows belong to an open transaction, which has to outlive them (FC-1).
    in_transaction: bool,
    /// Whether the reader has any row.
    delivered: bool,
    /// Whether a batch is computed only when the reader asks for it.
    waits: bool,
}

/// What comes after the rows that are ready or spooled.
#[derive(Debug)]
enum Rest<E> {
    /// A pump computes rows, or is about to.
    Pumped,
    /// More waits in the connection for the reader to ask.
    Paused,
    /// Nothing.
    Finished,
    /// Nothing that its reader will be given: it was told that the query was cancelled. The connection may have more.
    Cut,
    /// The statement's error.
    Failed(E),
}

/// What the producer does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Produce {
    /// It computes the next batch.
    Go,
    /// It gives the connection back, with the result on it.
    Pause,
    /// It drops the result: the reader went away.
    Drop,
}

/// What the reader does next.
#[derive(Debug)]
pub(super) enum Read<B, S, E> {
    /// It has a batch. With `resume` it starts the pump again, which then works ahead of it.
    Batch { batch: B, resume: bool },
    /// It reads a batch of these rows, and puts them back if they may hold more.
    Spool(S),
    /// It starts the pump again, and waits.
    Resume,
    /// It waits for a change.
    Wait,
    /// There are no more rows.
    End,
    /// The statement failed.
    Fail(E),
}

/// What a reader that goes away leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing: the result has ended.
    Nothing,
    /// A result to be dropped.
    Result,
    /// A result to be dropped, and its query to be interrupted.
    Query,
}

impl<B, S, E: Clone> Flow<B, S, E> {
    /// A statement that is about to run.
    pub(super) fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            spools: VecDeque::new(),
            rest: Rest::Pumped,
            abandoned: false,
            protected: false,
            in_transaction: false,
            delivered: false,
            waits: false,
        }
    }

    /// A pump that was started has its turn on the connection.
    pub(super) fn begin_pump(&mut self) -> Produce {
        match self.rest {
            _ if self.abandoned => Produce::Drop,
            // The query was cancelled.
            Rest::Finished | Rest::Failed(_) | Rest::Cut => Produce::Drop,
            // It was overtaken by a call that spooled rows, which come first. Their reader starts a pump again after them.
            Rest::Paused => Produce::Pause,
            Rest::Pumped => Produce::Go,
        }
    }

    /// The pump hands over a batch. It pauses once enough is ready, or another call waits for the connection.
    pub(super) fn hand_over(&mut self, batch: B, wanted: bool) -> Produce {
        if self.abandoned || matches!(self.rest, Rest::Cut) {
            return Produce::Drop;
        }
        self.ready.push_back(batch);
        if wanted || self.waits || self.ready.len() >= READY_BATCHES {
            self.rest = Rest::Paused;
            return Produce::Pause;
        }
        Produce::Go
    }

    /// What was drained from the connection is there to be read; the rest waits in the connection.
    pub(super) fn spool(&mut self, rows: S) {
        if !matches!(self.rest, Rest::Cut) {
            self.add_spool(rows);
            self.rest = Rest::Paused;
        }
    }

    /// The last rows were drained.
    pub(super) fn spool_last(&mut self, rows: S) {
        self.add_spool(rows);
        self.finish();
    }

    /// Some rows were drained, and what comes next is told by another transition.
    pub(super) fn add_spool(&mut self, rows: S) {
        if !self.abandoned && !matches!(self.rest, Rest::Cut) {
            self.spools.push_back(rows);
        }
    }

    /// The rows have ended.
    pub(super) fn finish(&mut self) {
        self.rest = Rest::Finished;
    }

    /// The statement has failed; its reader may have been told already that it was cancelled.
    pub(super) fn fail(&mut self, error: E) {
        if !matches!(self.rest, Rest::Finished | Rest::Cut) {
            self.rest = Rest::Failed(error);
        }
    }

    /// The reader wants more.
    pub(super) fn read(&mut self) -> Read<B, S, E> {
        if let Some(batch) = self.ready.pop_front() {
            self.delivered = true;
            let resume = !self.waits && matches!(self.rest, Rest::Paused) && self.spools.is_empty();
            if resume {
                self.rest = Rest::Pumped;
            }
            return Read::Batch { batch, resume };
        }
        if let Some(spool) = self.spools.pop_front() {
            self.delivered = true;
            return Read::Spool(spool);
        }
        match &mut self.rest {
            Rest::Pumped => Read::Wait,
            Rest::Paused => {
                self.rest = Rest::Pumped;
                Read::Resume
            }
            Rest::Finished | Rest::Cut => Read::End,
            Rest::Failed(error) => {
                let error = error.clone();
                self.rest = Rest::Finished;
                Read::Fail(error)
            }
        }
    }

    /// The reader has read a batch of spooled rows, and puts them back, since they may hold more.
    pub(super) fn put_back(&mut self, rows: S) {
        self.spools.push_front(rows);
    }

    /// The reader is told that the query was cancelled; false if it had everything by then. What it has not read is
    /// dropped.
    pub(super) fn cut_short(&mut self) -> bool {
        let all_read = self.ready.is_empty() && self.spools.is_empty();
        if all_read && matches!(self.rest, Rest::Finished) {
            return false;
        }
        self.ready.clear();
        self.spools.clear();
        self.rest = Rest::Cut;
        true
    }

    /// The reader goes away.
    pub(super) fn leave(&mut self) -> Left {
        self.abandoned = true;
        self.ready.clear();
        self.spools.clear();
        match self.rest {
            Rest::Finished | Rest::Failed(_) => Left::Nothing,
            // An interrupt would abort the transaction; the pump ends by itself after the batch it is at.
            Rest::Cut => Left::Result,
            _ if self.in_transaction && self.delivered => Left::Result,
            _ => Left::Query,
        }
    }

    /// From now on the statement runs to its end, even if its caller goes away (FQ-2).
    pub(super) fn protect(&mut self) {
        self.protected = true;
    }

    pub(super) fn is_protected(&self) -> bool {
        self.protected
    }

    /// From now on nothing is computed ahead of the reader, who may stay away between one batch and the next.
    pub(super) fn wait_for_reader(&mut self) {
        self.waits = true;
    }

    /// The rows belong to an open transaction.
    pub(super) fn join_transaction(&mut self) {
        self.in_transaction = true;
    }

    /// Whether the reader went away.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned
    }
}

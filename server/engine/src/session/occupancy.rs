//! What a session is at: who waits for its connection, which query runs on it, who reads, and whether it is being closed. A
//! state machine without locks, threads or DuckDB.

/// The state of one session, whose queries are known by `Q`.
#[derive(Debug)]
pub(super) struct Occupancy<Q> {
    closed: bool,
    waiting: usize,
    readers: usize,
    running: Option<(u64, Q)>,
}

/// What closing a session takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Close<Q> {
    /// Nothing: it is being closed already.
    Nothing,
    /// The query that runs, if one does, is cancelled, every reader is told, and then the connection is closed.
    Begin(Option<Q>),
}

impl<Q: Clone> Occupancy<Q> {
    /// A session that does nothing yet.
    pub(super) fn new() -> Self {
        Self { closed: false, waiting: 0, readers: 0, running: None }
    }

    /// A call comes for the connection, and waits for its turn; false if there will be none.
    pub(super) fn arrive(&mut self) -> bool {
        if !self.closed {
            self.waiting += 1;
        }
        !self.closed
    }

    /// A call that waited has its turn, or does not want it any more.
    pub(super) fn stop_waiting(&mut self) {
        self.waiting -= 1;
    }

    /// Whether a call waits for the connection: a pump gives way then.
    pub(super) fn is_wanted(&self) -> bool {
        self.waiting > 0
    }

    /// A query begins to compute on the connection.
    pub(super) fn enter(&mut self, id: u64, query: Q) {
        self.running = Some((id, query));
    }

    /// The query has stopped computing.
    pub(super) fn leave(&mut self) {
        self.running = None;
    }

    /// Whether a query that was cancelled computes now, so that interrupting the connection stops it and no other.
    pub(super) fn computes(&self, id: u64) -> bool {
        self.running.as_ref().is_some_and(|(running, _)| *running == id)
    }

    /// The query that computes now.
    pub(super) fn running(&self) -> Option<Q> {
        self.running.as_ref().map(|(_, query)| query.clone())
    }

    /// A result has a reader, or a call waits on its client.
    pub(super) fn begin_reading(&mut self) {
        self.readers += 1;
    }

    /// It has none any more.
    pub(super) fn stop_reading(&mut self) {
        self.readers -= 1;
    }

    /// Whether a result has a reader.
    pub(super) fn is_read(&self) -> bool {
        self.readers > 0
    }

    /// The session ends; calls that have not had their turn by now get none.
    pub(super) fn close(&mut self) -> Close<Q> {
        if std::mem::replace(&mut self.closed, true) {
            return Close::Nothing;
        }
        Close::Begin(self.running())
    }

    /// Whether the session has ended, or is about to.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }
}

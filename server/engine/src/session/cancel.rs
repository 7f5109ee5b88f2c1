//! Cancelling: a token per query, and a gate per session that interrupts DuckDB only while that very query runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::occupancy::Occupancy;
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::limit_exceeded;
use crate::meter::Meter;
use duck::InterruptHandle;

/// How long DuckDB may ignore an interrupt before it is sent again. An interrupt that arrives in the moment before
/// a statement starts is wiped by its start, so one is not enough.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(5);

/// How long a cancelled query may go on before its caller is answered: DuckDB looks at interrupts between pieces of work,
/// and plans a statement as one piece (LX-15).
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How long after it was cancelled a query that goes on counts as lingering: before its caller is answered, so that the
/// next call finds it counted.
const LINGERS: Duration = Duration::from_millis(500);

/// How long a query that lingers may ignore an interrupt before it is sent again.
const INTERRUPT_LINGERING: Duration = Duration::from_millis(100);

/// Cancels one query, whether it is queued, running or merely being read. Clones share the same query.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: u64,
    cancelled: AtomicBool,
    given_up: AtomicBool,
    reason: Mutex<Option<Error>>,
    changed: Notify,
    gate: Mutex<Weak<Gate>>,
    /// Ends the wait for the statement timeout; none before the query has begun, or without one.
    timeout: Mutex<Option<AbortHandle>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(timeout) = self.timeout.get_mut().take() {
            timeout.abort();
        }
    }
}

impl Default for Inner {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            cancelled: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            reason: Mutex::new(None),
            changed: Notify::new(),
            gate: Mutex::new(Weak::new()),
            timeout: Mutex::new(None),
        }
    }
}

impl PartialEq for CancelToken {
    /// Whether both cancel the same query.
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl CancelToken {
    /// A token of a query that nobody cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the query: a queued one never runs, a running one is interrupted. Its stream ends with `Cancelled`
    /// and this text; a later call changes nothing.
    pub fn cancel(&self, reason: &str) {
        self.cancel_with(Error::new(ErrorKind::Cancelled, reason));
    }

    /// As [`cancel`](Self::cancel), with an error of another kind, such as the session's end.
    pub fn cancel_with(&self, error: Error) {
        self.0.reason.lock().get_or_insert(error);
        if self.0.cancelled.swap(true, Ordering::SeqCst) {
            return;
        }
        self.0.changed.notify_waiters();
        let gate = self.0.gate.lock().upgrade();
        if let Some(gate) = gate {
            gate.interrupt(self.0.id);
        }
    }

    /// The caller has gone: the query need not begin any more (FS-4). One that runs already goes on.
    pub fn give_up(&self) {
        self.0.given_up.store(true, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// As [`give_up`](Self::give_up), of a query that is planned and no more: a planning that goes on is ended as that of a
    /// cancelled one is.
    pub fn give_up_planning(&self) {
        self.give_up();
        let Ok(runtime) = Handle::try_current() else { return };
        let query = Arc::downgrade(&self.0);
        runtime.spawn(async move {
            let mut wait = LINGERS;
            loop {
                tokio::time::sleep(wait).await;
                let Some(query) = query.upgrade() else { return };
                let gate = query.gate.lock().upgrade();
                // One that has no gate yet has not begun.
                if gate.is_some_and(|gate| !gate.end_planning(query.id)) {
                    return;
                }
                wait = INTERRUPT_LINGERING;
            }
        });
    }

    /// An error if the query need not begin: it was cancelled, or its caller has gone.
    ///
    /// # Errors
    /// The reason given to `cancel`; `Cancelled`.
    pub fn check_wanted(&self) -> Result<()> {
        self.check()?;
        if self.0.given_up.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Cancelled, "the caller of this statement went away"));
        }
        Ok(())
    }

    /// Waits until the query need not begin any more.
    pub async fn unwanted(&self) {
        let changed = self.0.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if self.check_wanted().is_ok() {
            changed.await;
        }
    }

    /// Whether the query was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Waits until the query is cancelled.
    pub async fn cancelled(&self) {
        let changed = self.0.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if !self.is_cancelled() {
            changed.await;
        }
    }

    /// Waits for `work` of this query, but once it was cancelled, no longer than a moment.
    ///
    /// # Errors
    /// `work`'s own; the reason given to `cancel`.
    pub(super) async fn or_left<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let left = async {
            self.cancelled().await;
            tokio::time::sleep(PATIENCE).await;
        };
        tokio::select! {
            biased;
            done = work => done,
            () = left => Err(self.error()),
        }
    }

    /// An error if the query was cancelled.
    ///
    /// # Errors
    /// The reason given to `cancel`.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(self.error()) } else { Ok(()) }
    }

    fn error(&self) -> Error {
        let reason = self.0.reason.lock().clone();
        reason.unwrap_or_else(|| Error::new(ErrorKind::Cancelled, "the query was cancelled"))
    }

    /// Replaces DuckDB's interrupt error by the reason of the cancel that caused it.
    pub fn explain<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| if self.is_cancelled() { self.error() } else { error })
    }

    /// Percent done, rows processed and rows in total of the query, from its start until its session runs another.
    pub fn progress(&self) -> Option<(f64, u64, u64)> {
        let gate = self.0.gate.lock().upgrade()?;
        gate.progress(self.0.id)
    }

    /// The query is over: its time no longer counts.
    pub(super) fn stop_clock(&self) {
        if let Some(timeout) = self.0.timeout.lock().take() {
            timeout.abort();
        }
    }

    /// Cancels the query `after` that time from now, unless it is gone by then; a later call changes nothing.
    fn time_out(&self, after: Duration, runtime: &Handle) {
        let mut timeout = self.0.timeout.lock();
        if timeout.is_some() {
            return;
        }
        let query = Arc::downgrade(&self.0);
        let waiting = runtime.spawn(async move {
            tokio::time::sleep(after).await;
            if let Some(query) = query.upgrade() {
                let limit = format!("{} s", after.as_secs_f64());
                Self(query).cancel_with(limit_exceeded(
                    "the time of a statement",
                    limit,
                    "--statement-timeout",
                ));
            }
        });
        *timeout = Some(waiting.abort_handle());
    }
}

/// Knows what a session is at, and interrupts its connection only while the query that was cancelled runs there.
#[derive(Debug)]
pub struct Gate {
    occupancy: Mutex<Occupancy<CancelToken>>,
    /// The query that ran last, or runs: DuckDB remembers how far that is while its rows are read.
    latest: AtomicU64,
    /// Set once the connection is open.
    connection: OnceLock<Arc<InterruptHandle>>,
    /// How long a query may take from the first time it enters (LX-15).
    timeout: Option<Duration>,
    /// Counts the query while it lingers.
    lingering: Arc<Meter>,
    runtime: Handle,
}

impl Gate {
    /// A gate in front of a connection that is not open yet.
    pub fn new(timeout: Option<Duration>, lingering: Arc<Meter>, runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            occupancy: Mutex::new(Occupancy::new()),
            latest: AtomicU64::new(0),
            connection: OnceLock::new(),
            timeout,
            lingering,
            runtime,
        })
    }

    /// The connection is open.
    pub fn guard(&self, connection: Arc<InterruptHandle>) {
        // A session opens one connection in its life.
        let _ = self.connection.set(connection);
    }

    /// Marks the query of `token` as running until the guard is dropped.
    ///
    /// # Errors
    /// `Cancelled` if it was cancelled before.
    pub fn enter(self: &Arc<Self>, token: &CancelToken) -> Result<Running> {
        if let Some(timeout) = self.timeout {
            token.time_out(timeout, &self.runtime);
        }
        *token.0.gate.lock() = Arc::downgrade(self);
        self.occupancy.lock().enter(token.0.id, token.clone());
        self.latest.store(token.0.id, Ordering::Relaxed);
        let running = Running(Arc::clone(self));
        token.check().map(|()| running)
    }

    /// What the session is at.
    pub(super) fn occupancy(&self) -> MutexGuard<'_, Occupancy<CancelToken>> {
        self.occupancy.lock()
    }

    fn progress(&self, id: u64) -> Option<(f64, u64, u64)> {
        let connection = self.connection.get().filter(|_| self.latest.load(Ordering::Relaxed) == id)?;
        connection.progress()
    }

    /// Interrupts query `id` if it runs now, again and again until it has stopped.
    fn interrupt(self: &Arc<Self>, id: u64) {
        if !self.interrupt_once(id, false) {
            return;
        }
        let gate = Arc::clone(self);
        self.runtime.spawn(async move {
            let begun = clock::moment();
            let mut lingers = None;
            loop {
                tokio::time::sleep(lingers.as_ref().map_or(INTERRUPT_AGAIN, |_| INTERRUPT_LINGERING)).await;
                if !gate.interrupt_once(id, lingers.is_some()) {
                    return;
                }
                if lingers.is_none() && begun.elapsed() > LINGERS {
                    tracing::warn!("a cancelled statement has not stopped: DuckDB is at work on its plan, or on one value");
                    lingers = Some(gate.lingering.count(1));
                }
            }
        });
    }

    /// Interrupts query `id` if it runs now, and has its planning fail if it `lingers`.
    fn interrupt_once(&self, id: u64, lingers: bool) -> bool {
        self.while_it_runs(id, |connection| {
            connection.interrupt();
            if lingers {
                connection.end_planning();
            }
        })
    }

    /// Has the planning of query `id` fail if it runs now.
    fn end_planning(&self, id: u64) -> bool {
        self.while_it_runs(id, InterruptHandle::end_planning)
    }

    /// Does that to the connection if query `id` runs there now.
    fn while_it_runs(&self, id: u64, act: impl FnOnce(&InterruptHandle)) -> bool {
        // The lock is held meanwhile, so that it can never hit the connection's next query.
        let occupancy = self.occupancy.lock();
        let mine = occupancy.computes(id);
        if let Some(connection) = self.connection.get().filter(|_| mine) {
            act(connection);
        }
        mine
    }
}

/// The proof that a query runs; dropping it ends that.
#[derive(Debug)]
pub struct Running(Arc<Gate>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.occupancy.lock().leave();
    }
}

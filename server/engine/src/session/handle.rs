//! A session: one DuckDB connection, whose calls run one after another (FS-2, FS-3, LS-06).
//!
//! The connection lives in the session's [`Slot`], behind an async lock that one call holds at a time and hands to a
//! thread that may block: no async thread ever waits for DuckDB.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, oneshot};
use uuid::Uuid;

use super::cancel::{CancelToken, Gate, GiveUpOnDrop, PATIENCE};
use super::channel::StreamShared;
use super::ended::{closed, lost};
use super::prepared::Unneeded;
use super::slot::Slot;
use super::turns::{Permit, Turns};
use crate::blocking::{self, MayBlock, Sealed};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::instance::Instance;
use crate::journal::Journal;

/// One connection to a tenant's database, with its `USE`, settings, temporary tables and transaction.
#[derive(Debug)]
pub struct Session {
    id: Uuid,
    instance: Arc<Instance>,
    journal: Arc<Journal>,
    turns: Arc<Turns>,
    slot: Arc<AsyncMutex<Sealed<Slot>>>,
    gate: Arc<Gate>,
    runtime: Handle,
    waiting: AtomicUsize,
    closed: AtomicBool,
    marked: AtomicBool,
    closing: CancelToken,
    opened: Instant,
    last_used: AtomicU64,
    streams: AtomicUsize,
    unneeded: Arc<Unneeded>,
}

/// A call in which the session does not idle; see [`Session::in_use`].
#[derive(Debug)]
pub struct InUse(Arc<Session>);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.stream_closed();
    }
}

/// The right to use the session's connection, and one of the tenant's turns to compute.
pub(crate) struct Turn {
    slot: OwnedMutexGuard<Sealed<Slot>>,
    _permit: Permit,
}

impl Session {
    /// A session on `instance`; its connection is opened by its first call.
    pub(crate) fn new(
        id: Uuid,
        instance: Arc<Instance>,
        journal: Arc<Journal>,
        turns: Arc<Turns>,
        statement_timeout: Option<Duration>,
    ) -> Arc<Self> {
        let runtime = Handle::current();
        let lingering = Arc::clone(turns.lingering());
        Arc::new(Self {
            id,
            slot: Arc::new(AsyncMutex::new(Sealed::new(Slot::new(Arc::clone(&instance))))),
            instance,
            journal,
            turns,
            gate: Gate::new(statement_timeout, lingering, runtime.clone()),
            runtime,
            waiting: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            marked: AtomicBool::new(false),
            closing: CancelToken::new(),
            opened: clock::moment(),
            last_used: AtomicU64::new(0),
            streams: AtomicUsize::new(0),
            unneeded: Arc::default(),
        })
    }

    /// The database instance behind the session.
    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// Where what runs in the session is noted.
    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// The session's id: what REST calls `session_id`.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Whether the session was closed, or its database was replaced.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Whether the session is as a new one would be: no statement has left anything in its connection.
    pub fn is_pristine(&self) -> bool {
        !self.marked.load(Ordering::SeqCst)
    }

    /// Notes that the connection holds something of its own from now on: a setting, a temporary table, a transaction.
    pub(crate) fn mark(&self) {
        self.marked.store(true, Ordering::SeqCst);
    }

    /// When the session was last used, as milliseconds since it was opened.
    pub(crate) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::SeqCst)
    }

    /// Runs `work` with the connection, open or not, if neither a call nor a stream has it.
    pub(crate) async fn if_free<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Slot) -> Result<T> + Send + 'static,
    ) -> Option<Result<T>> {
        let mut slot = Arc::clone(&self.slot).try_lock_owned().ok()?;
        if self.streams.load(Ordering::SeqCst) > 0 {
            return None;
        }
        Some(blocking::run(move |thread| work(slot.open(thread))).await)
    }

    /// Whether the session's database was lost to a fatal DuckDB error.
    pub fn is_lost(&self) -> bool {
        self.instance.is_broken()
    }

    /// How long ago the session was last used; zero while a call runs or a stream is open (FS-5).
    pub fn idle(&self) -> Duration {
        if self.is_busy() {
            return Duration::ZERO;
        }
        let used = Duration::from_millis(self.last_used.load(Ordering::SeqCst));
        self.opened.elapsed().saturating_sub(used)
    }

    /// Whether a call runs or a stream is open.
    pub(crate) fn is_busy(&self) -> bool {
        self.streams.load(Ordering::SeqCst) > 0 || self.slot.try_lock().is_err()
    }

    /// Notes that the session is in use.
    pub fn touch(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_used.store(now, Ordering::SeqCst);
    }

    /// Runs `work` with the connection, after the calls before it and on a thread that may block.
    ///
    /// Cancelling `cancel` while the call waits means that `work` never runs; while it runs, DuckDB is interrupted. A
    /// call that is dropped while it waits never runs either.
    ///
    /// # Errors
    /// `work`'s own; `Cancelled`; SessionUnknown once the session is closed; LimitExceeded when an unread result cannot
    /// make room (FS-4).
    pub async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Slot) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let gone = GiveUpOnDrop::new(cancel);
        let turn = self.acquire(cancel).await?;
        let (session, token) = (Arc::clone(self), cancel.clone());
        let outcome =
            cancel.or_left(blocking::run(move |thread| session.run(turn, thread, &token, work))).await;
        gone.answered();
        outcome
    }

    /// The blocking part of a call, on a thread that may block.
    pub(crate) fn run<T>(
        &self,
        mut turn: Turn,
        thread: &MayBlock,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Slot) -> Result<T>,
    ) -> Result<T> {
        let slot = turn.slot.open(thread);
        slot.open(&self.gate, thread)?;
        self.forget_unneeded(slot);
        slot.settle(&self.gate, cancel)?;
        let running = self.gate.enter(cancel)?;
        slot.begin_statement();
        let outcome = cancel.explain(work(slot));
        drop(running);
        slot.release_plan();
        if slot.live.is_none() {
            cancel.stop_clock();
        }
        outcome.inspect_err(|error| self.instance.check_after(error))
    }

    /// Waits for the connection, first come first served.
    pub(crate) async fn acquire(self: &Arc<Self>, cancel: &CancelToken) -> Result<Turn> {
        self.touch();
        if self.is_lost() {
            return Err(lost());
        }
        self.turns.lingering().check_room()?;
        let _turn = Count::enter(&self.waiting);
        let turn = async {
            let slot = Arc::clone(&self.slot).lock_owned().await;
            Turn { slot, _permit: self.turns.take().await }
        };
        let turn = tokio::select! {
            biased;
            () = cancel.unwanted() => return Err(cancel.check_wanted().err().unwrap_or_else(closed)),
            () = self.closing.cancelled() => return Err(closed()),
            turn = turn => turn,
        };
        if self.is_closed() { Err(closed()) } else { Ok(turn) }
    }

    /// Whether another call waits for the connection: the pump gives way then.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Keeps the session from idling out until what this returns is dropped: for a call that waits on its client
    /// (FS-5).
    pub fn in_use(self: &Arc<Self>) -> InUse {
        self.stream_opened();
        InUse(Arc::clone(self))
    }

    pub(crate) fn stream_opened(&self) {
        self.streams.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn stream_closed(&self) {
        self.streams.fetch_sub(1, Ordering::SeqCst);
        self.touch();
    }

    /// Cancelled once the session is being closed.
    pub(crate) fn closing(&self) -> &CancelToken {
        &self.closing
    }

    /// Starts the pump of a paused stream again, unless another call drains it first.
    pub(super) fn resume(self: &Arc<Self>, shared: &Arc<StreamShared>) {
        let (session, shared) = (Arc::clone(self), Arc::clone(shared));
        self.runtime.spawn(async move {
            let mut slot = Arc::clone(&session.slot).lock_owned().await;
            let permit = session.turns.take().await;
            blocking::start(move |thread| {
                let _permit = permit;
                slot.open(thread).pump(&shared, &session.gate, || session.is_wanted());
            });
        });
    }

    /// The reader of a live stream went away: its result is dropped, which frees the connection.
    pub(super) fn abandon(self: &Arc<Self>, shared: &Arc<StreamShared>) {
        let shared = Arc::clone(shared);
        self.give_back(move |slot| slot.abandon(&shared));
    }

    /// Where its prepared statements note that nobody has them any more.
    pub(super) fn unneeded(&self) -> Weak<Unneeded> {
        Arc::downgrade(&self.unneeded)
    }

    /// Gives back what a prepared statement holds, as soon as the connection is free.
    pub(crate) fn forget_soon(self: &Arc<Self>, statement: u64) {
        self.unneeded.add(statement);
        let session = Arc::clone(self);
        self.give_back(move |slot| session.forget_unneeded(slot));
    }

    fn forget_unneeded(&self, slot: &mut Slot) {
        self.unneeded.take().into_iter().for_each(|statement| slot.forget_plan(statement));
    }

    /// Gives back something that the slot holds, once it is free; nobody waits for it.
    fn give_back(self: &Arc<Self>, work: impl FnOnce(&mut Slot) + Send + 'static) {
        let slot = Arc::clone(&self.slot);
        self.runtime.spawn(async move {
            drop(slot.lock().await);
            blocking::later(move |thread| {
                // A call that came first has done it.
                if let Ok(mut slot) = slot.try_lock() {
                    work(slot.open(thread));
                }
            });
        });
    }

    /// Ends the session: interrupts what runs, rolls back, and frees the connection (FS-12).
    ///
    /// Streams of the session end with `Cancelled`; later calls fail.
    pub async fn close(self: &Arc<Self>) {
        if self.closed.swap(true, Ordering::SeqCst) {
            return;
        }
        const WHY: &str = "the session was closed";
        self.closing.cancel(WHY);
        self.cancel_running(Error::new(ErrorKind::Cancelled, WHY));
        let slot = Arc::clone(&self.slot);
        let (done, closed) = oneshot::channel();
        self.runtime.spawn(async move {
            let mut slot = slot.lock_owned().await;
            blocking::later(move |thread| {
                slot.open(thread).close(Error::new(ErrorKind::Cancelled, WHY));
                // Whoever closes it may have stopped waiting.
                let _ = done.send(());
            });
        });
        if tokio::time::timeout(PATIENCE, closed).await.is_err() {
            tracing::warn!("a session is closed once the statement that lingers in it has stopped");
        }
    }

    /// Cancels the statement that DuckDB computes now, if there is one.
    pub(crate) fn cancel_running(&self, error: Error) {
        self.gate.cancel_running(error);
    }

    /// As if DuckDB had failed fatally.
    #[cfg(test)]
    pub(crate) fn break_database(&self) {
        self.instance.mark_broken();
    }
}

/// Counts something for as long as it lives.
struct Count<'a>(&'a AtomicUsize);

impl<'a> Count<'a> {
    fn enter(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(counter)
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

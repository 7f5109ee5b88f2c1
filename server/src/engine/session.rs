//! A session: one DuckDB connection, whose calls run one after another (FS-2, FS-3, LS-06).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use super::blocking;
use super::cancel::{CancelToken, Gate};
use super::duck::{Connection, ConnectionId, is_fatal};
use super::instance::Instance;
use super::journal::Journal;
use super::live::Live;
use super::stream::StreamShared;
use crate::error::{Error, ErrorKind, Result};

/// One connection to a tenant's database, with its `USE`, settings, temporary tables and transaction.
#[derive(Debug)]
pub struct Session {
    id: Uuid,
    instance: Arc<Instance>,
    journal: Arc<Journal>,
    reader: ConnectionId,
    slot: Arc<Mutex<Slot>>,
    gate: Arc<Gate>,
    runtime: Handle,
    waiting: AtomicUsize,
    closed: AtomicBool,
    marked: AtomicBool,
    closing: CancelToken,
    opened: Instant,
    last_used: AtomicU64,
    streams: AtomicUsize,
}

/// A call in which the session does not idle; see [`Session::in_use`].
#[derive(Debug)]
pub struct InUse(Arc<Session>);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.stream_closed();
    }
}

/// What the session's lock guards: the connection, and the result still live on it.
#[derive(Debug)]
pub struct Slot {
    connection: Option<Connection>,
    /// Whether the connection may hold something of its own.
    pub(super) touched: bool,
    pub(super) live: Option<Live>,
    /// The catalog and schema last applied by a request, while nothing else has moved the session since (LQ-11).
    pub(super) applied: Option<super::Target>,
    /// Whether a transaction is open, whoever opened it.
    pub(super) in_transaction: bool,
    instance: Arc<Instance>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let as_new = !self.touched && self.live.is_none() && !self.in_transaction;
        if let Some(connection) = self.connection.take().filter(|_| as_new) {
            self.instance.give_back(connection);
        }
    }
}

impl Slot {
    /// The session's connection.
    ///
    /// # Errors
    /// SessionUnknown once the session was closed.
    pub fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or_else(closed)
    }

    /// The database instance behind the connection.
    pub(super) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// Does what may change how statements are planned, and notes that it may have, even if it fails.
    pub(super) fn change<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let done = work(self);
        self.instance.note_change();
        done
    }

    /// Frees the connection for another statement: a live result is drained into its spool first (FS-4).
    fn settle(&mut self, gate: &Arc<Gate>) {
        if let Some(live) = self.live.take() {
            live.settle(gate);
        }
    }
}

impl Session {
    /// Opens a session on `instance`; blocks for some microseconds.
    ///
    /// # Errors
    /// Internal when the instance is broken.
    pub(super) fn open(
        id: Uuid,
        instance: Arc<Instance>,
        journal: Arc<Journal>,
        statement_timeout: Option<Duration>,
    ) -> Result<Arc<Self>> {
        let connection = instance.connect()?;
        let reader = connection.id();
        let runtime = Handle::current();
        let gate = Gate::new(connection.interrupt_handle(), statement_timeout, runtime.clone());
        let slot = Slot {
            connection: Some(connection),
            touched: false,
            live: None,
            applied: None,
            in_transaction: false,
            instance: Arc::clone(&instance),
        };
        Ok(Arc::new(Self {
            id,
            instance,
            journal,
            reader,
            slot: Arc::new(Mutex::new(slot)),
            gate,
            runtime,
            waiting: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            marked: AtomicBool::new(false),
            closing: CancelToken::new(),
            opened: Instant::now(),
            last_used: AtomicU64::new(0),
            streams: AtomicUsize::new(0),
        }))
    }

    /// The database instance behind the session.
    pub(super) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// Where what runs in the session is noted.
    pub(super) fn journal(&self) -> &Arc<Journal> {
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
    pub(super) fn mark(&self) {
        self.marked.store(true, Ordering::SeqCst);
    }

    /// When the session was last used, as milliseconds since it was opened.
    pub(super) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::SeqCst)
    }

    /// The connection, if neither a call nor a stream has it.
    pub(super) fn try_acquire(&self) -> Option<OwnedMutexGuard<Slot>> {
        let slot = Arc::clone(&self.slot).try_lock_owned().ok()?;
        (self.streams.load(Ordering::SeqCst) == 0).then_some(slot)
    }

    /// Whether the session's database was lost to a fatal DuckDB error.
    pub fn is_lost(&self) -> bool {
        self.instance.is_broken()
    }

    /// How long ago the session was last used; zero while a call runs or a stream is open (FS-5).
    pub fn idle(&self) -> Duration {
        if self.streams.load(Ordering::SeqCst) > 0 || self.slot.try_lock().is_err() {
            return Duration::ZERO;
        }
        let used = Duration::from_millis(self.last_used.load(Ordering::SeqCst));
        self.opened.elapsed().saturating_sub(used)
    }

    /// Notes that the session is in use.
    pub fn touch(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_used.store(now, Ordering::SeqCst);
    }

    /// Runs `work` with the connection, after the calls before it and on a blocking thread.
    ///
    /// Cancelling `cancel` while the call waits means that `work` never runs; while it runs, DuckDB is interrupted.
    ///
    /// # Errors
    /// `work`'s own; `Cancelled`; SessionUnknown once the session is closed.
    pub async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Slot) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let guard = self.acquire(cancel).await?;
        let (session, token) = (Arc::clone(self), cancel.clone());
        let work = move |slot: &mut Slot| {
            slot.touched = true;
            work(slot)
        };
        blocking::run(move || session.run(guard, &token, work)).await
    }

    /// The blocking part of a call, on a thread that may block.
    pub(super) fn run<T>(
        &self,
        mut slot: OwnedMutexGuard<Slot>,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Slot) -> Result<T>,
    ) -> Result<T> {
        slot.connection()?;
        slot.settle(&self.gate);
        let running = self.gate.enter(cancel)?;
        self.instance.viewer().begin(self.reader, slot.in_transaction);
        let outcome = cancel.explain(work(&mut slot));
        drop(running);
        if slot.live.is_none() {
            cancel.stop_clock();
        }
        self.note_fatal(outcome)
    }

    /// Waits for the connection, first come first served.
    pub(super) async fn acquire(self: &Arc<Self>, cancel: &CancelToken) -> Result<OwnedMutexGuard<Slot>> {
        self.touch();
        if self.is_lost() {
            return Err(lost());
        }
        let _turn = Count::enter(&self.waiting);
        let slot = Arc::clone(&self.slot).lock_owned();
        let guard = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancel.check().err().unwrap_or_else(closed)),
            () = self.closing.cancelled() => return Err(closed()),
            guard = slot => guard,
        };
        if self.is_closed() { Err(closed()) } else { Ok(guard) }
    }

    /// Whether another call waits for the connection: the pump gives way then.
    pub(super) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Keeps the session from idling out until what this returns is dropped: for a call that waits on its client
    /// (FS-5).
    pub fn in_use(self: &Arc<Self>) -> InUse {
        self.stream_opened();
        InUse(Arc::clone(self))
    }

    pub(super) fn stream_opened(&self) {
        self.streams.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn stream_closed(&self) {
        self.streams.fetch_sub(1, Ordering::SeqCst);
        self.touch();
    }

    /// Cancelled once the session is being closed.
    pub(super) fn closing(&self) -> &CancelToken {
        &self.closing
    }

    /// Starts the pump of a paused stream again, unless another call drains it first.
    pub(super) fn resume(self: &Arc<Self>, shared: &Arc<StreamShared>) {
        let (session, shared) = (Arc::clone(self), Arc::clone(shared));
        self.runtime.spawn(async move {
            let slot = Arc::clone(&session.slot).lock_owned().await;
            let inner = Arc::clone(&session);
            let _ = blocking::run(move || {
                inner.pump(slot, &shared);
                Ok(())
            })
            .await;
        });
    }

    fn pump(&self, mut slot: OwnedMutexGuard<Slot>, shared: &Arc<StreamShared>) {
        // A call that came first has spooled the stream, which then needs no pump.
        if slot.live.as_ref().is_none_or(|live| !live.feeds(shared)) {
            return;
        }
        if let Some(live) = slot.live.take() {
            slot.live = live.pump(&self.gate, || self.is_wanted());
        }
    }

    /// The reader of a live stream went away: its result is dropped, which frees the connection.
    pub(super) fn abandon(self: &Arc<Self>, shared: &Arc<StreamShared>) {
        let (session, shared) = (Arc::clone(self), Arc::clone(shared));
        self.runtime.spawn(async move {
            let mut slot = Arc::clone(&session.slot).lock_owned().await;
            let _ = blocking::run(move || {
                if slot.live.as_ref().is_some_and(|live| live.feeds(&shared)) {
                    slot.live = None;
                }
                Ok(())
            })
            .await;
        });
    }

    /// Ends the session: interrupts what runs, rolls back, and frees the connection (FS-12).
    ///
    /// Streams of the session end with `Cancelled`; later calls fail.
    pub async fn close(self: &Arc<Self>) {
        if self.closed.swap(true, Ordering::SeqCst) {
            return;
        }
        self.closing.cancel("the session was closed");
        self.gate.cancel_running("the session was closed");
        let mut slot = Arc::clone(&self.slot).lock_owned().await;
        let (viewer, reader) = (Arc::clone(self.instance.viewer()), self.reader);
        let _ = blocking::run(move || {
            if let Some(live) = slot.live.take() {
                live.end(Error::new(ErrorKind::Cancelled, "the session was closed"));
            }
            // Disconnecting rolls an open transaction back.
            slot.connection = None;
            viewer.forget(reader);
            Ok(())
        })
        .await;
    }

    /// As if DuckDB had failed fatally.
    #[cfg(test)]
    pub(super) fn break_database(&self) {
        self.instance.mark_broken();
    }

    fn note_fatal<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| {
            if !is_fatal(&error) {
                return error;
            }
            tracing::error!(%error, "a tenant's database failed and is replaced");
            self.instance.mark_broken();
            error
        })
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

fn closed() -> Error {
    Error::new(ErrorKind::SessionUnknown, "Session configuration not found or expired")
}

fn lost() -> Error {
    Error::new(
        ErrorKind::SessionExpired,
        "Session expired. Open a new session. (DuckDB met a fatal error and this user's in-memory database was replaced; its tables are gone.)",
    )
}

//! A session: one DuckDB connection, whose calls run one after another (FS-2, FS-3, LS-06).
//!
//! The connection lives in the session's [`Slot`], behind an async lock that one call holds at a time and hands to a
//! thread that may block: no async thread ever waits for DuckDB.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tracing::Instrument;
use uuid::Uuid;

use super::cancel::{CancelToken, Gate, PATIENCE};
use super::channel::Channel;
use super::cursors::Cursors;
use super::named::NamedStatements;
use super::occupancy::Close;
use super::owner::Owner;
use super::pending::Pending;
use super::prepared::Unneeded;
use super::recent::Recent;
use super::slot::Slot;
use super::transaction::TransactionCell;
use super::turns::Turns;
use crate::blocking::{self, MayBlock, Sealed};
use crate::call::Call;
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::instance::Instance;
use crate::limits::Limits;
use crate::meter::TenantMeters;

/// One connection to a tenant's database, with its `USE`, settings, temporary tables and transaction.
#[derive(Debug)]
pub struct Session {
    id: Uuid,
    owner: Arc<Owner>,
    instance: Arc<Instance>,
    slot: Arc<AsyncMutex<Sealed<Slot>>>,
    gate: Arc<Gate>,
    runtime: Handle,
    marked: AtomicBool,
    closing: CancelToken,
    opened: Instant,
    last_used: AtomicU64,
    /// How many milliseconds its tenant's clock has jumped ahead since.
    aged: AtomicU64,
    unneeded: Arc<Unneeded>,
    recent: Recent,
    transaction: TransactionCell,
    pending: Pending,
    named: NamedStatements,
    cursors: Arc<Cursors>,
}

/// A call in which the session does not idle; see [`Session::in_use`].
#[derive(Debug)]
pub struct InUse(Arc<Session>);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.stream_closed();
    }
}

impl Session {
    /// A session on `instance`; its connection is opened by its first call.
    pub(crate) fn new(id: Uuid, instance: Arc<Instance>, owner: Arc<Owner>) -> Arc<Self> {
        let runtime = Handle::current();
        let Owner { limits, meters, turns, .. } = &*owner;
        let lingering = Arc::clone(turns.lingering());
        let transaction = TransactionCell::default();
        let slot = Slot::new(Arc::clone(&instance), transaction.clone());
        Arc::new(Self {
            id,
            slot: Arc::new(AsyncMutex::new(Sealed::new(slot))),
            instance,
            gate: Gate::new(limits.statement_timeout, lingering, runtime.clone()),
            runtime,
            marked: AtomicBool::new(false),
            closing: CancelToken::new(),
            opened: clock::moment(),
            last_used: AtomicU64::new(0),
            aged: AtomicU64::new(0),
            unneeded: Arc::default(),
            recent: Recent::default(),
            transaction,
            pending: Pending::default(),
            named: NamedStatements::new(limits.session_prepared),
            cursors: Cursors::new(limits, meters.clone()),
            owner,
        })
    }

    /// The database instance behind the session.
    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// The user whose it is.
    pub(super) fn tenant(&self) -> &str {
        &self.owner.name
    }

    /// A call of the user's comes in, to run in this session.
    pub fn admit(&self, call: &Call) {
        self.owner.admit(call);
        call.in_session(self.id);
    }

    /// What its calls queue for.
    pub(super) fn slot(&self) -> &Arc<AsyncMutex<Sealed<Slot>>> {
        &self.slot
    }

    /// Whether another session is of the same tenant.
    pub fn has_the_tenant_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.owner, &other.owner)
    }

    /// What bounds how many statements of its tenant run at once.
    pub(super) fn turns(&self) -> &Turns {
        &self.owner.turns
    }

    /// What the session is at, and what interrupts it.
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    pub(super) fn recent(&self) -> &Recent {
        &self.recent
    }

    pub(super) fn transaction_cell(&self) -> &TransactionCell {
        &self.transaction
    }

    pub(super) fn pending(&self) -> &Pending {
        &self.pending
    }

    pub(super) fn named(&self) -> &NamedStatements {
        &self.named
    }

    /// What it may hold.
    pub fn limits(&self) -> &Limits {
        &self.owner.limits
    }

    pub(super) fn meters(&self) -> &TenantMeters {
        &self.owner.meters
    }

    /// What its clients have been promised results of.
    pub fn cursors(&self) -> &Arc<Cursors> {
        &self.cursors
    }

    /// The session's id: what REST calls `session_id`.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Whether the session was closed, or its database was replaced.
    pub fn is_closed(&self) -> bool {
        self.gate.occupancy().is_closed()
    }

    /// Whether it ended with its user's state, which was reset, or with its user (CT-3).
    pub fn is_retired(&self) -> bool {
        self.owner.retired.load(Ordering::SeqCst)
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
        if self.gate.occupancy().is_read() {
            return None;
        }
        Some(blocking::run(move |thread| work(slot.open(thread))).await)
    }

    /// Whether its database holds PostgreSQL's catalogs.
    pub(super) fn has_postgres_catalogs(&self) -> bool {
        self.instance.has_postgres()
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
        let aged = Duration::from_millis(self.aged.load(Ordering::SeqCst));
        self.opened.elapsed().saturating_sub(used).saturating_add(aged)
    }

    /// It has idled for so much longer.
    pub(crate) fn age(&self, by: Duration) {
        self.aged.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Whether a call runs or a stream is open.
    pub(crate) fn is_busy(&self) -> bool {
        self.gate.occupancy().is_read() || self.slot.try_lock().is_err()
    }

    /// Notes that the session is in use.
    pub fn touch(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_used.store(now, Ordering::SeqCst);
        self.aged.store(0, Ordering::SeqCst);
    }

    /// Has SQL tell its user's time from now on.
    ///
    /// # Errors
    /// DuckDB's.
    pub(crate) fn keep_time(&self, slot: &mut Slot) -> Result<()> {
        slot.keep_time(&self.owner.clock)
    }

    /// The blocking part of a call, on a thread that may block.
    pub(super) fn run<T>(
        &self,
        slot: &mut Slot,
        thread: &MayBlock,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Slot) -> Result<T>,
    ) -> Result<T> {
        slot.open(&self.gate, thread)?;
        self.forget_unneeded(slot);
        slot.settle(&self.gate, cancel)?;
        self.keep_time(slot)?;
        let running = self.gate.enter(cancel)?;
        slot.begin_statement();
        let outcome = cancel.explain(work(slot));
        drop(running);
        if outcome.is_err() {
            slot.check_transaction();
        }
        slot.release_plan();
        if slot.live.is_none() {
            cancel.stop_clock();
        }
        outcome
            .inspect_err(|error| self.instance.check_after(error))
            .map_err(|error| self.told_of_its_end(error))
    }

    /// Keeps the session from idling out until what this returns is dropped: for a call that waits on its client
    /// (FS-5).
    pub fn in_use(self: &Arc<Self>) -> InUse {
        self.stream_opened();
        InUse(Arc::clone(self))
    }

    pub(crate) fn stream_opened(&self) {
        self.gate.occupancy().begin_reading();
    }

    pub(crate) fn stream_closed(&self) {
        self.gate.occupancy().stop_reading();
        self.touch();
    }

    /// Cancelled once the session is being closed.
    pub(super) fn closing_token(&self) -> &CancelToken {
        &self.closing
    }

    /// Waits until the session is being closed.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Starts the pump of a paused stream again, unless another call drains it first.
    pub(super) fn resume(self: &Arc<Self>, shared: &Arc<Channel>) {
        let (session, shared) = (Arc::clone(self), Arc::clone(shared));
        let pumping = async move {
            let mut slot = Arc::clone(&session.slot).lock_owned().await;
            let permit = session.turns().take().await;
            blocking::start(move |thread| {
                let _permit = permit;
                slot.open(thread).pump(&shared, &session.gate, || session.gate.occupancy().is_wanted());
            });
        };
        self.runtime.spawn(pumping.in_current_span());
    }

    /// The reader of a live stream went away: its result is dropped, which frees the connection.
    pub(super) fn abandon(self: &Arc<Self>, shared: &Arc<Channel>) {
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
        const WHY: &str = "the session was closed";
        let Close::Begin(running) = self.gate.occupancy().close() else { return };
        self.recent.clear();
        self.named.clear();
        self.closing.cancel(WHY);
        if let Some(running) = running {
            running.cancel(WHY);
        }
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
    pub fn cancel_running(&self, error: Error) {
        let running = self.gate.occupancy().running();
        if let Some(running) = running {
            running.cancel_with(error);
        }
    }

    /// As if DuckDB had failed fatally.
    #[cfg(test)]
    pub(crate) fn break_database(&self) {
        self.instance.mark_broken();
    }
}

//! What a session's lock guards: the connection, the result still live on it, and its prepared statements.
//!
//! Everything here calls DuckDB, on a thread that may block.

use std::sync::Arc;

use super::cancel::{CancelToken, Gate};
use super::channel::Channel;
use super::ended::{closed, lost};
use super::expand::Planned;
use super::live::{Live, Settled};
use super::plans::Plans;
use super::prepared::PreparedStatement;
use super::sql_time::SqlTime;
use super::target::{self, Target};
use super::transaction::{Transaction, TransactionCell};
use crate::blocking::{self, MayBlock};
use crate::error::{Error, Result};
use crate::instance::Instance;
use crate::sql;
use crate::tenant_clock::TenantClock;
use duck::{Connection, Prepared, StatementKind};

/// A session's connection and what belongs to it.
#[derive(Debug)]
pub struct Slot {
    state: ConnectionState,
    pub(super) live: Option<Live>,
    plans: Plans,
    /// The catalog and schema last applied by a request, while nothing else has moved the session since (LQ-11).
    pub(crate) applied: Option<Target>,
    transaction: TransactionCell,
    instance: Arc<Instance>,
    time: SqlTime,
}

/// A session opens one connection, when it first needs it.
#[derive(Debug)]
enum ConnectionState {
    Unopened,
    Open(Connection),
    Closed,
}

impl Slot {
    /// The slot of a session that has done nothing yet.
    pub(super) fn new(instance: Arc<Instance>, transaction: TransactionCell) -> Self {
        Self {
            state: ConnectionState::Unopened,
            live: None,
            plans: Plans::default(),
            applied: None,
            transaction,
            instance,
            time: SqlTime::default(),
        }
    }

    /// Opens the connection, unless that was done.
    ///
    /// # Errors
    /// SessionUnknown once the session was closed; SessionExpired when the database is beyond use.
    pub(crate) fn open(&mut self, gate: &Gate, thread: &MayBlock) -> Result<()> {
        match self.state {
            ConnectionState::Open(_) => Ok(()),
            ConnectionState::Closed => Err(closed()),
            ConnectionState::Unopened => {
                let connection = self.instance.connect(thread).map_err(|fault| {
                    // What lacks memory for a moment is not lost.
                    self.instance.check_after(&fault);
                    if self.instance.is_broken() { lost() } else { fault }
                })?;
                gate.guard(connection.interrupt_handle());
                self.state = ConnectionState::Open(connection);
                Ok(())
            }
        }
    }

    /// The session's connection.
    ///
    /// # Errors
    /// SessionUnknown once the session was closed.
    pub fn connection(&self) -> Result<&Connection> {
        match &self.state {
            ConnectionState::Open(connection) => Ok(connection),
            ConnectionState::Unopened | ConnectionState::Closed => Err(closed()),
        }
    }

    /// Where the session's transaction stands.
    pub(super) fn transaction(&self) -> Transaction {
        self.transaction.get()
    }

    /// Whether a transaction is open, whoever opened it.
    pub(crate) fn in_transaction(&self) -> bool {
        self.transaction.is_open()
    }

    pub(super) fn set_transaction(&self, state: Transaction) {
        self.transaction.set(state);
    }

    /// After a failure: finds out whether it aborted the transaction, unless asking would end a live result.
    pub(super) fn check_transaction(&self) {
        if let (ConnectionState::Open(connection), None) = (&self.state, &self.live) {
            self.transaction.failed(|| connection.run(sql::PROBE).is_ok());
        }
    }

    /// Whether a result is live on the connection.
    pub(crate) fn is_being_read(&self) -> bool {
        self.live.is_some()
    }

    /// The database instance behind the connection.
    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// A statement begins: it sees what has been accepted by now, or what its open transaction saw.
    pub(crate) fn begin_statement(&self) {
        if let ConnectionState::Open(connection) = &self.state {
            self.instance.viewer().begin(connection.id(), self.in_transaction());
        }
    }

    /// Has SQL tell the tenant's time (CK-2). What has begun keeps the time with which it began: a transaction, a result
    /// that is being read.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn keep_time(&mut self, clock: &TenantClock) -> Result<()> {
        if self.time.is_of(clock) || self.in_transaction() || self.is_being_read() {
            return Ok(());
        }
        let ConnectionState::Open(connection) = &self.state else { return Err(closed()) };
        self.time.keep(clock, connection)?;
        // A plan has the time of its making in it.
        self.plans = Plans::default();
        self.instance.note_change();
        Ok(())
    }

    /// Does what may change how statements are planned, and notes that it may have, even if it fails.
    pub(crate) fn change<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let done = work(self);
        self.instance.note_change();
        done
    }

    /// Switches to a catalog and schema, unless the session stands there already (LQ-11).
    ///
    /// # Errors
    /// DuckDB's `SET schema: No catalog + schema named …`.
    pub(super) fn go_to(&mut self, target: &Target) -> Result<()> {
        if target.is_empty() || self.applied.as_ref() == Some(target) {
            return Ok(());
        }
        self.applied = None;
        target::switch(self.connection()?, target)?;
        self.applied = Some(target.clone());
        Ok(())
    }

    /// After a statement that may have moved the session, what was applied before no longer counts.
    pub(super) fn forget_if_moved(&mut self, kind: StatementKind) {
        use StatementKind::{Delete, Insert, Merge, Update};
        if !matches!(kind, Insert | Update | Delete | Merge) {
            self.applied = None;
        }
    }

    /// Takes a prepared statement's plan out, made anew if need be, to execute it; see [`Plans`].
    ///
    /// # Errors
    /// DuckDB's error, for a statement that no longer binds.
    pub(super) fn take_plan(&mut self, statement: &Arc<PreparedStatement>) -> Result<Planned> {
        let ConnectionState::Open(connection) = &self.state else { return Err(closed()) };
        self.plans.take(statement, connection, self.instance.changes())
    }

    /// Keeps a plan until the statement's result is gone, and for its next execution.
    pub(crate) fn keep_plan(&mut self, statement: &Arc<PreparedStatement>, plan: Prepared, changes: u64) {
        self.plans.keep(statement, plan, changes);
    }

    /// Lets go of the plan that was executed, once its result is gone.
    pub(crate) fn release_plan(&mut self) {
        if self.live.is_none() {
            self.plans.release(self.instance.is_sealed());
        }
    }

    /// Drops the plan of a statement that is not needed any more.
    pub(crate) fn forget_plan(&mut self, statement: u64) {
        self.plans.forget(statement);
    }

    /// Frees the connection for a call: the rest of a live result is drained into a spool first (FS-4).
    ///
    /// # Errors
    /// LimitExceeded or Internal when the spool takes no more, and `Cancelled` when the call is not wanted any more. The
    /// live result loses nothing and goes on then.
    pub(crate) fn settle(&mut self, gate: &Arc<Gate>, call: &CancelToken) -> Result<()> {
        let Some(live) = self.live.take() else { return Ok(()) };
        let outcome = match live.settle(gate, call) {
            Settled::Free => Ok(()),
            Settled::Failed => {
                self.check_transaction();
                Ok(())
            }
            Settled::Kept(live, error) => {
                self.live = Some(*live);
                Err(error)
            }
        };
        self.release_plan();
        outcome
    }

    /// Works ahead of the reader of `shared`, unless a call that came first has drained its result.
    pub(super) fn pump(&mut self, shared: &Arc<Channel>, gate: &Arc<Gate>, wanted: impl Fn() -> bool) {
        if self.live.as_ref().is_none_or(|live| !live.feeds(shared)) {
            return;
        }
        if let Some(live) = self.live.take() {
            self.keep_live(live.pump(gate, wanted));
        }
        self.release_plan();
    }

    /// What a pump left of a live result, and whether it succeeded.
    pub(super) fn keep_live(&mut self, (live, succeeded): (Option<Live>, bool)) {
        self.live = live;
        if !succeeded {
            self.check_transaction();
        }
    }

    /// Drops the result that `shared` was reading.
    pub(super) fn abandon(&mut self, shared: &Arc<Channel>) {
        if self.live.as_ref().is_some_and(|live| live.feeds(shared)) {
            self.live = None;
        }
        self.release_plan();
    }

    /// Ends a live result with `why` and closes the connection, which rolls an open transaction back.
    pub(crate) fn close(&mut self, why: Error) {
        if let Some(live) = self.live.take() {
            live.end(why);
        }
        self.plans = Plans::default();
        if let ConnectionState::Open(connection) = std::mem::replace(&mut self.state, ConnectionState::Closed)
        {
            let reader = connection.id();
            drop(connection);
            self.instance.viewer().forget(reader);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let ConnectionState::Open(connection) = std::mem::replace(&mut self.state, ConnectionState::Closed)
        else {
            return;
        };
        let (live, plans) = (self.live.take(), std::mem::take(&mut self.plans));
        blocking::discard(Remains { live, plans, connection, instance: Arc::clone(&self.instance) });
    }
}

/// What a dropped slot leaves to be closed.
struct Remains {
    // In the order in which DuckDB wants them closed.
    live: Option<Live>,
    plans: Plans,
    connection: Connection,
    instance: Arc<Instance>,
}

impl Drop for Remains {
    fn drop(&mut self) {
        self.live = None;
        self.plans = Plans::default();
        self.instance.viewer().forget(self.connection.id());
        self.instance.open_ahead();
    }
}

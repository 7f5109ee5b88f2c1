//! A Flight session: one engine session, and what Flight clients keep on it (FS-2).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use super::options::Options;
use super::prepared::Statement;
use super::query::Query;
use super::tickets::{Tickets, cancelled};
use super::token::Token;
use super::transaction::Transaction;
use engine::{self, CancelToken, Error, ErrorKind, Limits, PreparedStatement, Result, Tenant, TenantMeters};

/// One session of one user, known by its token.
pub(super) struct Session {
    pub(super) token: Token,
    /// The user's name.
    pub(super) tenant: Box<str>,
    pub(super) engine: Arc<engine::Session>,
    pub(super) tickets: Arc<Tickets<Query>>,
    pub(super) statements: Mutex<HashMap<Bytes, Arc<Statement>>>,
    pub(super) transaction: Mutex<Transaction>,
    pub(super) options: Mutex<Options>,
    pub(super) limits: Limits,
    pub(super) meters: TenantMeters,
    turn: AsyncMutex<PlannedLately>,
    closed: CancellationToken,
}

/// The right to use the session's connection: calls run one after another (FS-3).
pub(super) struct Turn<'a>(MutexGuard<'a, PlannedLately>);

/// The statements that calls have planned last, the latest first: the DoGet that follows need not plan them again, nor
/// need a call that repeats them.
type PlannedLately = VecDeque<Arc<PreparedStatement>>;

/// How many statements a session keeps planned, and how long their texts may be.
const PLANNED: usize = 8;
const PLANNED_BYTES: usize = 64 << 10;

impl Turn<'_> {
    /// Keeps a planned statement until anything has changed that may change what its text means.
    pub(super) fn keep_planned(&mut self, statement: Arc<PreparedStatement>) {
        if statement.sql().len() > PLANNED_BYTES {
            return;
        }
        self.0.retain(|other| other.sql() != statement.sql());
        self.0.truncate(PLANNED - 1);
        self.0.push_front(statement);
    }

    /// The statement of this text, if it is planned.
    pub(super) fn planned(&self, text: &str) -> Option<Arc<PreparedStatement>> {
        self.0.iter().find(|statement| statement.sql() == text).cloned()
    }
}

impl Session {
    /// A session over a new engine session of the tenant.
    ///
    /// # Errors
    /// `Internal` when the system's random source fails.
    pub(super) fn new(tenant: &Tenant, engine: Arc<engine::Session>, options: Options) -> Result<Arc<Self>> {
        let (limits, meters) = (*tenant.limits(), tenant.meters().clone());
        Ok(Arc::new(Self {
            token: Token::new()?,
            tenant: tenant.name().into(),
            engine,
            tickets: Tickets::new(&limits, meters.clone()),
            statements: Mutex::default(),
            transaction: Mutex::default(),
            options: Mutex::new(options),
            limits,
            meters,
            turn: AsyncMutex::default(),
            closed: CancellationToken::new(),
        }))
    }

    /// Waits for this call's turn, then puts a schema that has come to exist in force (FS-8).
    ///
    /// # Errors
    /// `Cancelled` when `cancel` fires or the session closes first.
    pub(super) async fn turn(&self, cancel: &CancelToken) -> Result<Turn<'_>> {
        let mut planned = tokio::select! {
            biased;
            () = cancel.unwanted() => return Err(cancelled()),
            () = self.closed.cancelled() => return Err(closed()),
            turn = self.turn.lock() => turn,
        };
        self.apply_pending_schema(cancel).await?;
        planned.retain(|statement| self.engine.is_current(statement));
        Ok(Turn(planned))
    }

    /// Runs `work` unless the session closes first; for work that waits on the client, such as an upload.
    ///
    /// # Errors
    /// `Cancelled` when the session closes.
    pub(super) async fn until_closed<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.closed.run_until_cancelled(work).await.unwrap_or_else(|| Err(closed()))
    }

    /// Whether the session is over: closed by a client, idled out, or its database lost.
    pub(super) fn is_over(&self) -> bool {
        self.closed.is_cancelled() || self.engine.is_closed()
    }

    /// Whether another session is of the same user: what a user's sessions share lives as long as any of them.
    pub(super) fn is_of_the_user_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.meters.tickets, &other.meters.tickets)
    }

    /// Ends the session: interrupts what runs, rolls back, ends streams and drops all that it owns (FS-12).
    pub(super) async fn close(&self) {
        self.closed.cancel();
        self.engine.close().await;
        self.statements.lock().clear();
        self.turn.lock().await.clear();
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Cancelled, "The session was closed")
}

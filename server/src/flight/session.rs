//! A Flight session: one engine session, and what Flight clients keep on it (FS-2).

use std::collections::HashMap;
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
use crate::engine::{self, CancelToken, PreparedStatement};
use crate::error::{Error, ErrorKind, Result};

/// One session of one user, known by its token.
pub(super) struct Session {
    pub(super) token: Token,
    pub(super) engine: Arc<engine::Session>,
    pub(super) tickets: Arc<Tickets<Query>>,
    pub(super) statements: Mutex<HashMap<Bytes, Arc<Statement>>>,
    pub(super) transaction: Mutex<Transaction>,
    pub(super) options: Mutex<Options>,
    turn: AsyncMutex<Option<Ahead>>,
    closed: CancellationToken,
}

/// The right to use the session's connection: calls run one after another (FS-3).
pub(super) struct Turn<'a> {
    next: MutexGuard<'a, Option<Ahead>>,
    ahead: Option<Ahead>,
}

/// A statement that a call has planned: the DoGet that follows need not plan it again.
struct Ahead {
    text: String,
    statement: Arc<PreparedStatement>,
}

impl Turn<'_> {
    /// Keeps a planned statement for the next turn, and for no later one: whatever happens in between may change what
    /// its text means.
    pub(super) fn plan_ahead(&mut self, text: &str, statement: Arc<PreparedStatement>) {
        *self.next = Some(Ahead { text: text.to_owned(), statement });
    }

    /// The statement of this text, if the turn before planned it.
    pub(super) fn planned(&mut self, text: &str) -> Option<Arc<PreparedStatement>> {
        self.ahead.take_if(|ahead| ahead.text == text).map(|ahead| ahead.statement)
    }
}

impl Session {
    /// A session over a new engine session.
    ///
    /// # Errors
    /// `Internal` when the system's random source fails.
    pub(super) fn new(engine: Arc<engine::Session>, options: Options) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            token: Token::new()?,
            engine,
            tickets: Tickets::new(),
            statements: Mutex::default(),
            transaction: Mutex::default(),
            options: Mutex::new(options),
            turn: AsyncMutex::new(None),
            closed: CancellationToken::new(),
        }))
    }

    /// Waits for this call's turn, then puts a schema that has come to exist in force (FS-8).
    ///
    /// # Errors
    /// `Cancelled` when `cancel` fires or the session closes first.
    pub(super) async fn turn(&self, cancel: &CancelToken) -> Result<Turn<'_>> {
        let mut next = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled()),
            () = self.closed.cancelled() => return Err(closed()),
            turn = self.turn.lock() => turn,
        };
        let ahead = next.take().filter(|_| !self.options.lock().awaits_schema());
        self.apply_pending_schema(cancel).await?;
        Ok(Turn { next, ahead })
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

    /// Ends the session: interrupts what runs, rolls back, ends streams and drops all that it owns (FS-12).
    pub(super) async fn close(&self) {
        self.closed.cancel();
        self.engine.close().await;
        self.statements.lock().clear();
        self.turn.lock().await.take();
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Cancelled, "The session was closed")
}

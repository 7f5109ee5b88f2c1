//! A call's turn: the session's connection, lent to one call at a time, first come first served (FS-3, LS-06).
//!
//! It is the only queue of a session. A call that does several things does them in one turn.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::cancel::CancelToken;
use super::ended::{closed, lost};
use super::handle::Session;
use super::slot::Slot;
use super::turns::Permit;
use crate::blocking::{self, MayBlock, Sealed};
use crate::error::Result;

/// The right to use the session's connection, until it is dropped or its last step has run.
#[derive(Debug)]
pub struct Turn {
    session: Arc<Session>,
    slot: OwnedMutexGuard<Sealed<Slot>>,
}

/// A turn, and the right to compute: one of those that the tenant has.
pub(super) struct Computing {
    turn: Turn,
    _permit: Permit,
}

impl Session {
    /// Waits for the calls before this one; then a schema that has come to exist is in force (FS-8).
    ///
    /// # Errors
    /// `Cancelled` when `cancel` fires first; SessionUnknown once the session is closed, SessionExpired once its
    /// database is lost; LimitExceeded while too many cancelled statements go on.
    pub async fn turn(self: &Arc<Self>, cancel: &CancelToken) -> Result<Turn> {
        let turn = self.next_turn(cancel).await?;
        if self.has_pending_schema() { turn.enter_pending_schema(cancel).await } else { Ok(turn) }
    }

    async fn next_turn(self: &Arc<Self>, cancel: &CancelToken) -> Result<Turn> {
        self.touch();
        if self.is_lost() {
            return Err(lost());
        }
        self.turns().lingering().check_room()?;
        let _waiting = Waiting::begin(self)?;
        let slot = self.unless_unwanted(cancel, Arc::clone(self.slot()).lock_owned()).await?;
        if self.is_closed() { Err(closed()) } else { Ok(Turn { session: Arc::clone(self), slot }) }
    }

    /// Waits for something, unless the call is not wanted any more or the session closes first.
    pub(crate) async fn unless_unwanted<T>(
        &self,
        cancel: &CancelToken,
        wait: impl Future<Output = T>,
    ) -> Result<T> {
        tokio::select! {
            biased;
            () = cancel.unwanted() => Err(cancel.check_wanted().err().unwrap_or_else(closed)),
            () = self.closing() => Err(closed()),
            done = wait => Ok(done),
        }
    }

    /// Runs `work` with the connection, as a turn of its own.
    ///
    /// # Errors
    /// As [`turn`](Self::turn) and [`Turn::last`].
    pub(crate) async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Slot) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.turn(cancel).await?.last(cancel, work).await
    }
}

/// A call that waits for its turn.
struct Waiting<'a>(&'a Session);

impl<'a> Waiting<'a> {
    fn begin(session: &'a Session) -> Result<Self> {
        if session.gate().occupancy().arrive() { Ok(Self(session)) } else { Err(closed()) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.gate().occupancy().stop_waiting();
    }
}

impl Turn {
    /// The session.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Waits for the right to compute.
    pub(super) async fn compute(self, cancel: &CancelToken) -> Result<Computing> {
        let permit = self.session.unless_unwanted(cancel, self.session.turns().take()).await?;
        Ok(Computing { turn: self, _permit: permit })
    }

    /// Runs `work` with the connection on a thread that may block, and gives the turn back for another step.
    ///
    /// # Errors
    /// As [`last`](Self::last).
    pub(crate) async fn step<T: Send + 'static>(
        self,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Slot) -> Result<T> + Send + 'static,
    ) -> Result<(T, Self)> {
        self.run(cancel, |done, turn| (done, turn), work).await
    }

    /// Runs `work` with the connection on a thread that may block; the next call's turn comes right behind it.
    ///
    /// Cancelling `cancel` while it waits means that `work` never runs; while it runs, DuckDB is interrupted. A call that
    /// is dropped while it waits never runs either.
    ///
    /// # Errors
    /// `work`'s own; `Cancelled`; SessionUnknown once the session is closed; LimitExceeded when an unread result cannot
    /// make room (FS-4).
    pub(crate) async fn last<T: Send + 'static>(
        self,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Slot) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(cancel, |done, _| done, work).await
    }

    async fn run<T: Send + 'static, R: Send + 'static>(
        self,
        cancel: &CancelToken,
        then: fn(T, Self) -> R,
        work: impl FnOnce(&mut Slot) -> Result<T> + Send + 'static,
    ) -> Result<R> {
        let gone = super::cancel::GiveUpOnDrop::new(cancel);
        let computing = self.compute(cancel).await?;
        let token = cancel.clone();
        let ran = blocking::run(move |thread| {
            let Computing { mut turn, _permit } = computing;
            let done = turn.blocking(thread, &token, work)?;
            Ok(then(done, turn))
        });
        let outcome = cancel.or_left(ran).await;
        gone.answered();
        outcome
    }

    fn blocking<T>(
        &mut self,
        thread: &MayBlock,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Slot) -> Result<T>,
    ) -> Result<T> {
        let Self { session, slot } = self;
        session.run(slot.open(thread), thread, cancel, work)
    }
}

impl Computing {
    /// Runs `work` with the connection, on this thread.
    ///
    /// # Errors
    /// As [`Turn::last`].
    pub(super) fn run<T>(
        mut self,
        thread: &MayBlock,
        cancel: &CancelToken,
        work: impl FnOnce(&Arc<Session>, &mut Slot) -> Result<T>,
    ) -> Result<T> {
        let session = Arc::clone(&self.turn.session);
        self.turn.blocking(thread, cancel, |slot| work(&session, slot))
    }
}

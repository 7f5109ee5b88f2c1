//! A call's turn: the session's connection, lent to one call at a time, first come first served (FS-3, LS-06).
//!
//! It is the only queue of a session. A call that does several things does them in one turn.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::ended::{closed, lost, retired};
use super::handle::Session;
use super::slot::Slot;
use super::turns::Permit;
use crate::blocking::{self, MayBlock, Sealed};
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};

/// The right to use the session's connection, until it is dropped or its last step has run.
#[derive(Debug)]
pub struct Turn {
    session: Arc<Session>,
    call: Arc<Call>,
    slot: OwnedMutexGuard<Sealed<Slot>>,
}

/// A turn, and the right to compute: one of those that the tenant has.
pub(super) struct Computing {
    turn: Turn,
    _permit: Permit,
}

impl Session {
    /// Lets a call in: whatever is asked of a session comes this way. Waits for the calls before it; then a schema that has
    /// come to exist is in force (FS-8).
    ///
    /// # Errors
    /// Unauthenticated for a call of another user; `Cancelled` when it is cancelled first; SessionUnknown once the session is closed, SessionExpired once its
    /// database is lost; LimitExceeded while too many cancelled statements go on.
    pub async fn turn(self: &Arc<Self>, call: &Arc<Call>) -> Result<Turn> {
        let turn = self.next_turn(call).await.map_err(|error| self.told_of_its_end(error))?;
        if self.has_pending_schema() { turn.enter_pending_schema().await } else { Ok(turn) }
    }

    /// Why a call finds the session closed.
    pub(super) fn told_of_its_end(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::SessionUnknown && self.is_retired() { retired() } else { error }
    }

    async fn next_turn(self: &Arc<Self>, call: &Arc<Call>) -> Result<Turn> {
        call.enter(self.tenant(), self.id())?;
        self.touch();
        if self.is_lost() {
            return Err(lost());
        }
        self.turns().lingering().check_room()?;
        let _waiting = WaitingCall::begin(self)?;
        let slot = self.unless_unwanted(call, Arc::clone(self.slot()).lock_owned()).await?;
        if self.is_closed() {
            return Err(closed());
        }
        Ok(Turn { session: Arc::clone(self), call: Arc::clone(call), slot })
    }

    /// Waits for something, unless the call is not wanted any more or the session closes first.
    async fn unless_unwanted<T>(&self, call: &Call, wait: impl Future<Output = T>) -> Result<T> {
        let cancel = call.cancel();
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
    pub(crate) async fn in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        call: &Arc<Call>,
        work: impl FnOnce(&mut Slot) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.turn(call).await?.last(work).await
    }
}

/// A call that waits for its turn.
struct WaitingCall<'a>(&'a Session);

impl<'a> WaitingCall<'a> {
    fn begin(session: &'a Session) -> Result<Self> {
        if session.gate().occupancy().arrive() { Ok(Self(session)) } else { Err(closed()) }
    }
}

impl Drop for WaitingCall<'_> {
    fn drop(&mut self) {
        self.0.gate().occupancy().stop_waiting();
    }
}

impl Turn {
    /// The session.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The call whose turn it is.
    pub(crate) fn call(&self) -> &Arc<Call> {
        &self.call
    }

    /// Waits for something, unless the call is not wanted any more or the session closes first.
    ///
    /// # Errors
    /// `Cancelled`; SessionUnknown.
    pub(crate) fn unless_unwanted<T, F: Future<Output = T>>(
        &self,
        wait: F,
    ) -> impl Future<Output = Result<T>> + use<T, F> {
        let (session, call) = (Arc::clone(&self.session), Arc::clone(&self.call));
        async move { session.unless_unwanted(&call, wait).await }
    }

    /// Waits for the right to compute.
    pub(super) async fn compute(self) -> Result<Computing> {
        let permit = self.unless_unwanted(self.session.turns().take()).await?;
        Ok(Computing { turn: self, _permit: permit })
    }

    /// Runs `work` with the connection on a thread that may block, and gives the turn back for another step.
    ///
    /// # Errors
    /// As [`last`](Self::last).
    pub(crate) async fn step<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Slot) -> Result<T> + Send + 'static,
    ) -> Result<(T, Self)> {
        self.run(|done, turn| (done, turn), work).await
    }

    /// Runs `work` with the connection on a thread that may block; the next call's turn comes right behind it.
    ///
    /// Cancelling the call while it waits means that `work` never runs; while it runs, DuckDB is interrupted. A call that
    /// is dropped while it waits never runs either.
    ///
    /// # Errors
    /// `work`'s own; `Cancelled`; SessionUnknown once the session is closed; LimitExceeded when an unread result cannot
    /// make room (FS-4).
    pub(crate) async fn last<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Slot) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(|done, _| done, work).await
    }

    async fn run<T: Send + 'static, R: Send + 'static>(
        self,
        then: fn(T, Self) -> R,
        work: impl FnOnce(&mut Slot) -> Result<T> + Send + 'static,
    ) -> Result<R> {
        let call = Arc::clone(&self.call);
        let gone = super::leaving::GiveUpOnDrop::new(call.cancel());
        let computing = self.compute().await?;
        let ran = blocking::run(move |thread| {
            let Computing { mut turn, _permit } = computing;
            let done = turn.blocking(thread, work)?;
            Ok(then(done, turn))
        });
        let outcome = call.cancel().or_left(ran).await;
        gone.answered();
        outcome
    }

    fn blocking<T>(&mut self, thread: &MayBlock, work: impl FnOnce(&mut Slot) -> Result<T>) -> Result<T> {
        let Self { session, call, slot } = self;
        session.run(slot.open(thread), thread, call.cancel(), work)
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
        work: impl FnOnce(&Arc<Session>, &mut Slot) -> Result<T>,
    ) -> Result<T> {
        let session = Arc::clone(&self.turn.session);
        self.turn.blocking(thread, |slot| work(&session, slot))
    }
}

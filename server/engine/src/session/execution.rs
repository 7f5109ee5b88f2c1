//! An execution on its way: from the call that asks for it, through its turn, until its columns are known.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::cancel::CancelToken;
use super::channel::Channel;
use super::execute::{Start, Started, StatementRun};
use super::handle::Session;
use super::pump::Place;
use super::request::Execute;
use super::result::ResultStream;
use super::turn::Turn;
use crate::blocking;
use crate::call::Call;
use crate::error::{Error, Result};
use duck::Returns;

/// How long a statement may take to its first rows before its columns are told without them.
const QUICK: Duration = Duration::from_millis(5);

/// Interrupts the query when the call that runs it is dropped, unless it has come to an end or may not be stopped.
struct CancelUnlessStarted {
    token: CancelToken,
    armed: bool,
    shared: Arc<Channel>,
}

impl Drop for CancelUnlessStarted {
    fn drop(&mut self) {
        if self.armed && !self.shared.update(|flow| flow.is_protected()) {
            self.token.cancel("the caller of this statement went away");
        }
    }
}

impl Session {
    /// Runs a statement in a turn of its own; see [`Turn::execute`].
    ///
    /// # Errors
    /// As [`Turn::execute`] and [`turn`](Self::turn).
    pub async fn execute(self: &Arc<Self>, request: Execute, call: &Arc<Call>) -> Result<ResultStream> {
        let execution = Execution::new(self, request, call);
        execution.run(self.turn(call).await?).await
    }
}

impl Turn {
    /// Runs a statement, which ends the turn; returns once its columns are known.
    ///
    /// Rows of a statement that only reads are computed as the stream is read. Any other statement has run to its
    /// end when this returns.
    ///
    /// # Errors
    /// DuckDB's error; NotOneStatement; Refused (LX-12, AC-05); `Cancelled`; SessionUnknown.
    pub async fn execute(self, request: Execute) -> Result<ResultStream> {
        Execution::new(self.session(), request, self.call()).run(self).await
    }
}

/// A statement on its way: dropping it before its columns are known cancels it.
struct Execution {
    session: Arc<Session>,
    request: Execute,
    shared: Arc<Channel>,
    on_drop: CancelUnlessStarted,
}

impl Execution {
    fn new(session: &Arc<Session>, request: Execute, call: &Call) -> Self {
        let cancel = call.cancel();
        call.notes().states(request.statement.text());
        if let Some(bind) = &request.bind {
            call.notes().states_parameters(bind);
        }
        let shared = Channel::new(cancel.clone());
        let on_drop = CancelUnlessStarted { token: cancel.clone(), armed: true, shared: Arc::clone(&shared) };
        Self { session: Arc::clone(session), request, shared, on_drop }
    }

    async fn run(self, turn: Turn) -> Result<ResultStream> {
        let Self { session, request, shared, mut on_drop } = self;
        let cancel = shared.cancel.clone();
        let turn = turn.compute().await?;
        let (announce, started) = oneshot::channel();
        let early = request.early_shape;
        let feed = Arc::clone(&shared);
        blocking::start(move |thread| {
            let mut announce = Some(announce);
            let outcome = turn.run(thread, |session, slot| {
                StatementRun { session, slot, shared: &feed }.run(&request, &mut announce)
            });
            let Err(error) = outcome else { return };
            let untold = match announce {
                Some(announce) => announce.send(Err(error)).err().and_then(Result::err),
                None => Some(error),
            };
            if let Some(error) = untold {
                feed.fail(error);
            }
        });
        let started = cancel.or_left(wait_for_start(started, early.then_some(&*shared))).await;
        on_drop.armed = false;
        let (shape, returns) = started?;
        Ok(ResultStream::new(shape, returns, session, shared))
    }
}

/// Waits until the columns are known. Those of a planned execution count once it turns out to take its time: the rows
/// of a quick one are handed over together with them.
async fn wait_for_start(mut started: Started, planned: Option<&Channel>) -> Result<Start> {
    let died = |_| Error::internal("the server failed while running this statement");
    let Some(shared) = planned else { return started.await.map_err(died)? };
    let shape = tokio::select! {
        biased;
        started = &mut started => return started.map_err(died)?,
        shape = shared.foretold(QUICK) => shape,
    };
    // What was said in between still counts.
    started.close();
    started.try_recv().unwrap_or(Ok((shape, Returns::Rows)))
}

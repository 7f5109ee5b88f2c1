//! Steps that run on while others follow.

use crate::fault::{Fault, Result};
use crate::gate::Handle;
use futures::future::BoxFuture;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

/// A running step.
#[derive(Debug)]
pub(super) struct Background {
    /// Its verb decides what success is.
    pub(super) verb: String,
    /// How to repeat it by hand.
    pub(super) repeat: String,
    /// Its only task, which ends with this.
    task: JoinSet<Result<Value>>,
    running: AbortHandle,
    resume: Option<oneshot::Sender<()>>,
}

impl Background {
    /// Starts it; with a gate, waits until the gate is reached and returns the outcome so far.
    pub(super) async fn start(
        verb: String,
        repeat: String,
        action: BoxFuture<'static, Result<Value>>,
        gate: Option<Handle>,
    ) -> Result<(Self, Option<Value>)> {
        let mut task = JoinSet::new();
        let running = task.spawn(action);
        let mut started = Self { verb, repeat, task, running, resume: None };
        let Some(gate) = gate else { return Ok((started, None)) };
        match gate.reached.await {
            Ok(so_far) => {
                started.resume = Some(gate.resume);
                Ok((started, Some(so_far)))
            }
            Err(_) => {
                let outcome = started.join().await;
                Err(Fault(format!("it ended before the pause; its outcome: {outcome:?}")))
            }
        }
    }

    /// Waits for its end.
    pub(super) async fn join(mut self) -> Result<Value> {
        drop(self.resume);
        let ended = self.task.join_next().await.ok_or_else(|| Fault::new("the background step has ended"))?;
        ended.unwrap_or_else(|error| Err(Fault(format!("the background step broke: {error}"))))
    }

    /// Hangs up.
    pub(super) async fn hang_up(mut self) {
        // Only once the task is gone are its connections closed.
        self.task.shutdown().await;
    }

    /// Whether it still runs, looked at after a moment for what may be on its way.
    pub(super) async fn is_running(&self) -> bool {
        const MOMENT: Duration = Duration::from_millis(50);
        tokio::time::sleep(MOMENT).await;
        !self.running.is_finished()
    }
}

//! Steps that run on while others follow.

use crate::client::gate::Handle;
use crate::fault::{Fault, Result};
use futures::future::BoxFuture;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running step.
#[derive(Debug)]
pub(super) struct Background {
    /// Its verb decides what success is.
    pub(super) verb: String,
    /// How to repeat it by hand.
    pub(super) repeat: String,
    task: JoinHandle<Result<Value>>,
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
        let task = tokio::spawn(action);
        let Some(gate) = gate else { return Ok((Self { verb, repeat, task, resume: None }, None)) };
        match gate.reached.await {
            Ok(so_far) => Ok((Self { verb, repeat, task, resume: Some(gate.resume) }, Some(so_far))),
            Err(_) => Err(Fault(format!("it ended before the pause; its outcome: {:?}", ended(task).await))),
        }
    }

    /// Waits for its end.
    pub(super) async fn join(self) -> Result<Value> {
        drop(self.resume);
        ended(self.task).await
    }

    /// Hangs up.
    pub(super) async fn hang_up(self) {
        self.task.abort();
        // Only once the task is gone are its connections closed.
        let _ = self.task.await;
    }

    /// Whether it still runs, looked at after a moment for what may be on its way.
    pub(super) async fn is_running(&self) -> bool {
        const MOMENT: Duration = Duration::from_millis(50);
        tokio::time::sleep(MOMENT).await;
        !self.task.is_finished()
    }
}

async fn ended(task: JoinHandle<Result<Value>>) -> Result<Value> {
    task.await.unwrap_or_else(|error| Err(Fault(format!("the background step broke: {error}"))))
}

//! Whether the server lives for others while a case runs: the liveness judge.
//!
//! While cases run on a server, a second client asks both doors for their health and runs `SELECT 42` as a tenant of its
//! own, in rounds. Each case is held to the rounds that overlap it, up to the first that begins after its last step: within
//! the [`bounds`], which an idle twin of the server, asked in the same rhythm, scales on a busy machine.
//!
//! The questions come from threads of their own, and so do the twin's answers: a server in this process that blocks every
//! worker of the runtime it shares with the runner silences neither.

mod bounds;
mod probe;
mod prober;
mod twin;

pub use bounds::{Figures, Sample, Silence};
pub(crate) use prober::Prober;

use crate::check::Mismatch;
use crate::fault::{During as _, Result};
use crate::target::Addresses;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use twin::Twin;

/// What the judge saw while a case ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Liveness {
    /// The case was not run, or nobody looked.
    #[default]
    Unwatched,
    /// The case stops or starves its server, and says why nobody is to look.
    Off(String),
    /// The server answered.
    Answered,
    /// The server was silent among other cases, and answered when the case ran once more by itself.
    Doubtful(String),
}

/// Asks the servers of one target, and a twin that nobody else uses.
#[derive(Debug)]
pub(crate) struct Judge {
    /// Where the questions come from.
    runtime: Option<Runtime>,
    twin: Twin,
    asked: Arc<Prober>,
}

impl Judge {
    pub(crate) async fn start() -> Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("liveness").enable_all().build();
        let runtime = runtime.during("a thread for the liveness judge")?;
        let twin = Twin::start().await?;
        let asked = Prober::start(runtime.handle(), twin.addresses()).await?;
        Ok(Self { runtime: Some(runtime), twin, asked })
    }

    /// Asks a server from now on, whenever a case runs on it.
    pub(crate) async fn prober(&self, addresses: Addresses) -> Result<Option<Arc<Prober>>> {
        let Some(runtime) = &self.runtime else { return Ok(None) };
        Prober::start(runtime.handle(), addresses).await.map(Some)
    }

    /// Looks at a server while a case runs.
    pub(crate) fn watch(&self, server: &Arc<Prober>, case: &str) -> Watch {
        let (here, there) = (server.watch(case), self.asked.watch(case));
        Watch { here, there, server: Arc::clone(server), twin: Arc::clone(&self.asked) }
    }

    /// How the twin has answered so far.
    pub(crate) fn twin(&self) -> Vec<Sample> {
        self.asked.samples()
    }

    pub(crate) async fn stop(mut self) {
        self.twin.stop().await;
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A look at a server while a case runs.
#[derive(Debug)]
pub(crate) struct Watch {
    here: prober::Watching,
    there: prober::Watching,
    server: Arc<Prober>,
    twin: Arc<Prober>,
}

impl Watch {
    /// Waits for a round of questions begun after now, and judges what came back since the case began.
    pub(crate) async fn end(self) -> Option<Mismatch> {
        self.here.leave();
        let over = Instant::now();
        tokio::join!(self.server.round_after(over), self.twin.round_after(over));
        let (server, twin) = (self.server.since(self.here.began), self.twin.since(self.there.began));
        let silence = bounds::judge(&server, &twin)?;
        let others = self.server.others(&silence.sample, &self.here);
        Some(silence.told(self.here.began, &others))
    }
}

//! The signals that stop the program, and its end in time.
//!
//! A thread of its own waits for them. It needs the executor for nothing, so that the program ends within
//! `--shutdown-timeout` even if every one of the executor's threads is stuck.

use std::time::Duration;

use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use tokio::sync::oneshot;

use engine::{Error, Result};

/// Ctrl-C, and the request to terminate.
const STOPPING: [Signal; 2] = [Signal::SIGINT, Signal::SIGTERM];

/// What is left of `--shutdown-timeout` for the end of the process itself.
const END: Duration = Duration::from_millis(100);

/// The signals that stop the program, kept from interrupting anything.
#[derive(Debug)]
pub(crate) struct Signals(SigSet);

impl Signals {
    /// Holds the signals back from this thread, and from all that it starts from now on.
    ///
    /// # Errors
    /// Internal when the process cannot do without them.
    pub(crate) fn hold() -> Result<Self> {
        let set: SigSet = STOPPING.into_iter().collect();
        for stopping in STOPPING {
            // A shell has its background programs ignore Ctrl-C, and nobody can wait for what is ignored.
            // SAFETY: the default action runs no code of this process.
            unsafe { signal(stopping, SigHandler::SigDfl) }.map_err(fault)?;
        }
        set.thread_block().map_err(fault)?;
        Ok(Self(set))
    }

    /// Waits for the signals in a thread; the future ends with the first of them. The process ends `within` that time
    /// from then on, if it has not ended by itself.
    ///
    /// # Errors
    /// Internal when the system refuses a thread.
    pub(crate) fn stop(&self, within: Duration) -> Result<impl Future<Output = ()> + use<>> {
        let (told, stop) = oneshot::channel();
        let set = self.0;
        let thread = std::thread::Builder::new().name("signals".to_owned());
        let waiting = thread.spawn(move || {
            if let Err(fault) = set.wait() {
                tracing::error!(%fault, "the program no longer hears signals");
                return;
            }
            // Nobody who is told any more has ended already.
            let _ = told.send(());
            // The end itself takes the system some hundredths of a second.
            std::thread::sleep(within - (within / 10).min(END));
            tracing::warn!("The program ends with calls under way: --shutdown-timeout is over");
            exit_at_once();
        });
        waiting.map_err(|fault| Error::internal(format!("cannot listen to signals: {fault}")))?;
        Ok(async move {
            if stop.await.is_err() {
                // No signal will be heard; the server goes on.
                std::future::pending::<()>().await;
            }
        })
    }
}

/// Ends the process without tidying up: threads inside DuckDB would find its parts destroyed under them.
pub(crate) fn exit_at_once() -> ! {
    // SAFETY: it does not return, and runs nothing of this process.
    unsafe { nix::libc::_exit(0) }
}

fn fault(fault: nix::errno::Errno) -> Error {
    Error::internal(format!("cannot listen to signals: {fault}"))
}

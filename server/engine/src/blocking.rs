//! The threads that DuckDB runs on: whatever may block does so here, off the async threads.
//!
//! They are the server's own rather than the host runtime's, whose stacks are 2 MiB: DuckDB plans and binds by
//! recursion, and a stack that overflows ends the process.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};

use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};

/// The most threads; more statements wait for one to end. [`Limits`](super::Limits) keep one user from taking them all.
const MOST_THREADS: usize = 16_384;

/// The threads of one process.
struct Threads {
    process: u32,
    /// For what somebody waits for; runs no task of its own.
    calls: std::io::Result<Runtime>,
    /// To those that do what nobody waits for.
    to_close: mpsc::Sender<Work>,
}

/// The threads of this process, and where those of a forked child go: it has a copy of this list, but none of the threads.
#[derive(Default)]
struct Processes {
    threads: OnceLock<Threads>,
    child: OnceLock<Box<Processes>>,
}

static PROCESSES: Processes = Processes { threads: OnceLock::new(), child: OnceLock::new() };

/// The threads of the process that asks.
fn threads() -> &'static Threads {
    let process = std::process::id();
    let mut at = &PROCESSES;
    loop {
        let threads = at.threads.get_or_init(|| Threads::start(process));
        if threads.process == process {
            return threads;
        }
        at = at.child.get_or_init(Box::default);
    }
}

impl Threads {
    fn start(process: u32) -> Self {
        let calls = Builder::new_current_thread()
            .thread_name("altertable-duckdb")
            .thread_stack_size(duck::STACK_BYTES)
            .max_blocking_threads(MOST_THREADS)
            .on_thread_start(prepare_thread)
            .build();
        Self { process, calls, to_close: start_closers() }
    }
}

thread_local! {
    static MAY_BLOCK: Cell<bool> = const { Cell::new(false) };
}

/// Notes that this thread may block, and has it take no signals.
pub(super) fn prepare_thread() {
    MAY_BLOCK.set(true);
    leave_signals_to_others();
}

/// Has this thread take no signals but those of its own faults. The program around the server waits for them: Ctrl-C
/// that arrives in one of our threads does not wake a Python script that sleeps.
pub fn leave_signals_to_others() {
    use nix::sys::signal::{SigSet, Signal};
    let mut others = SigSet::all();
    for own in
        [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGTRAP, Signal::SIGABRT]
    {
        others.remove(own);
    }
    if let Err(fault) = others.thread_block() {
        tracing::debug!(%fault, "signals may arrive in the server's threads");
    }
}

/// The proof that this is a thread that may block. Work on such a thread is lent it; it can be neither made elsewhere nor
/// sent to another thread, so that what asks for it cannot be called in async code.
pub(super) struct MayBlock(PhantomData<*const ()>);

/// What is reached only on a thread that may block, wherever it is kept.
#[derive(Debug, Default)]
pub(super) struct Sealed<T>(T);

impl<T> Sealed<T> {
    /// Puts it away.
    pub(super) fn new(inner: T) -> Self {
        Self(inner)
    }

    /// Reaches it.
    pub(super) fn open(&mut self, _: &MayBlock) -> &mut T {
        &mut self.0
    }
}

/// Runs `work` on a thread that may block, inside the caller's tracing span, and waits for it.
///
/// # Errors
/// `work`'s own error; Internal when it panicked, so that one bad call never takes the process down.
pub async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    run(move |_| work()).await
}

/// As [`run_blocking`], with the proof that `work` may block.
///
/// # Errors
/// As [`run_blocking`].
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce(&MayBlock) -> Result<T> + Send + 'static,
) -> Result<T> {
    let span = tracing::Span::current();
    let joined = match &threads().calls {
        Ok(threads) => threads.spawn_blocking(move || span.in_scope(|| work(&MayBlock(PhantomData)))).await,
        Err(fault) => return Err(Error::internal(format!("the server has no threads: {fault}"))),
    };
    joined.unwrap_or_else(|fault| {
        tracing::error!(%fault, "a call ended in a panic");
        Err(Error::internal("the server failed inside this call; its log has the details"))
    })
}

/// Begins `work` on a thread that may block; nobody waits for it.
pub(super) fn start(work: impl FnOnce(&MayBlock) + Send + 'static) {
    let span = tracing::Span::current();
    match &threads().calls {
        Ok(threads) => drop(threads.spawn_blocking(move || span.in_scope(|| work(&MayBlock(PhantomData))))),
        Err(fault) => tracing::error!(%fault, "the server has no threads"),
    }
}

type Work = Box<dyn FnOnce(&MayBlock) + Send>;

/// How many threads do what nobody waits for. They are apart from those of calls: a thousand sessions that idle out
/// together take no thread each.
const CLOSERS: usize = 8;

fn start_closers() -> mpsc::Sender<Work> {
    let (sender, work) = mpsc::channel::<Work>();
    // Not parking_lot's, which keeps those that wait in one table of the process: a forked child would find its parent's there.
    let work = Arc::new(Mutex::new(work));
    for _ in 0..CLOSERS {
        let work = Arc::clone(&work);
        let closer = std::thread::Builder::new().name("closer".to_owned()).stack_size(duck::STACK_BYTES);
        let started = closer.spawn(move || {
            prepare_thread();
            loop {
                let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(next) = next else { return };
                if catch_unwind(AssertUnwindSafe(|| next(&MayBlock(PhantomData)))).is_err() {
                    tracing::error!("what nobody waits for ended in a panic");
                }
            }
        });
        if let Err(fault) = started {
            tracing::error!(%fault, "a thread that closes sessions could not be started");
        }
    }
    sender
}

/// Does `work` on a thread that may block, in its turn; nobody waits for it.
pub(super) fn later(work: impl FnOnce(&MayBlock) + Send + 'static) {
    // The receiving end is never closed.
    let _ = threads().to_close.send(Box::new(work));
}

/// Drops what may block while it is dropped: a connection rolls its transaction back, a database writes its files.
pub(super) fn discard(remains: impl Send + 'static) {
    if MAY_BLOCK.get() {
        drop(remains);
    } else {
        later(move |_| drop(remains));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_of_its_call_alone() {
        let failed = run(|_| -> Result<()> { panic!("a test") }).await;
        assert_eq!(failed.unwrap_err().kind(), crate::error::ErrorKind::Internal);
        assert_eq!(run(|_| Ok(42)).await.unwrap(), 42);
    }

    #[tokio::test]
    async fn what_is_discarded_is_dropped_where_it_may_block() {
        struct Tell(mpsc::Sender<bool>);
        impl Drop for Tell {
            fn drop(&mut self) {
                let _ = self.0.send(MAY_BLOCK.get());
            }
        }
        let (tell, told) = mpsc::channel();
        discard(Tell(tell));
        assert!(tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap());
    }
}

//! Threads of the process that share the work of longer statements.
//!
//! A DuckDB instance has no threads of its own here: with them, a thousand tenants would be a thousand threads, and
//! their stacks would not be ours to choose. The thread that runs a statement computes it alone at first, which is
//! faster for a short one than waking another would be. A statement that takes longer than [`ALONE`] is shared by the
//! workers, whose number is fixed for the process, until its result begins.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use libduckdb_sys as ffi;

use super::database::Handle;

/// How long a statement is computed without help.
const ALONE: Duration = Duration::from_micros(500);

/// How long a worker that found no task waits before it looks again; doubled from the least to the most.
const LEAST_PAUSE: Duration = Duration::from_micros(50);
const MOST_PAUSE: Duration = Duration::from_millis(1);

/// How long a statement whose rows could begin waits for the workers that are still at a task of it. They would meet an
/// error that DuckDB no longer tells then (see [`Effort::settle`]).
const SETTLE: Duration = Duration::from_millis(200);

/// The workers of one server.
#[derive(Debug)]
pub struct Workers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// How many threads there may be.
    most: usize,
    /// What each of them does first.
    on_start: fn(),
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    threads: usize,
    /// Instances with a statement to share, each once; the first is served next.
    busy: Vec<Arc<Crew>>,
    closed: bool,
}

/// The part that workers have in one instance.
#[derive(Debug)]
pub(super) struct Crew {
    /// How many workers may be at work on the instance at a time.
    most: usize,
    shared: Weak<Shared>,
    tasks: Tasks,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Statements that share their work.
    statements: usize,
    /// Workers that are at a task.
    working: usize,
}

impl Workers {
    /// Up to `most` threads, none of which is started before there is work to share.
    pub fn new(most: usize) -> Self {
        Self::prepared_by(most, || ())
    }

    /// As [`Workers::new`]; each thread calls `on_start` first, which may say what signals it takes.
    pub fn prepared_by(most: usize, on_start: fn()) -> Self {
        Self(Arc::new(Shared { most, on_start, state: Mutex::default(), changed: Condvar::new() }))
    }

    /// The crew of an instance whose statements use up to `threads` threads each, their own included.
    pub(super) fn crew(&self, database: Arc<Handle>, threads: usize) -> Arc<Crew> {
        Arc::new(Crew {
            most: threads.saturating_sub(1).min(self.0.most),
            shared: Arc::downgrade(&self.0),
            tasks: Tasks::new(database),
            counts: Mutex::default(),
        })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        locked(&self.0.state).closed = true;
        self.0.changed.notify_all();
    }
}

/// What a lock guards; nothing that runs under one panics half-way.
///
/// These are the standard library's locks: parking_lot keeps the threads that wait in one table of the process, where a
/// forked child would find its parent's, and walk over memory that is used for something else by then.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Has workers look at `crew` until it has no statement any more.
    fn serve(self: &Arc<Self>, crew: &Arc<Crew>) {
        let mut state = locked(&self.state);
        if !state.busy.iter().any(|other| Arc::ptr_eq(other, crew)) {
            state.busy.push(Arc::clone(crew));
        }
        if state.threads < self.most {
            state.threads += 1;
            let workers = Arc::clone(self);
            let start = thread::Builder::new()
                .name("duckdb-worker".to_owned())
                .stack_size(crate::STACK_BYTES)
                .spawn(move || workers.work());
            if let Err(fault) = start {
                state.threads -= 1;
                tracing::warn!(%fault, "no thread to share a statement's work with");
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// What a worker does until the server stops: one task of the next instance, and again.
    fn work(&self) {
        (self.on_start)();
        let mut pause = LEAST_PAUSE;
        while let Some(crew) = self.next() {
            let Some(visit) = WorkerVisit::begin(&crew) else {
                thread::sleep(pause);
                continue;
            };
            let did_something = crew.tasks.execute_one();
            drop(visit);
            if did_something {
                pause = LEAST_PAUSE;
            } else {
                thread::sleep(pause);
                pause = (2 * pause).min(MOST_PAUSE);
            }
        }
    }

    /// The instance that is served next, once there is one; none when the server stops.
    fn next(&self) -> Option<Arc<Crew>> {
        let mut state = locked(&self.state);
        loop {
            if state.closed {
                return None;
            }
            state.busy.retain(|crew| locked(&crew.counts).statements > 0);
            if !state.busy.is_empty() {
                state.busy.rotate_left(1);
                return state.busy.last().cloned();
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A worker at a task of an instance.
struct WorkerVisit<'a>(&'a Crew);

impl<'a> WorkerVisit<'a> {
    /// None if the instance has its share of workers, or nothing to do for them.
    fn begin(crew: &'a Crew) -> Option<Self> {
        let mut counts = locked(&crew.counts);
        if counts.statements == 0 || counts.working >= crew.most {
            return None;
        }
        counts.working += 1;
        Some(Self(crew))
    }
}

impl Drop for WorkerVisit<'_> {
    fn drop(&mut self) {
        locked(&self.0.counts).working -= 1;
    }
}

/// A statement that shares its work, from when it took its time until its result begins.
#[derive(Debug)]
struct Help(Arc<Crew>);

impl Help {
    fn call(crew: &Arc<Crew>) -> Option<Self> {
        let shared = crew.shared.upgrade().filter(|_| crew.most > 0)?;
        locked(&crew.counts).statements += 1;
        shared.serve(crew);
        Some(Self(Arc::clone(crew)))
    }
}

impl Drop for Help {
    fn drop(&mut self) {
        locked(&self.0.counts).statements -= 1;
    }
}

/// The computing of one statement: alone at first, then with help.
#[derive(Debug)]
pub(super) struct Effort {
    crew: Arc<Crew>,
    started: Instant,
    help: Option<Help>,
    settling: Option<Instant>,
}

impl Effort {
    /// Begins to compute.
    pub(super) fn new(crew: &Arc<Crew>) -> Self {
        Self { crew: Arc::clone(crew), started: Instant::now(), help: None, settling: None }
    }

    /// Calls for help if the statement has taken its time.
    pub(super) fn call_help_when_long(&mut self) {
        if self.help.is_none() && self.settling.is_none() && self.started.elapsed() > ALONE {
            self.call_help();
        }
    }

    /// Calls for help whatever has been done so far.
    pub(super) fn call_help(&mut self) {
        if self.help.is_none() {
            self.help = Help::call(&self.crew);
        }
    }

    /// Ends the help; true once no worker is at a task of this statement.
    ///
    /// A stream in no certain order checks for an interrupt before it checks for an error, and an error in a worker
    /// interrupts the statement: were a worker to fail while rows are fetched, DuckDB would tell of the interrupt
    /// alone. So rows begin when the workers have left, or after [`SETTLE`] if they are at a long task; another
    /// statement of the same instance may keep them as well.
    pub(super) fn settle(&mut self) -> bool {
        self.help = None;
        let since = *self.settling.get_or_insert_with(Instant::now);
        let counts = locked(&self.crew.counts);
        counts.working == 0 || counts.statements > 0 || since.elapsed() > SETTLE
    }
}

/// Any tasks of one instance, which it keeps open.
#[derive(Debug)]
struct Tasks {
    raw: ffi::duckdb_task_state,
    _database: Arc<Handle>,
}

// SAFETY: DuckDB's task state is made for use by several threads, all its fields are atomic.
unsafe impl Send for Tasks {}
// SAFETY: as above.
unsafe impl Sync for Tasks {}

impl Tasks {
    fn new(database: Arc<Handle>) -> Self {
        // SAFETY: the database is open, and stays so while this state refers to it.
        let raw = unsafe { ffi::duckdb_create_task_state(database.raw()) };
        Self { raw, _database: database }
    }

    /// Executes a task, if there is one.
    fn execute_one(&self) -> bool {
        // SAFETY: the state is live.
        unsafe { ffi::duckdb_execute_n_tasks_state(self.raw, 1) > 0 }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        // SAFETY: created once, destroyed once, and no thread works on it any more: each holds a reference.
        unsafe { ffi::duckdb_destroy_task_state(self.raw) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Connection, Database, Settings};
    use super::*;

    const ENDLESS: &str = "SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b";

    fn connection(workers: &Workers, threads: usize) -> Connection {
        Database::open_in_memory(&Settings::new(), threads, workers).unwrap().connect().unwrap()
    }

    fn statements(connection: &Connection) -> usize {
        locked(&connection.crew().counts).statements
    }

    #[test]
    fn a_long_statement_is_shared_until_it_ends_by_no_more_threads_than_there_may_be() {
        let workers = Workers::new(2);
        let running: Vec<_> = (0..4)
            .map(|_| {
                let connection = connection(&workers, 64);
                let (crew, interrupt) = (Arc::clone(connection.crew()), connection.interrupt_handle());
                (thread::spawn(move || connection.run(ENDLESS)), crew, interrupt)
            })
            .collect();
        for (_, crew, _) in &running {
            while locked(&crew.counts).statements == 0 {
                thread::yield_now();
            }
        }
        let at_work = || running.iter().map(|(_, crew, _)| locked(&crew.counts).working).sum::<usize>();
        while at_work() == 0 {
            thread::yield_now();
        }
        assert!(at_work() <= 2 && locked(&workers.0.state).threads <= 2);
        for (statement, crew, interrupt) in running {
            interrupt.interrupt();
            assert!(statement.join().unwrap().unwrap_err().message().contains("INTERRUPT"));
            assert_eq!(locked(&crew.counts).statements, 0);
        }
    }

    /// `SimpleBufferedData` in DuckDB checks for the interrupt first; with a worker at it, this was so 15 times of 100.
    #[test]
    fn an_error_after_the_first_rows_is_told_whatever_the_order_of_the_stream() {
        const GROUPS: &str = "SELECT CASE WHEN k = 777777 THEN error('boom') ELSE k END
             FROM (SELECT DISTINCT range AS k FROM range(1000000))";
        let connection = connection(&Workers::new(3), 3);
        let mut statement = connection.prepare(GROUPS).unwrap();
        for _ in 0..100 {
            let mut rows = match statement.start_streaming().unwrap().execute() {
                Ok(rows) => rows,
                Err(error) => {
                    assert_eq!(error.message(), "Invalid Input Error: boom");
                    continue;
                }
            };
            let error = loop {
                thread::sleep(Duration::from_micros(100));
                match rows.fetch() {
                    Ok(rows) => assert!(rows.is_some()),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.message(), "Invalid Input Error: boom");
        }
    }

    #[test]
    fn workers_leave_when_the_server_stops() {
        let workers = Workers::new(3);
        let connection = connection(&workers, 3);
        connection.run("SELECT sum(range % 7) FROM range(30000000)").unwrap();
        let shared = Arc::downgrade(&workers.0);
        assert!(locked(&workers.0.state).threads > 0);
        drop(workers);
        let patience = Instant::now();
        while shared.strong_count() > 0 && patience.elapsed() < Duration::from_secs(30) {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(shared.strong_count(), 0);
        connection.run("SELECT sum(range % 7) FROM range(3000000)").unwrap();
        assert_eq!(statements(&connection), 0);
    }

    #[test]
    fn an_instance_of_one_thread_shares_nothing() {
        let workers = Workers::new(3);
        let connection = connection(&workers, 1);
        connection.run("SELECT sum(range % 7) FROM range(10000000)").unwrap();
        assert_eq!(locked(&workers.0.state).threads, 0);
    }
}

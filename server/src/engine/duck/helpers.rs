//! Threads that share the work of an instance's longer statements.
//!
//! An instance has no threads of its own. The thread that runs a statement computes it alone at first, which is faster
//! for a short one than waking another would be, and costs an idle tenant nothing. Only a statement that takes longer
//! than [`ALONE`] is helped, by as many threads as the instance may use, and they leave when none is left.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use libduckdb_sys as ffi;
use parking_lot::Mutex;

use super::database::Handle;

/// How long a statement is computed without help.
const ALONE: Duration = Duration::from_micros(500);

/// Calls helpers for one instance and sends them away.
#[derive(Debug)]
pub(super) struct Helpers {
    database: Arc<Handle>,
    /// How many may help at a time, beside the thread of the statement.
    number: usize,
    crew: Arc<Mutex<Crew>>,
}

#[derive(Debug, Default)]
struct Crew {
    statements: usize,
    work: Option<Arc<Work>>,
    /// Work that is finished, as long as a helper has not noticed.
    finished: Vec<Weak<Work>>,
}

/// While it lives, helpers work for the instance.
#[derive(Debug)]
struct Help(Arc<Helpers>);

/// The work on one statement: without help at first, with help once it takes its time.
#[derive(Debug, Default)]
pub(super) struct Effort {
    /// Whom to call; nobody once the work is over.
    helpers: Option<Arc<Helpers>>,
    spent: Duration,
    help: Option<Help>,
}

impl Effort {
    /// Work that `helpers` may share.
    pub(super) fn new(helpers: &Arc<Helpers>) -> Self {
        Self { helpers: Some(Arc::clone(helpers)), ..Self::default() }
    }

    /// Does a part of the work, and calls for help if that has not been enough for a while.
    pub(super) fn spend<T>(&mut self, part: impl FnOnce() -> T) -> T {
        if self.help.is_some() {
            return part();
        }
        let started = Instant::now();
        let done = part();
        self.spent += started.elapsed();
        if self.spent > ALONE {
            self.call_help();
        }
        done
    }

    /// Calls for help whatever has been done so far.
    pub(super) fn call_help(&mut self) {
        if self.help.is_none() {
            self.help = self.helpers.as_ref().map(Helpers::call);
        }
    }

    /// No more is to be done.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

impl Helpers {
    /// Helpers for an instance whose statements use up to `threads` threads, their own included.
    pub(super) fn new(database: Arc<Handle>, threads: usize) -> Self {
        Self { database, number: threads.saturating_sub(1), crew: Arc::default() }
    }

    pub(super) fn database(&self) -> &Handle {
        &self.database
    }

    /// Lets helpers work on the instance's statements.
    fn call(self: &Arc<Self>) -> Help {
        let mut crew = self.crew.lock();
        crew.statements += 1;
        if crew.work.is_none() && self.number > 0 {
            let work = Arc::new(Work::new(&self.database));
            spawn(&self.crew, &work, self.number);
            crew.work = Some(work);
        }
        Help(Arc::clone(self))
    }
}

#[cfg(test)]
impl Helpers {
    fn are_here(&self) -> bool {
        self.crew.lock().work.is_some()
    }
}

impl Drop for Help {
    fn drop(&mut self) {
        let mut crew = self.0.crew.lock();
        crew.statements -= 1;
        if crew.statements == 0
            && let Some(work) = crew.work.take()
        {
            crew.finish(&work);
        }
    }
}

impl Crew {
    /// Sends the helpers away.
    fn finish(&mut self, work: &Arc<Work>) {
        work.finish();
        self.finished.push(Arc::downgrade(work));
    }

    /// Wakes the helpers that should have left. DuckDB wakes any that wait: one that has work to do may have woken, and
    /// waits again, in place of one that has none. Called by each that leaves, so that none stays behind alone.
    fn wake(&mut self) {
        self.finished.retain(|work| work.upgrade().inspect(|work| work.finish()).is_some());
    }
}

/// Has a new thread work, which first has the next one do the same, so that the statement waits for one start at most.
/// Without a thread the statement is computed by fewer.
fn spawn(crew: &Arc<Mutex<Crew>>, work: &Arc<Work>, number: usize) {
    let (crew, work) = (Arc::clone(crew), Arc::clone(work));
    let help = move || {
        if number > 1 {
            spawn(&crew, &work, number - 1);
        }
        work.work();
        drop(work);
        crew.lock().wake();
    };
    if let Err(fault) = thread::Builder::new().name("duckdb-helper".to_owned()).spawn(help) {
        tracing::warn!(%fault, "no thread to share a statement's work with");
    }
}

/// What helpers do until it is finished: any task of the instance. Each of them keeps the instance open.
#[derive(Debug)]
struct Work {
    raw: ffi::duckdb_task_state,
    _database: Arc<Handle>,
}

// SAFETY: DuckDB's task state is made for use by several threads, all its fields are atomic.
unsafe impl Send for Work {}
// SAFETY: as above.
unsafe impl Sync for Work {}

impl Work {
    fn new(database: &Arc<Handle>) -> Self {
        // SAFETY: the database is open, and stays so while this state refers to it.
        let raw = unsafe { ffi::duckdb_create_task_state(database.raw()) };
        Self { raw, _database: Arc::clone(database) }
    }

    /// Executes tasks, and waits for more, until this is finished.
    fn work(&self) {
        // SAFETY: the state is live.
        unsafe { ffi::duckdb_execute_tasks_state(self.raw) };
    }

    fn finish(&self) {
        // SAFETY: the state is live.
        unsafe { ffi::duckdb_finish_execution(self.raw) };
    }
}

impl Drop for Work {
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

    fn connection(threads: usize) -> Connection {
        Database::open_in_memory(&Settings::new(), threads).unwrap().connect().unwrap()
    }

    #[test]
    fn a_long_statement_is_helped_until_it_ends() {
        let connection = connection(3);
        let (helpers, interrupt) = (Arc::clone(connection.helpers()), connection.interrupt_handle());
        let running = thread::spawn(move || connection.run(ENDLESS));
        while !helpers.are_here() {
            thread::yield_now();
        }
        interrupt.interrupt();
        assert!(running.join().unwrap().unwrap_err().message().contains("INTERRUPT"));
        assert!(!helpers.are_here());
    }

    #[test]
    fn a_stream_is_helped_while_it_is_read() {
        let connection = connection(2);
        let mut statement = connection.prepare("SELECT range FROM range(100000000)").unwrap();
        let mut rows = statement.start_streaming().unwrap().execute().unwrap();
        while !connection.helpers().are_here() {
            assert!(rows.fetch().unwrap().is_some());
        }
        drop(rows);
        assert!(!connection.helpers().are_here());
    }

    /// If DuckDB loses no error any more, `error_again` can go.
    #[test]
    fn an_error_that_a_helper_met_may_be_lost_and_is_found_again() {
        const GROUPS: &str = "SELECT CASE WHEN k = 777777 THEN error('boom') ELSE k END
             FROM (SELECT DISTINCT range AS k FROM range(1000000))";
        let connection = connection(3);
        let mut statement = connection.prepare(GROUPS).unwrap();
        for _ in 0..500 {
            let mut rows = statement.start_streaming().unwrap().execute().unwrap();
            let error = loop {
                thread::sleep(Duration::from_micros(100));
                match rows.fetch() {
                    Ok(rows) => assert!(rows.is_some()),
                    Err(error) => break error,
                }
            };
            if error.message() != "Invalid Input Error: boom" {
                assert_eq!(error.message(), "INTERRUPT Error: Interrupted!");
                assert_eq!(statement.error_again().unwrap().message(), "Invalid Input Error: boom");
                return;
            }
        }
        panic!("DuckDB lost no error of 500");
    }

    #[test]
    fn helpers_stay_for_the_last_of_several_statements() {
        let connection = connection(2);
        let [mut first, mut second] = [(); 2].map(|()| Effort::new(connection.helpers()));
        first.call_help();
        second.call_help();
        first.end();
        assert!(connection.helpers().are_here());
        second.end();
        assert!(!connection.helpers().are_here());
    }

    #[test]
    fn every_helper_leaves_however_quickly_statements_follow() {
        let connection = connection(3);
        let helpers = connection.helpers();
        for _ in 0..500 {
            let mut effort = Effort::new(helpers);
            effort.call_help();
            thread::sleep(Duration::from_micros(300));
        }
        let left = || helpers.crew.lock().finished.iter().filter(|work| work.strong_count() > 0).count();
        let patience = Instant::now();
        while left() > 0 && patience.elapsed() < Duration::from_secs(30) {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(left(), 0);
    }

    #[test]
    fn an_instance_of_one_thread_has_none_to_help() {
        let connection = connection(1);
        let mut effort = Effort::new(connection.helpers());
        effort.call_help();
        assert!(!connection.helpers().are_here());
        assert!(connection.run("SELECT sum(range) FROM range(1000000)").is_ok());
    }
}

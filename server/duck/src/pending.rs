//! An execution that is planned with its bound values and has not begun.

use std::sync::Arc;
use std::time::Duration;
use std::{ptr, thread};

use libduckdb_sys as ffi;

use super::error::{copy_text, sql_error};
use super::result::ResultSet;
use super::workers::{Crew, Effort};
use crate::error::Result;

/// How long to wait for workers that have taken all there was to do.
const PAUSE: Duration = Duration::from_micros(20);

/// A planned execution: its statement's columns are final, and nothing has been computed yet.
///
/// Dropping it closes the execution.
#[derive(Debug)]
pub struct Pending {
    raw: ffi::duckdb_pending_result,
    crew: Arc<Crew>,
}

impl Pending {
    pub(super) fn plan(
        crew: &Arc<Crew>,
        start: impl FnOnce(*mut ffi::duckdb_pending_result) -> ffi::duckdb_state,
    ) -> Result<Self> {
        let mut pending = Self { raw: ptr::null_mut(), crew: Arc::clone(crew) };
        if start(&mut pending.raw) == ffi::DuckDBSuccess {
            return Ok(pending);
        }
        Err(sql_error(pending.error_text()))
    }

    /// Begins the execution and returns once DuckDB has its first rows, which may take as long as the query does.
    ///
    /// # Errors
    /// DuckDB's error.
    pub fn execute(self) -> Result<ResultSet> {
        self.compute()?;
        // SAFETY: the pending result is live and `out` is valid.
        ResultSet::run(|out| unsafe { ffi::duckdb_execute_pending(self.raw, out) })
    }

    /// Executes tasks, with the workers' help if it takes long, until there is a result to take.
    fn compute(&self) -> Result<()> {
        let mut effort = Effort::new(&self.crew);
        loop {
            // SAFETY: the pending result is live.
            let state = unsafe { ffi::duckdb_pending_execute_task(self.raw) };
            match state {
                ffi::duckdb_pending_state_DUCKDB_PENDING_RESULT_NOT_READY => effort.call_help_when_long(),
                ffi::duckdb_pending_state_DUCKDB_PENDING_NO_TASKS_AVAILABLE => {
                    effort.call_help_when_long();
                    thread::sleep(PAUSE);
                }
                ffi::duckdb_pending_state_DUCKDB_PENDING_RESULT_READY if effort.settle() => return Ok(()),
                ffi::duckdb_pending_state_DUCKDB_PENDING_RESULT_READY => thread::sleep(PAUSE),
                _ => match self.error_text() {
                    Some(text) => return Err(sql_error(Some(text))),
                    // A task waits for something that only another thread can do.
                    None => effort.call_help(),
                },
            }
        }
    }

    fn error_text(&self) -> Option<String> {
        // SAFETY: null or a live pending result; the text lives as long.
        unsafe { copy_text(ffi::duckdb_pending_error(self.raw)) }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // SAFETY: destroyed once; null is accepted.
        unsafe { ffi::duckdb_destroy_pending(&mut self.raw) };
    }
}

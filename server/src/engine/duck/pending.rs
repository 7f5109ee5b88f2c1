//! An execution that is planned with its bound values and has not begun.

use std::sync::Arc;
use std::time::Duration;
use std::{mem, ptr, thread};

use libduckdb_sys as ffi;

use super::error::{copy_text, sql_error};
use super::helpers::{Effort, Helpers};
use super::result::ResultSet;
use crate::error::Result;

/// How long to wait for helpers that have taken all there was to do.
const PAUSE: Duration = Duration::from_micros(20);

/// A planned execution: its statement's columns are final, and nothing has been computed yet.
///
/// Dropping it closes the execution.
#[derive(Debug)]
pub struct Pending {
    raw: ffi::duckdb_pending_result,
    effort: Effort,
}

impl Pending {
    pub(super) fn plan(
        helpers: &Arc<Helpers>,
        start: impl FnOnce(*mut ffi::duckdb_pending_result) -> ffi::duckdb_state,
    ) -> Result<Self> {
        let mut pending = Self { raw: ptr::null_mut(), effort: Effort::new(helpers) };
        if start(&mut pending.raw) == ffi::DuckDBSuccess {
            return Ok(pending);
        }
        Err(sql_error(pending.error_text()))
    }

    /// Calls no helpers.
    pub(super) fn alone(mut self) -> Self {
        self.effort.end();
        self
    }

    /// Begins the execution and returns once DuckDB has its first rows, which may take as long as the query does.
    ///
    /// # Errors
    /// DuckDB's error.
    pub fn execute(mut self) -> Result<ResultSet> {
        self.compute()?;
        ResultSet::run(mem::take(&mut self.effort), |out| {
            // SAFETY: the pending result is live and `out` is valid.
            unsafe { ffi::duckdb_execute_pending(self.raw, out) }
        })
    }

    /// Executes tasks until there is a result to take.
    fn compute(&mut self) -> Result<()> {
        let raw = self.raw;
        loop {
            // SAFETY: the pending result is live.
            let state = self.effort.spend(|| unsafe { ffi::duckdb_pending_execute_task(raw) });
            match state {
                ffi::duckdb_pending_state_DUCKDB_PENDING_RESULT_NOT_READY => {}
                ffi::duckdb_pending_state_DUCKDB_PENDING_NO_TASKS_AVAILABLE => thread::sleep(PAUSE),
                ffi::duckdb_pending_state_DUCKDB_PENDING_RESULT_READY => return Ok(()),
                _ => return self.end_or_wait(),
            }
        }
    }

    /// After a task that left nothing to do: DuckDB's error, or a task that waits for something, and DuckDB with it.
    fn end_or_wait(&mut self) -> Result<()> {
        if let Some(text) = self.error_text() {
            return Err(sql_error(Some(text)));
        }
        self.effort.call_help();
        Ok(())
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

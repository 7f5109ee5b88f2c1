//! An execution that is planned with its bound values and has not begun.

use std::ptr;

use libduckdb_sys as ffi;

use super::error::{copy_text, sql_error};
use super::result::ResultSet;
use crate::error::Result;

/// A planned execution: its statement's columns are final, and nothing has been computed yet.
///
/// Dropping it closes the execution.
#[derive(Debug)]
pub struct Pending {
    raw: ffi::duckdb_pending_result,
}

impl Pending {
    pub(super) fn plan(
        start: impl FnOnce(*mut ffi::duckdb_pending_result) -> ffi::duckdb_state,
    ) -> Result<Self> {
        let mut pending = Self { raw: ptr::null_mut() };
        if start(&mut pending.raw) == ffi::DuckDBSuccess {
            return Ok(pending);
        }
        // SAFETY: null or a live pending result; the text lives as long.
        Err(sql_error(unsafe { copy_text(ffi::duckdb_pending_error(pending.raw)) }))
    }

    /// Begins the execution and returns once DuckDB has its first rows, which may take as long as the query does.
    ///
    /// # Errors
    /// DuckDB's error.
    pub fn execute(self) -> Result<ResultSet> {
        ResultSet::run(|out| {
            // SAFETY: the pending result is live and `out` is valid.
            unsafe { ffi::duckdb_execute_pending(self.raw, out) }
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // SAFETY: destroyed once; null is accepted.
        unsafe { ffi::duckdb_destroy_pending(&mut self.raw) };
    }
}

//! One DuckDB connection and the handle that interrupts it.

use std::ptr;
use std::sync::Arc;

use libduckdb_sys as ffi;
use parking_lot::Mutex;

use super::error::{copy_text, sql_error};
use super::planning::Planning;
use super::result::ResultSet;
use super::statement::{Extracted, Prepared};
use super::workers::Crew;
use crate::error::{Error, Result};

/// A connection: its `USE`, settings, temporary tables, transaction and prepared statements.
///
/// Used by one thread at a time; a second statement closes the first one's live result.
#[derive(Debug)]
pub struct Connection {
    raw: ffi::duckdb_connection,
    interrupt: Arc<InterruptHandle>,
    crew: Arc<Crew>,
}

// SAFETY: a DuckDB connection may move between threads as long as one uses it at a time, which `&mut` ensures.
unsafe impl Send for Connection {}

/// Interrupts whatever its connection runs; does nothing once the connection is closed.
#[derive(Debug)]
pub struct InterruptHandle {
    raw: Mutex<ffi::duckdb_connection>,
    planning: Planning,
}

// SAFETY: `duckdb_interrupt` is made to be called from other threads; the mutex keeps it from a closed connection.
unsafe impl Send for InterruptHandle {}
// SAFETY: as above.
unsafe impl Sync for InterruptHandle {}

impl InterruptHandle {
    /// Makes the statement that runs now, if any, fail with DuckDB's `INTERRUPT Error`.
    pub fn interrupt(&self) {
        let raw = self.raw.lock();
        if !raw.is_null() {
            // SAFETY: not closed, because closing takes the same lock first.
            unsafe { ffi::duckdb_interrupt(*raw) };
        }
    }

    /// Makes the statement that is being planned now, if any, fail as if memory had run out. DuckDB looks at interrupts when
    /// it computes, not while it plans. Does nothing where DuckDB is compiled in, and on macOS.
    pub fn end_planning(&self) {
        self.planning.end();
    }

    /// Plans a statement of the connection on this thread.
    pub(super) fn plan<T>(&self, plan: impl FnOnce() -> T) -> T {
        self.planning.run(plan)
    }

    /// How far the running statement is: percent (0 to 100, negative when unknown), rows processed, rows in total.
    pub fn progress(&self) -> Option<(f64, u64, u64)> {
        let raw = self.raw.lock();
        if raw.is_null() {
            return None;
        }
        // SAFETY: not closed, see `interrupt`; DuckDB reads its progress counters atomically.
        let progress = unsafe { ffi::duckdb_query_progress(*raw) };
        Some((progress.percentage, progress.rows_processed, progress.total_rows_to_process))
    }
}

impl Connection {
    pub(super) fn new(raw: ffi::duckdb_connection, crew: Arc<Crew>) -> Self {
        Self {
            raw,
            interrupt: Arc::new(InterruptHandle { raw: Mutex::new(raw), planning: Planning::default() }),
            crew,
        }
    }

    pub(super) fn raw(&self) -> ffi::duckdb_connection {
        self.raw
    }

    pub(super) fn crew(&self) -> &Arc<Crew> {
        &self.crew
    }

    pub(super) fn interrupts(&self) -> &Arc<InterruptHandle> {
        &self.interrupt
    }

    /// A handle for other threads.
    pub fn interrupt_handle(&self) -> Arc<InterruptHandle> {
        Arc::clone(&self.interrupt)
    }

    /// Splits a text into statements with DuckDB's own parser; executes nothing.
    ///
    /// # Errors
    /// DuckDB's parser error.
    pub fn extract(&self, sql: &str) -> Result<Extracted> {
        Extracted::parse(self, sql)
    }

    /// Prepares the one statement of a text that the server wrote itself.
    ///
    /// # Errors
    /// DuckDB's error, or an internal one if the text holds not exactly one statement.
    pub fn prepare(&self, sql: &str) -> Result<Prepared> {
        let extracted = self.extract(sql)?;
        if extracted.len() != 1 {
            return Err(Error::internal("the server's own SQL is not one statement"));
        }
        extracted.prepare(self, 0)
    }

    /// Runs a text that the server wrote itself and discards its result.
    ///
    /// # Errors
    /// DuckDB's error.
    pub fn run(&self, sql: &str) -> Result<()> {
        self.prepare(sql)?.execute().map(drop)
    }

    /// Runs a text that the server wrote itself and keeps its result in memory.
    ///
    /// # Errors
    /// DuckDB's error.
    pub fn query(&self, sql: &str) -> Result<ResultSet> {
        self.prepare(sql)?.execute()
    }

    /// The session's TimeZone setting, as Arrow timestamps carry it.
    ///
    /// Read from the connection's client properties, which costs microseconds where a query would cost a tenth of a
    /// millisecond.
    pub fn time_zone(&self) -> Result<String> {
        let mut options = ptr::null_mut();
        // SAFETY: the connection is open; the options are destroyed below.
        unsafe { ffi::duckdb_connection_get_arrow_options(self.raw, &mut options) };
        let zone = read_zone(options);
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_arrow_options(&mut options) };
        zone
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // From here on nobody interrupts the connection. The lock is not held any longer: closing rolls an open
        // transaction back, and those who ask for progress must not wait for that.
        *self.interrupt.raw.lock() = ptr::null_mut();
        // SAFETY: open until here, and whoever used the handle has let go of the lock.
        unsafe { ffi::duckdb_disconnect(&mut self.raw) };
    }
}

/// Asks DuckDB for the Arrow schema of one TIMESTAMPTZ column and reads the zone from its format (`tsu:ZONE`).
fn read_zone(options: ffi::duckdb_arrow_options) -> Result<String> {
    // SAFETY: a primitive type is always valid.
    let mut ty = unsafe { ffi::duckdb_create_logical_type(ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ) };
    let mut name = c"t".as_ptr();
    // SAFETY: an all-zero ArrowSchema is the empty one that DuckDB fills.
    let mut schema: ffi::ArrowSchema = unsafe { std::mem::zeroed() };
    // SAFETY: one type and one name, both alive for the call.
    let mut error = unsafe { ffi::duckdb_to_arrow_schema(options, &mut ty, &mut name, 1, &mut schema) };
    // SAFETY: destroyed once.
    unsafe { ffi::duckdb_destroy_logical_type(&mut ty) };
    // SAFETY: `error` is null or a live error.
    if unsafe { ffi::duckdb_error_data_has_error(error) } {
        // SAFETY: the message lives as long as the error.
        let text = unsafe { copy_text(ffi::duckdb_error_data_message(error)) };
        // SAFETY: destroyed once.
        unsafe { ffi::duckdb_destroy_error_data(&mut error) };
        return Err(sql_error(text));
    }
    // SAFETY: DuckDB filled a struct with one child, whose format is a NUL-terminated string.
    let format = unsafe { copy_text((**schema.children).format) }.unwrap_or_default();
    if let Some(release) = schema.release {
        // SAFETY: released once, by its own function.
        unsafe { release(&mut schema) };
    }
    Ok(format.strip_prefix("tsu:").unwrap_or("UTC").to_owned())
}

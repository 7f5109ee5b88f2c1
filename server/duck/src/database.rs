//! One DuckDB instance.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Arc;

use libduckdb_sys as ffi;

use super::connection::Connection;
use super::error::{copy_text, sql_error};
use super::workers::{Crew, Workers};
use crate::error::{Error, Result};

/// Settings an instance is opened with, as DuckDB's own option names and values.
pub type Settings = Vec<(&'static str, String)>;

/// An in-memory DuckDB instance, closed when the last of its connections and this are gone.
#[derive(Debug)]
pub struct Database {
    handle: Arc<Handle>,
    crew: Arc<Crew>,
}

impl Database {
    /// Opens an in-memory instance whose statements are computed by up to `threads` threads each, the statement's own
    /// and those of `workers`.
    ///
    /// # Errors
    /// DuckDB's own text when an option is unknown or has a bad value.
    pub fn open_in_memory(settings: &Settings, threads: usize, workers: &Workers) -> Result<Self> {
        let threads = threads.max(1);
        let config = Config::new(settings)?;
        for name in ["threads", "external_threads"] {
            config.set(name, &threads.to_string())?;
        }
        let path = c_text(":memory:")?;
        let mut raw = ptr::null_mut();
        let mut message: *mut c_char = ptr::null_mut();
        // SAFETY: all pointers are valid for the call; DuckDB copies the configuration.
        let state = unsafe { ffi::duckdb_open_ext(path.as_ptr(), &mut raw, config.raw, &mut message) };
        if state == ffi::DuckDBSuccess {
            let handle = Arc::new(Handle { raw });
            let crew = workers.crew(Arc::clone(&handle), threads);
            return Ok(Self { handle, crew });
        }
        // SAFETY: on failure DuckDB hands over a text that is ours to free.
        let text = unsafe { copy_text(message) };
        // SAFETY: freed once; `duckdb_free` accepts null.
        unsafe { ffi::duckdb_free(message.cast()) };
        Err(sql_error(text))
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When DuckDB refuses, which it does only once the instance is broken.
    pub fn connect(&self) -> Result<Connection> {
        let mut raw = ptr::null_mut();
        // SAFETY: the handle is open for as long as `self` lives.
        let state = unsafe { ffi::duckdb_connect(self.handle.raw(), &mut raw) };
        if state == ffi::DuckDBSuccess {
            return Ok(Connection::new(raw, Arc::clone(&self.crew)));
        }
        // DuckDB gives no reason: there is none but a lack of memory.
        Err(Error::internal("DuckDB refused a connection to its own instance"))
    }
}

/// An open instance.
#[derive(Debug)]
pub(super) struct Handle {
    raw: ffi::duckdb_database,
}

// SAFETY: DuckDB's database handle is thread-safe; `duckdb_connect` may be called from any thread.
unsafe impl Send for Handle {}
// SAFETY: as above; nothing takes the handle mutably but `Drop`.
unsafe impl Sync for Handle {}

impl Handle {
    pub(super) fn raw(&self) -> ffi::duckdb_database {
        self.raw
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: opened once, closed once.
        unsafe { ffi::duckdb_close(&mut self.raw) };
    }
}

struct Config {
    raw: ffi::duckdb_config,
}

impl Config {
    fn new(settings: &Settings) -> Result<Self> {
        let mut config = Self { raw: ptr::null_mut() };
        // SAFETY: the out pointer is valid.
        if unsafe { ffi::duckdb_create_config(&mut config.raw) } != ffi::DuckDBSuccess {
            return Err(Error::internal("DuckDB could not make a configuration"));
        }
        for (name, value) in settings {
            config.set(name, value)?;
        }
        Ok(config)
    }

    fn set(&self, name: &str, value: &str) -> Result<()> {
        let (key, text) = (c_text(name)?, c_text(value)?);
        // SAFETY: both strings live for the call; DuckDB copies them.
        if unsafe { ffi::duckdb_set_config(self.raw, key.as_ptr(), text.as_ptr()) } == ffi::DuckDBSuccess {
            return Ok(());
        }
        Err(Error::internal(format!("DuckDB does not take the setting {name} = {value}")))
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: created once, destroyed once; null is accepted.
        unsafe { ffi::duckdb_destroy_config(&mut self.raw) };
    }
}

/// Makes a C string.
///
/// # Errors
/// InvalidArgument when the text holds a NUL byte, which DuckDB's API cannot carry.
pub(super) fn c_text(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid("the text contains a NUL byte, which SQL cannot hold"))
}

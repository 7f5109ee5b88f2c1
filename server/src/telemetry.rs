//! Log lines: on stdout, as text or JSON, filtered by `RUST_LOG`.

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;
use engine::{Error, ErrorKind, Result};

/// Starts logging for this process; a second call changes nothing.
pub fn init(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    let started = match format {
        LogFormat::Text => logs.with_ansi(std::io::stdout().is_terminal()).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
    // Somebody else's subscriber is just as good: a library's caller may have set one.
    drop(started);
}

/// Starts logging to stderr what `filter` selects, in the syntax of `RUST_LOG`, for a process whose stdout is its own.
///
/// # Errors
/// Config when the filter cannot be read.
pub fn init_to_stderr(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|fault| {
        Error::new(ErrorKind::Config, format!("the log filter \"{filter}\" cannot be read: {fault}"))
    })?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_ansi(false);
    drop(logs.with_writer(std::io::stderr).try_init());
    Ok(())
}

/// Writes what the user asked to read, such as the help text.
///
/// # Errors
/// Internal when stdout cannot be written.
pub fn print(text: &str) -> Result<()> {
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    written.map_err(|fault| Error::internal(format!("cannot write to stdout: {fault}")))
}

/// Writes the one line that a failed start ends with.
pub fn print_fault(error: &Error) {
    // There is nobody left to tell if stderr is closed.
    let _ = writeln!(std::io::stderr().lock(), "error: {error}");
}

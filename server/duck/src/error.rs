//! Why a call to DuckDB failed. The text of DuckDB's own errors is unaltered.

use std::ffi::{CStr, c_char};
use std::fmt;
use std::sync::Arc;

/// A fault: what sort it is, and the text that says so.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What sort of fault an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// DuckDB refused or failed a statement; the message is DuckDB's own, unaltered.
    Sql,
    /// Two transactions wrote the same rows, or a commit failed; the message is DuckDB's own.
    Conflict,
    /// The caller gave what DuckDB has no place for: a type, a name, a parameter.
    InvalidArgument,
    /// A value does not fit the column that should take it.
    InvalidData,
    /// A [`BatchReader`](crate::BatchReader) failed; [`Error::cause`] is its own error.
    Reader,
    /// DuckDB met a fault of its own, or this crate did.
    Internal,
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error of `kind` with the message a user reads.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), cause: None }
    }

    /// The error of a [`BatchReader`](crate::BatchReader), which whoever runs the query gets back as [`Error::cause`].
    pub fn of_reader(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { kind: ErrorKind::Reader, message: cause.to_string(), cause: Some(Arc::new(cause)) }
    }

    /// What sort of fault it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text a user reads.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The error of the reader, if that is what failed.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Copies a C string that DuckDB owns; `None` for a null pointer.
///
/// # Safety
/// `text` is null or points to a NUL-terminated string that lives for the call.
pub(super) unsafe fn copy_text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and NUL-terminated by the caller's promise.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// An error from DuckDB's own text.
///
/// A write conflict is known by DuckDB's text (FE-2), because the C API reports no type for errors of a prepare or a
/// commit; this is the one place that reads it.
pub(super) fn sql_error(message: Option<String>) -> Error {
    let message = message.unwrap_or_else(|| "DuckDB failed without saying why".to_owned());
    if is_fault_of_engine(&message) {
        return Error::new(ErrorKind::Internal, without_stack_trace(message));
    }
    let kind = if is_conflict(&message) { ErrorKind::Conflict } else { ErrorKind::Sql };
    Error::new(kind, message)
}

/// How the texts of DuckDB's own faults begin.
const ENGINE_FAULTS: [&str; 2] = ["FATAL Error:", "INTERNAL Error:"];

/// The text without the addresses of DuckDB's functions.
fn without_stack_trace(mut message: String) -> String {
    if let Some(end) = message.find("\n\nStack Trace:") {
        message.truncate(end);
    }
    message
}

/// Whether DuckDB met a fault of its own, after which its instance may be beyond use. The type of an error stands at
/// the beginning of its text, where no user can write.
pub fn is_fault_of_engine(message: &str) -> bool {
    ENGINE_FAULTS.iter().any(|kind| message.starts_with(kind))
}

/// Whether DuckDB's text says no more than that something made it stop.
pub fn is_interrupt(message: &str) -> bool {
    message.starts_with("INTERRUPT Error:")
}

fn is_conflict(message: &str) -> bool {
    let Some(rest) = message.strip_prefix("TransactionContext Error:") else { return false };
    let lower = rest.to_ascii_lowercase();
    lower.contains("conflict") || lower.contains("failed to commit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_conflicts_are_told_from_other_transaction_errors() {
        for (text, kind) in [
            ("TransactionContext Error: Conflict on update!", ErrorKind::Conflict),
            ("TransactionContext Error: Catalog write-write conflict on create", ErrorKind::Conflict),
            ("TransactionContext Error: Failed to commit: PRIMARY KEY", ErrorKind::Conflict),
            ("TransactionContext Error: cannot rollback - no transaction is active", ErrorKind::Sql),
            ("Catalog Error: conflict", ErrorKind::Sql),
        ] {
            assert_eq!(sql_error(Some(text.to_owned())).kind(), kind, "{text}");
        }
    }
}

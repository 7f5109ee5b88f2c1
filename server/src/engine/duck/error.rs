//! DuckDB's errors as [`Error`]s: the text is DuckDB's own, unaltered.

use std::ffi::{CStr, c_char};

use crate::error::{Error, ErrorKind};

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

/// An error from DuckDB's own text, with the kind that FE-2 gives it.
///
/// FE-2 defines a write conflict by DuckDB's text, because the C API reports no type for errors of a prepare or a
/// commit; this is the one place that reads it.
pub(super) fn sql_error(message: Option<String>) -> Error {
    let message = message.unwrap_or_else(|| "DuckDB failed without saying why".to_owned());
    if ENGINE_FAULTS.iter().any(|kind| message.starts_with(kind)) {
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
pub(crate) fn is_fault_of_engine(error: &Error) -> bool {
    ENGINE_FAULTS.iter().any(|kind| error.message().starts_with(kind))
}

/// Whether DuckDB's text says no more than that something made it stop.
pub(crate) fn is_interrupt(error: &Error) -> bool {
    error.message().starts_with("INTERRUPT Error:")
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

//! The errors of a session that is no more.

use crate::error::{Error, ErrorKind};

/// The session was closed, or never was.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::SessionUnknown, "Session configuration not found or expired")
}

/// The session's user was put back to where it began, or removed, after the call had come in (CT-3).
pub(crate) fn retired() -> Error {
    Error::new(ErrorKind::Cancelled, "Cancelled: this user was reset or removed meanwhile")
}

/// The session's database met a fatal error.
pub(super) fn lost() -> Error {
    Error::new(
        ErrorKind::SessionExpired,
        "Session expired. Open a new session. (DuckDB met a fatal error and this user's in-memory database was replaced; its tables are gone.)",
    )
}

//! The one error of the server: what went wrong, in words a user can act on, and a kind that each protocol maps to
//! its own status in one exhaustive `match`.

use std::fmt;

/// A fault with the kind that decides its status and the message that the client reads.
///
/// A message never holds a password, a token or an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// What sort of fault an [`Error`] is. Protocols map it; nothing matches on message text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// DuckDB refused or failed a statement; the message is DuckDB's own, unaltered.
    Sql,
    /// Two transactions wrote the same rows, or a commit failed (FE-2); the message is DuckDB's own.
    Conflict,
    /// The text holds no SQL statement, or several (FQ-6, LQ-02).
    NotOneStatement,
    /// The statement would change what belongs to the instance or the host (LX-12), or a read-only catalog (AC-05).
    Refused,
    /// The query was cancelled, or its reader went away.
    Cancelled,
    /// The caller's request cannot be understood: a malformed field, ticket, body or argument.
    InvalidArgument,
    /// Data that does not fit its target: an unreadable file, an unknown column, a failed cast or constraint.
    InvalidData,
    /// A value whose type the target column cannot take (LP-09).
    IncompatibleSchema,
    /// The named catalog does not exist.
    CatalogNotFound,
    /// The named table does not exist.
    TableNotFound,
    /// The table to create is already there.
    TableExists,
    /// The target catalog is read-only.
    ReadOnly,
    /// Missing or wrong credentials.
    Unauthenticated,
    /// The session idled out (FS-5, FA-6).
    SessionExpired,
    /// The session is unknown or was closed.
    SessionUnknown,
    /// A handle, ticket, transaction, query or task that this caller does not have.
    NotFound,
    /// The call does not fit the present state, such as a transaction already open.
    FailedPrecondition,
    /// A message or a batch is larger than the protocol allows.
    OutOfRange,
    /// What a tenant or the process may hold was used up; the message names the limit, its value and the flag.
    LimitExceeded,
    /// The feature is not served here.
    Unimplemented,
    /// The server is stopping.
    Unavailable,
    /// Start-up: a flag, variable, file or port that cannot be used.
    Config,
    /// A fault of the server itself.
    Internal,
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error of `kind` with the message a user reads.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The kind that decides the status.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text a user reads.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same without DuckDB's excerpt of a statement, which is the server's own.
    pub fn without_excerpt(&self) -> Self {
        Self::new(self.kind, self.message.split("\n\nLINE ").next().unwrap_or_default())
    }

    /// A fault of the server itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// A request that cannot be understood.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<duck::Error> for Error {
    /// DuckDB's error, or the error of the reader that a statement took its rows from.
    fn from(error: duck::Error) -> Self {
        if let Some(own) =
            error.cause().and_then(|cause| (cause as &dyn std::error::Error).downcast_ref::<Self>())
        {
            return own.clone();
        }
        let kind = match error.kind() {
            duck::ErrorKind::Sql => ErrorKind::Sql,
            duck::ErrorKind::Conflict => ErrorKind::Conflict,
            duck::ErrorKind::InvalidArgument => ErrorKind::InvalidArgument,
            duck::ErrorKind::InvalidData => ErrorKind::InvalidData,
            duck::ErrorKind::Reader | duck::ErrorKind::Internal => ErrorKind::Internal,
        };
        Self::new(kind, error.message())
    }
}

impl From<Error> for duck::Error {
    fn from(error: Error) -> Self {
        Self::of_reader(error)
    }
}

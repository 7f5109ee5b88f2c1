//! Why a step could not be carried out at all, as opposed to an answer that differs from the spec.

use thiserror::Error;

/// A sentence saying what went wrong and where.
#[derive(Debug, Clone, Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// The result of everything that can fail in the runner.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    /// A fault from anything that can be displayed.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Adds what was being done to an error.
pub trait During<T> {
    /// Prefixes the error with `what`.
    fn during(self, what: &str) -> Result<T>;
}

impl<T, E: std::error::Error> During<T> for std::result::Result<T, E> {
    fn during(self, what: &str) -> Result<T> {
        self.map_err(|error| {
            let mut text = format!("{what}: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                text.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            Fault(text)
        })
    }
}

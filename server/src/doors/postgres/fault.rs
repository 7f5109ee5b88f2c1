//! Why something could not be done to its end.

use super::report::SqlReport;
use super::wire::{Gone, Malformed};

/// The client is told, or is gone.
#[derive(Debug)]
pub(super) enum Halt {
    /// There is nobody to tell.
    Gone,
    /// What the client is told.
    Told(Box<SqlReport>),
}

impl From<Gone> for Halt {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<SqlReport> for Halt {
    fn from(report: SqlReport) -> Self {
        Self::Told(Box::new(report))
    }
}

impl From<Malformed> for Halt {
    fn from(malformed: Malformed) -> Self {
        SqlReport::from(malformed).into()
    }
}

//! Why something could not be done to its end.

use super::report::Report;
use super::wire::{Gone, Malformed};

/// The client is told, or is gone.
#[derive(Debug)]
pub(super) enum Fault {
    /// There is nobody to tell.
    Gone,
    /// What the client is told.
    Told(Box<Report>),
}

impl From<Gone> for Fault {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Report> for Fault {
    fn from(report: Report) -> Self {
        Self::Told(Box::new(report))
    }
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Report::from(malformed).into()
    }
}

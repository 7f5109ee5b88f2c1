//! Tickets: the cursors of a session as Flight names them, and how their faults are told (FQ-5, FC).

use std::sync::Arc;

use bytes::Bytes;

use super::query::{PlannedCommand, Query};
use super::session::FlightSession;
use super::token::random_id;
use engine::{Call, Cancelled, CursorFault, Error, ErrorKind, Redeemed, Result};

/// What the reader of a cancelled query is told.
const CANCELLED: &str = "The query was cancelled";

/// A redeemed ticket: the query runs until this is dropped.
pub(super) type Run = Redeemed<Query>;

impl FlightSession {
    /// A new ticket for what was planned, which takes `size` bytes.
    ///
    /// # Errors
    /// `LimitExceeded` when the user has too many; `Internal` when the system's random source fails.
    pub(super) fn issue(&self, planned: PlannedCommand, size: usize) -> Result<Bytes> {
        let id = random_id()?;
        self.engine.cursors().open(&id, planned.query, planned.repeatable, size)?;
        Ok(id)
    }

    /// Redeems a ticket. A refusal does not use it up.
    ///
    /// # Errors
    /// `NotFound` for a ticket of another session, `FailedPrecondition` for one that may not run twice, `Cancelled` for
    /// one that was cancelled; as [`Query::admit`].
    pub(super) fn redeem(&self, ticket: &[u8], call: &Arc<Call>) -> Result<Run> {
        let cursors = self.engine.cursors();
        cursors.promise::<Query>(ticket).map_err(refused)?.admit(self)?;
        cursors.redeem(ticket, call).map_err(refused)
    }

    /// Cancels the query of a ticket, as a CancelStatus (FC-3).
    ///
    /// # Errors
    /// `NotFound` for a ticket of another session, or none.
    pub(super) fn cancel(&self, ticket: &[u8]) -> Result<i32> {
        let cancelled = self.engine.cursors().cancel(ticket, CANCELLED).map_err(refused)?;
        Ok(match cancelled {
            Cancelled::Yes => 1,
            Cancelled::TooLate => 3,
        })
    }
}

/// The error that a cancelled query ends with.
pub(super) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, CANCELLED)
}

fn refused(fault: CursorFault) -> Error {
    match fault {
        CursorFault::Unknown => Error::new(ErrorKind::NotFound, "Ticket not found"),
        CursorFault::Used => Error::new(ErrorKind::FailedPrecondition, "Ticket already used"),
        CursorFault::Cancelled => cancelled(),
    }
}

//! Making a planned statement ready: of one that DuckDB expands, all parts but the last are run.

use super::atomic;
use super::expand::Planned;
use super::slot::Slot;
use crate::error::Result;
use duck::Prepared;

/// A statement that can be executed now.
pub(super) struct Ready {
    pub(super) statement: Prepared,
    /// Whether it is the last part of several, which is executed no more than once.
    pub(super) is_part: bool,
    /// Whether a transaction was begun for it.
    pub(super) began: bool,
}

/// Runs all parts of a statement but the last, which is left to be executed and [settled](atomic::settle).
///
/// # Errors
/// DuckDB's, after a rollback; Refused.
pub(super) fn ready(slot: &Slot, planned: Planned, sql: &str) -> Result<Ready> {
    let parts = match planned {
        Planned::One(statement) => return Ok(Ready { statement, is_part: false, began: false }),
        Planned::Several(parts) => parts,
    };
    let began = parts.together && atomic::begin(slot)?;
    match slot.connection().and_then(|connection| parts.reach_last(connection, sql)) {
        Ok(statement) => Ok(Ready { statement, is_part: true, began }),
        Err(error) => atomic::settle(slot, began, Err(error)),
    }
}

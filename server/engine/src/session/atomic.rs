//! Transactions at work: what is done whole or not at all, and the beginning and end of a session's own.

use std::sync::Arc;

use super::handle::Session;
use super::slot::Slot;
use super::transaction::{Transaction, roll_back};
use super::turn::Turn;
use crate::error::Result;
use crate::sql;
use crate::sql::lexer;
use duck::StatementKind;

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessMode {
    /// Read and write.
    ReadWrite,
    /// Read alone.
    ReadOnly,
}

/// Runs `work` in a transaction of its own, or in the session's open one if there is one.
///
/// # Errors
/// `work`'s own, after a rollback; DuckDB's, when the commit fails.
pub(crate) fn atomically<T>(slot: &mut Slot, work: impl FnOnce(&mut Slot) -> Result<T>) -> Result<T> {
    let began = begin(slot)?;
    let outcome = work(slot);
    settle(slot, began, outcome)
}

/// Begins a transaction for one statement; false if the session is in one.
///
/// # Errors
/// DuckDB's.
pub(super) fn begin(slot: &Slot) -> Result<bool> {
    if slot.in_transaction() {
        return Ok(false);
    }
    slot.connection()?.run(sql::BEGIN)?;
    Ok(true)
}

/// Ends the transaction that was begun for a statement, if one was, by how the statement ended.
///
/// # Errors
/// The statement's own; DuckDB's, when the commit fails.
pub(super) fn settle<T>(slot: &Slot, began: bool, outcome: Result<T>) -> Result<T> {
    if !began {
        return outcome;
    }
    let connection = slot.connection()?;
    let outcome = outcome.and_then(|value| Ok(connection.run(sql::COMMIT).map(|()| value)?));
    if outcome.is_err() {
        roll_back(connection);
    }
    outcome
}

/// Follows a statement that ran: DuckDB's C API does not tell whether the session is in a transaction, and asking by a
/// second BEGIN would abort the one that is open.
pub(super) fn note(slot: &Slot, kind: StatementKind, sql: &str, succeeded: bool) {
    if kind != StatementKind::Transaction {
        return;
    }
    let opens =
        lexer::tokens(sql).next().is_some_and(|first| first.is_keyword("begin") || first.is_keyword("start"));
    if !opens {
        slot.set_transaction(Transaction::None);
    } else if succeeded {
        slot.set_transaction(Transaction::Open(None));
    }
}

impl Session {
    /// Where its transaction stands now; a call that runs may change it.
    pub fn transaction(&self) -> Transaction {
        self.transaction_cell().get()
    }
}

impl Turn {
    /// Begins a transaction under a name; false if one is open already, whoever opened it.
    ///
    /// # Errors
    /// DuckDB's; `Cancelled`.
    pub async fn begin(self, name: Arc<[u8]>, access: AccessMode) -> Result<bool> {
        self.last(move |slot| {
            if slot.in_transaction() {
                return Ok(false);
            }
            let text = match access {
                AccessMode::ReadWrite => sql::BEGIN,
                AccessMode::ReadOnly => sql::BEGIN_READ_ONLY,
            };
            slot.change(|slot| Ok(slot.connection()?.run(text)?))?;
            slot.set_transaction(Transaction::Open(Some(name)));
            Ok(true)
        })
        .await
    }

    /// Commits the open transaction, or rolls it back; it is over afterwards even if that fails.
    ///
    /// # Errors
    /// DuckDB's; `Conflict`; `Cancelled`.
    pub async fn end_transaction(self, commit: bool) -> Result<()> {
        self.last(move |slot| {
            slot.set_transaction(Transaction::None);
            let statement = if commit { sql::COMMIT } else { sql::ROLLBACK };
            slot.change(|slot| Ok(slot.connection()?.run(statement)?))
        })
        .await
    }
}

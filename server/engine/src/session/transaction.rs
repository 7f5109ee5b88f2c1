//! Work that is done whole or not at all.

use std::sync::Arc;

use super::cancel::CancelToken;
use super::handle::Session;
use super::slot::Slot;
use crate::error::Result;
use crate::sql;
use crate::sql::lexer;
use duck::{Connection, StatementKind};

/// How often a rollback is tried: interrupts come milliseconds apart, tries microseconds.
const ROLLBACK_TRIES: usize = 20;

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
    if slot.in_transaction {
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

/// Ends whatever transaction is open. An interrupt meant for the work before may still hit the rollback itself, which
/// is then tried again; when there is no transaction left, all tries fail at no cost.
pub(super) fn roll_back(connection: &Connection) {
    for _ in 0..ROLLBACK_TRIES {
        if connection.run(sql::ROLLBACK).is_ok() {
            return;
        }
    }
}

/// Keeps count of whether the session is in a transaction, which DuckDB's C API does not tell: asking by a second
/// BEGIN would abort the one that is open.
pub(crate) fn note(slot: &mut Slot, kind: StatementKind, sql: &str, succeeded: bool) {
    if kind != StatementKind::Transaction {
        return;
    }
    let opens =
        lexer::tokens(sql).next().is_some_and(|first| first.is_keyword("begin") || first.is_keyword("start"));
    if !opens {
        slot.in_transaction = false;
    } else if succeeded {
        slot.in_transaction = true;
    }
}

impl Session {
    /// Begins a transaction; false if one is open already, whoever opened it.
    ///
    /// # Errors
    /// DuckDB's; `Cancelled`.
    pub async fn begin(self: &Arc<Self>, cancel: &CancelToken) -> Result<bool> {
        self.call(cancel, |slot| {
            if slot.in_transaction {
                return Ok(false);
            }
            slot.change(|slot| Ok(slot.connection()?.run(sql::BEGIN)?))?;
            slot.in_transaction = true;
            Ok(true)
        })
        .await
    }

    /// Commits the open transaction, which is over afterwards even if that fails.
    ///
    /// # Errors
    /// DuckDB's; `Conflict`; `Cancelled`.
    pub async fn commit(self: &Arc<Self>, cancel: &CancelToken) -> Result<()> {
        self.end_transaction(sql::COMMIT, cancel).await
    }

    /// Rolls the open transaction back.
    ///
    /// # Errors
    /// DuckDB's; `Cancelled`.
    pub async fn rollback(self: &Arc<Self>, cancel: &CancelToken) -> Result<()> {
        self.end_transaction(sql::ROLLBACK, cancel).await
    }

    async fn end_transaction(self: &Arc<Self>, statement: &'static str, cancel: &CancelToken) -> Result<()> {
        self.call(cancel, move |slot| {
            slot.in_transaction = false;
            slot.change(|slot| Ok(slot.connection()?.run(statement)?))
        })
        .await
    }
}

//! Where a session's transaction stands.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::sql;
use duck::Connection;

/// Whether a session is in a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Transaction {
    /// Each statement is its own.
    #[default]
    None,
    /// One is open, under the name that a door gave it, or none if SQL began it.
    Open(Option<Arc<[u8]>>),
    /// A statement of it failed, after which DuckDB takes nothing but its end.
    Aborted(Option<Arc<[u8]>>),
}

impl Transaction {
    /// Whether one is open, aborted or not.
    pub fn is_open(&self) -> bool {
        *self != Self::None
    }

    /// The name of the open one.
    pub fn name(&self) -> Option<&[u8]> {
        match self {
            Self::None => None,
            Self::Open(name) | Self::Aborted(name) => name.as_deref(),
        }
    }
}

/// Where a session's transaction stands, for whoever asks; only the call whose turn it is changes it.
#[derive(Debug, Clone, Default)]
pub(super) struct TransactionCell(Arc<Mutex<Transaction>>);

impl TransactionCell {
    pub(super) fn get(&self) -> Transaction {
        self.0.lock().clone()
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.lock().is_open()
    }

    pub(super) fn set(&self, state: Transaction) {
        *self.0.lock() = state;
    }

    /// A statement has failed: `answers` tells whether DuckDB still takes others.
    pub(super) fn failed(&self, answers: impl FnOnce() -> bool) {
        let Transaction::Open(name) = self.get() else { return };
        if !answers() {
            self.set(Transaction::Aborted(name));
        }
    }
}

/// How often a rollback is tried: interrupts come milliseconds apart, tries microseconds.
const ROLLBACK_TRIES: usize = 20;

/// Ends whatever transaction is open. An interrupt meant for the work before may still hit the rollback itself, which
/// is then tried again; when there is no transaction left, all tries fail at no cost.
pub(super) fn roll_back(connection: &Connection) {
    for _ in 0..ROLLBACK_TRIES {
        if connection.run(sql::ROLLBACK).is_ok() {
            return;
        }
    }
}

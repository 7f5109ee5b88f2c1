//! A statement prepared in a session.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::plan::Plan;

/// A statement prepared in a session; it lives as long as its handles.
#[derive(Debug)]
pub struct PreparedStatement {
    number: u64,
    sql: String,
    plan: Plan,
    /// The instance's changes when `plan` was made.
    changes: u64,
    closed: AtomicBool,
    unneeded: Weak<Unneeded>,
}

impl PreparedStatement {
    /// A statement of this text, planned when the instance counted so many changes.
    pub(super) fn new(sql: String, plan: Plan, changes: u64, unneeded: Weak<Unneeded>) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let (number, closed) = (NEXT.fetch_add(1, Ordering::Relaxed), AtomicBool::new(false));
        Arc::new(Self { number, sql, plan, changes, closed, unneeded })
    }

    /// The instance's changes when it was planned.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// What planning told.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The statement's text.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// By which its session knows it.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Its plan is not to be kept any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

impl Drop for PreparedStatement {
    fn drop(&mut self) {
        if let Some(unneeded) = self.unneeded.upgrade() {
            unneeded.add(self.number);
        }
    }
}

/// The numbers of statements that nobody has any more; what they hold in DuckDB is given back by the next call.
#[derive(Debug, Default)]
pub(super) struct Unneeded(Mutex<Vec<u64>>);

impl Unneeded {
    /// Adds a statement.
    pub(super) fn add(&self, statement: u64) {
        self.0.lock().push(statement);
    }

    /// Takes all of them out.
    pub(super) fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *self.0.lock())
    }
}

//! Prepared statements that a client knows by a name, and the rows bound to them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use parking_lot::Mutex;

use super::prepared::PreparedStatement;
use crate::meter::Share;

/// A statement that a client has prepared.
#[derive(Debug)]
pub struct NamedStatement {
    prepared: Mutex<Arc<PreparedStatement>>,
    /// The transaction it was created in, by its name (FT-4).
    transaction: Option<Arc<[u8]>>,
    bound: Mutex<Option<BoundRows>>,
    /// What it takes of its user's limits until it is closed: one statement, and the bytes of its text.
    shares: Mutex<Vec<Share>>,
}

/// Rows of parameters, and the memory that they take of the user's limit.
#[derive(Debug)]
pub struct BoundRows {
    rows: RecordBatch,
    _share: Share,
}

impl BoundRows {
    /// Rows that hold a share of the limit.
    pub fn new(rows: RecordBatch, share: Share) -> Self {
        Self { rows, _share: share }
    }

    /// The rows.
    pub fn rows(&self) -> &RecordBatch {
        &self.rows
    }
}

/// The named statements of a session.
#[derive(Debug)]
pub(super) struct NamedStatements {
    table: Mutex<HashMap<Arc<[u8]>, Arc<NamedStatement>>>,
    most: usize,
}

/// Room for one more statement.
#[derive(Debug)]
pub struct StatementRoom(pub(super) Vec<Share>);

impl NamedStatement {
    /// As it was planned last.
    pub fn prepared(&self) -> Arc<PreparedStatement> {
        Arc::clone(&self.prepared.lock())
    }

    /// It was planned again.
    pub fn renew(&self, prepared: Arc<PreparedStatement>) {
        *self.prepared.lock() = prepared;
    }

    /// The transaction it was created in.
    pub fn transaction(&self) -> Option<&[u8]> {
        self.transaction.as_deref()
    }

    /// Replaces the rows bound to it.
    pub fn bind(&self, rows: Option<BoundRows>) {
        *self.bound.lock() = rows;
    }

    /// The rows bound to it.
    pub fn bound(&self) -> Option<RecordBatch> {
        self.bound.lock().as_ref().map(|bound| bound.rows.clone())
    }
}

impl NamedStatements {
    pub(super) fn new(most: usize) -> Self {
        Self { table: Mutex::default(), most }
    }

    /// How many there may be, unless there is room for one more.
    pub(super) fn full(&self) -> Option<usize> {
        (self.table.lock().len() >= self.most).then_some(self.most)
    }

    pub(super) fn insert(
        &self,
        name: &[u8],
        prepared: Arc<PreparedStatement>,
        transaction: Option<&[u8]>,
        room: StatementRoom,
    ) {
        let (prepared, transaction) = (Mutex::new(prepared), transaction.map(Arc::from));
        let shares = Mutex::new(room.0);
        let statement = NamedStatement { prepared, transaction, bound: Mutex::default(), shares };
        self.table.lock().insert(name.into(), Arc::new(statement));
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<Arc<NamedStatement>> {
        self.table.lock().get(name).cloned()
    }

    /// Takes a statement out, whose share of the limits is given back.
    pub(super) fn remove(&self, name: &[u8]) -> Option<Arc<NamedStatement>> {
        let statement = self.table.lock().remove(name)?;
        statement.shares.lock().clear();
        Some(statement)
    }

    pub(super) fn clear(&self) {
        self.table.lock().clear();
    }
}

//! Loads into one table wait for one another, here and not in DuckDB, which fails the later of two with a conflict (LU-09).
//!
//! Rows that are only added go in side by side. Whatever makes, changes or replaces a table, or merges into it, has the
//! table for itself; and what makes a schema, the schema. The locks are asynchronous, and are taken within a session's turn
//! and before a call has its thread: nobody who waits for a table holds what others compute with.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::sql::TableRef;

/// The tables of an instance that are being loaded, and the schemas that are being made, by name in lower case.
#[derive(Debug, Default)]
pub(crate) struct LoadLocks(Mutex<HashMap<Key, Weak<RwLock<()>>>>);

/// Catalog, schema and, unless it is the schema itself, table.
type Key = (String, String, Option<String>);

/// The right to load, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct LoadGuard {
    _schema: Option<OwnedRwLockWriteGuard<()>>,
    _table: Option<Hold>,
}

impl LoadGuard {
    /// Of a table, and of its schema if that is to be made.
    pub(super) fn new(schema: Option<OwnedRwLockWriteGuard<()>>, table: Hold) -> Self {
        Self { _schema: schema, _table: Some(table) }
    }
}

/// How a table is held.
#[derive(Debug)]
pub(super) enum Hold {
    Shared(#[expect(dead_code, reason = "held")] OwnedRwLockReadGuard<()>),
    Alone(#[expect(dead_code, reason = "held")] OwnedRwLockWriteGuard<()>),
}

impl LoadLocks {
    /// The right to add rows to a table that stays as it is.
    pub(super) async fn share(&self, table: &TableRef) -> LoadGuard {
        let table = self.find(table, Some(&table.table)).read_owned().await;
        LoadGuard::new(None, Hold::Shared(table))
    }

    /// The lock of a table, or of its schema.
    pub(super) fn find(&self, of: &TableRef, table: Option<&str>) -> Arc<RwLock<()>> {
        let key = (of.catalog.to_lowercase(), of.schema.to_lowercase(), table.map(str::to_lowercase));
        let mut locks = self.0.lock();
        if let Some(lock) = locks.get(&key).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(RwLock::new(()));
        locks.insert(key, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn table(schema: &str, table: &str) -> TableRef {
        TableRef { catalog: "c".to_owned(), schema: schema.to_owned(), table: table.to_owned() }
    }

    #[tokio::test]
    async fn rows_are_added_side_by_side_and_a_change_waits_for_them() {
        let locks = LoadLocks::default();
        let first = locks.share(&table("s", "t")).await;
        let second = locks.share(&table("S", "T")).await;
        let alone = locks.find(&table("s", "t"), Some("t"));
        assert!(Arc::clone(&alone).write_owned().now_or_never().is_none());
        drop((first, second));
        assert!(alone.write_owned().now_or_never().is_some());
    }

    #[tokio::test]
    async fn tables_and_schemas_are_told_apart_and_forgotten() {
        let locks = LoadLocks::default();
        let held = locks.find(&table("s", "t"), None).write_owned().await;
        for (schema, name) in [("s", "t"), ("s", "u"), ("r", "t")] {
            assert!(locks.share(&table(schema, name)).now_or_never().is_some());
        }
        assert!(locks.0.lock().len() <= 2);
        drop(held);
    }
}

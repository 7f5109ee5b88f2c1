//! Loads into one table wait for one another, here and not in DuckDB, which fails the later of two with a conflict (LU-09).
//!
//! Rows that are only added go in side by side. Whatever makes, changes or replaces a table, or merges into it, has the
//! table for itself; and what makes a schema, the schema. The locks are asynchronous, and are taken within a session's turn
//! and before a call has its thread: nobody who waits for a table holds what others compute with.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::IngestTarget;
use super::job::{resolve, schema_exists, table_columns};
use crate::error::Result;
use crate::session::{CancelToken, Turn};
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

#[derive(Debug)]
enum Hold {
    Shared(#[expect(dead_code, reason = "held")] OwnedRwLockReadGuard<()>),
    Alone(#[expect(dead_code, reason = "held")] OwnedRwLockWriteGuard<()>),
}

impl LoadLocks {
    /// The right to add rows to a table that stays as it is.
    pub(super) async fn share(&self, table: &TableRef) -> LoadGuard {
        let table = self.find(table, Some(&table.table)).read_owned().await;
        LoadGuard { _schema: None, _table: Some(Hold::Shared(table)) }
    }

    fn find(&self, of: &TableRef, table: Option<&str>) -> Arc<RwLock<()>> {
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

/// What a load finds before it begins.
struct Found {
    table: TableRef,
    has_schema: bool,
    has_table: bool,
}

impl Turn {
    /// Waits, within this turn, until a load may begin: with others if it only `adds` rows to a table that is there, else
    /// alone. One that `creates` a missing table may have to make its schema as well. Returns the turn for the load.
    ///
    /// Whoever waits here has its session's turn and no right to compute; whoever loads has both, so that the wait ends.
    ///
    /// # Errors
    /// DuckDB's; `Cancelled`; SessionUnknown once the session is closed.
    pub(super) async fn may_load(
        self,
        target: &IngestTarget,
        adds: bool,
        creates: bool,
        cancel: &CancelToken,
    ) -> Result<(LoadGuard, Self)> {
        if target.temporary {
            return Ok((LoadGuard::default(), self));
        }
        let (mut found, mut turn) = self.find(target, cancel).await?;
        let session = Arc::clone(turn.session());
        let loads = session.instance().loads();
        let mut schema = None;
        if creates && !found.has_schema {
            let lock = loads.find(&found.table, None).write_owned();
            let guard = session.unless_unwanted(cancel, lock).await?;
            // Somebody else may have made it in the meantime.
            (found, turn) = turn.find(target, cancel).await?;
            schema = (!found.has_schema).then_some(guard);
        }
        let lock = loads.find(&found.table, Some(&found.table.table));
        let table = match adds && found.has_table {
            true => Hold::Shared(session.unless_unwanted(cancel, lock.read_owned()).await?),
            false => Hold::Alone(session.unless_unwanted(cancel, lock.write_owned()).await?),
        };
        Ok((LoadGuard { _schema: schema, _table: Some(table) }, turn))
    }

    async fn find(self, target: &IngestTarget, cancel: &CancelToken) -> Result<(Found, Self)> {
        let target = target.clone();
        self.step(cancel, move |slot| {
            let connection = slot.connection()?;
            let table = resolve(connection, &target)?;
            let has_table = table_columns(connection, &table).is_ok_and(|columns| columns.is_some());
            let has_schema = has_table || schema_exists(connection, &table)?;
            Ok(Found { table, has_schema, has_table })
        })
        .await
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

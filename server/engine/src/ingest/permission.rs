//! The wait of a load for its table, within its session's turn (LU-09).

use std::sync::Arc;

use super::locks::{Hold, LoadGuard};
use super::table::{resolve, schema_exists, table_columns};
use super::target::IngestTarget;
use crate::error::Result;
use crate::session::Turn;
use crate::sql::TableRef;

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
    ) -> Result<(LoadGuard, Self)> {
        if target.temporary {
            return Ok((LoadGuard::default(), self));
        }
        let (mut found, mut turn) = self.find(target).await?;
        let session = Arc::clone(turn.session());
        let loads = session.instance().loads();
        let mut schema = None;
        if creates && !found.has_schema {
            let lock = loads.find(&found.table, None).write_owned();
            let guard = turn.unless_unwanted(lock).await?;
            // Somebody else may have made it in the meantime.
            (found, turn) = turn.find(target).await?;
            schema = (!found.has_schema).then_some(guard);
        }
        let lock = loads.find(&found.table, Some(&found.table.table));
        let table = match adds && found.has_table {
            true => Hold::Shared(turn.unless_unwanted(lock.read_owned()).await?),
            false => Hold::Alone(turn.unless_unwanted(lock.write_owned()).await?),
        };
        Ok((LoadGuard::new(schema, table), turn))
    }

    async fn find(self, target: &IngestTarget) -> Result<(Found, Self)> {
        let target = target.clone();
        self.step(move |slot| {
            let connection = slot.connection()?;
            let table = resolve(connection, &target)?;
            let has_table = table_columns(connection, &table).is_ok_and(|columns| columns.is_some());
            let has_schema = has_table || schema_exists(connection, &table)?;
            Ok(Found { table, has_schema, has_table })
        })
        .await
    }
}

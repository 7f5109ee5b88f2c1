//! Where a session stands: its catalog and schema, and a schema to come (FS-8).

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};

use super::bind::parameters;
use super::handle::Session;
use super::pending::{Pending, PendingSchema};
use super::slot::Slot;
use super::transaction::Transaction;
use super::turn::Turn;
use crate::error::Result;
use crate::lookup;
use crate::sql::{self, catalog as text, settings};
use duck::Connection;

/// Moves into the schema if it exists by now. It is given up if a SQL `USE` has gone elsewhere meanwhile.
///
/// # Errors
/// DuckDB's.
fn enter_pending(pending: &Pending, slot: &mut Slot) -> Result<()> {
    let Some(to_come) = pending.get() else { return Ok(()) };
    // An aborted transaction answers nothing; the schema waits until it has ended.
    if matches!(slot.transaction(), Transaction::Aborted(_)) {
        return Ok(());
    }
    let (catalog, schema) = lookup::current_target(slot.connection()?)?;
    let moved = catalog != to_come.catalog || schema != sql::MAIN;
    if moved || enter(slot, &to_come.catalog, &to_come.schema)? {
        pending.set(None);
    }
    Ok(())
}

/// `USE` of a schema; false if it does not exist.
fn enter(slot: &mut Slot, catalog: &str, schema: &str) -> Result<bool> {
    if !has_schema(slot.connection()?, catalog, schema)? {
        return Ok(false);
    }
    slot.applied = None;
    slot.change(|slot| Ok(slot.connection()?.run(&sql::use_schema(catalog, schema))?))?;
    Ok(true)
}

/// Whether the catalog and schema exist, by DuckDB's case-insensitive names.
fn has_schema(connection: &Connection, catalog: &str, schema: &str) -> Result<bool> {
    let mut statement = connection.prepare(text::SCHEMA_BY_NAME)?;
    let names = [catalog, schema].map(|name| Arc::new(StringArray::from(vec![name])) as ArrayRef);
    parameters(names.to_vec())?.apply(&mut statement, 0)?;
    Ok(!statement.execute()?.text_rows()?.is_empty())
}

impl Session {
    pub(super) fn has_pending_schema(&self) -> bool {
        self.pending().is_some()
    }

    /// The schema to create on ingest into `catalog`, or into the session's own: one that was chosen in this catalog
    /// and does not exist yet (FS-8, FI-3).
    pub fn pending_schema_in(&self, catalog: Option<&str>) -> Option<String> {
        self.pending().schema_in(catalog)
    }
}

impl Turn {
    /// Moves into a schema to come, if it has come. What DuckDB says against it is told by the call's own statement.
    ///
    /// # Errors
    /// `Cancelled`; as [`step`](Self::step).
    pub(super) async fn enter_pending_schema(self) -> Result<Self> {
        let pending = self.session().pending().clone();
        let (entered, turn) = self.step(move |slot| Ok(enter_pending(&pending, slot))).await?;
        if entered.is_err() {
            turn.call().cancel().check()?;
        }
        Ok(turn)
    }

    /// The catalog and schema in force.
    ///
    /// # Errors
    /// DuckDB's, in an aborted transaction; `Cancelled`.
    pub async fn place(self) -> Result<(String, String)> {
        self.last(|slot| lookup::current_target(slot.connection()?)).await
    }

    /// Sets the session's time zone.
    ///
    /// # Errors
    /// DuckDB's, for a zone that there is not; `Cancelled`.
    pub async fn set_zone(self, zone: String) -> Result<()> {
        self.session().mark();
        self.last(move |slot| slot.change(|slot| Ok(slot.connection()?.run(&settings::zone(&zone))?))).await
    }

    /// Has the session look for names in these schemas of its catalog, in order; those that do not exist are left out, and
    /// without any it is `main`.
    ///
    /// # Errors
    /// DuckDB's; `Cancelled`.
    pub async fn set_search_path(self, schemas: Vec<String>) -> Result<()> {
        self.session().mark();
        self.last(move |slot| {
            let (catalog, _) = lookup::current_target(slot.connection()?)?;
            let mut found = Vec::new();
            for schema in schemas {
                if has_schema(slot.connection()?, &catalog, &schema)? {
                    found.push(schema);
                }
            }
            if found.is_empty() {
                found.push(sql::MAIN.to_owned());
            }
            slot.applied = None;
            slot.change(|slot| Ok(slot.connection()?.run(&settings::search_path(&catalog, &found))?))
        })
        .await
    }

    /// `USE` of a catalog's `main`; false, and nothing, if there is no such catalog.
    ///
    /// # Errors
    /// DuckDB's; `Cancelled`.
    pub async fn use_catalog(self, catalog: String) -> Result<bool> {
        let pending = self.session().pending().clone();
        self.last(move |slot| {
            let entered = enter(slot, &catalog, sql::MAIN)?;
            if entered {
                pending.set(None);
            }
            Ok(entered)
        })
        .await
    }

    /// `USE` of a schema in the current catalog; one that does not exist yet is entered once it does, and until then the
    /// session stands in the catalog's `main` (FS-8).
    ///
    /// # Errors
    /// DuckDB's; `Cancelled`.
    pub async fn use_schema(self, schema: String) -> Result<()> {
        let pending = self.session().pending().clone();
        self.last(move |slot| {
            let (catalog, _) = lookup::current_target(slot.connection()?)?;
            if enter(slot, &catalog, &schema)? {
                pending.set(None);
                return Ok(());
            }
            enter(slot, &catalog, sql::MAIN)?;
            pending.set(Some(PendingSchema { catalog, schema }));
            Ok(())
        })
        .await
    }
}

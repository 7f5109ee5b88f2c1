//! Where a statement runs: the catalog and schema of a request, applied as `USE` (LQ-11).

use super::slot::Slot;
use super::sql;
use crate::error::{Error, ErrorKind, Result};
use duck::{Connection, StatementKind};

/// A catalog and schema to switch to before a statement; `None` leaves that part as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The catalog; alone it selects its `main`.
    pub catalog: Option<String>,
    /// The schema; alone it stays in the current catalog.
    pub schema: Option<String>,
}

impl Target {
    /// Whether nothing is to be switched.
    pub fn is_empty(&self) -> bool {
        self.catalog.is_none() && self.schema.is_none()
    }
}

/// Switches the session, unless it stands there already.
///
/// # Errors
/// DuckDB's `SET schema: No catalog + schema named …`.
pub(super) fn apply(slot: &mut Slot, target: &Target) -> Result<()> {
    if target.is_empty() || slot.applied.as_ref() == Some(target) {
        return Ok(());
    }
    slot.applied = None;
    switch(slot.connection()?, target)?;
    slot.applied = Some(target.clone());
    Ok(())
}

/// Runs `work` with the connection switched to `target`, and switches it back.
///
/// # Errors
/// `work`'s own; as [`apply`].
pub(super) fn visit<T>(
    connection: &Connection,
    target: &Target,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    if target.is_empty() {
        return work(connection);
    }
    let (catalog, schema) = sql::current_target(connection)?;
    switch(connection, target)?;
    let outcome = work(connection);
    connection.run(&sql::use_schema(&catalog, &schema))?;
    outcome
}

/// Issues the `USE` for `target` on a connection.
///
/// # Errors
/// As [`apply`].
pub(super) fn switch(connection: &Connection, target: &Target) -> Result<()> {
    let catalog = match &target.catalog {
        Some(catalog) => catalog.clone(),
        None => current_catalog(connection)?,
    };
    let schema = target.schema.as_deref().unwrap_or(sql::MAIN);
    if catalog.is_empty() || schema.is_empty() {
        // DuckDB's parser has no empty names; the answer is that of any other name that does not exist.
        let message =
            format!("Catalog Error: SET schema: No catalog + schema named \"{catalog}.{schema}\" found.");
        return Err(Error::new(ErrorKind::Sql, message));
    }
    Ok(connection.run(&sql::use_schema(&catalog, schema))?)
}

/// After a statement that may have moved the session, what was applied before no longer counts.
pub(super) fn forget_if_moved(slot: &mut Slot, kind: StatementKind) {
    let harmless = matches!(
        kind,
        StatementKind::Insert | StatementKind::Update | StatementKind::Delete | StatementKind::Merge
    );
    if !harmless {
        slot.applied = None;
    }
}

fn current_catalog(connection: &Connection) -> Result<String> {
    Ok(sql::current_target(connection)?.0)
}

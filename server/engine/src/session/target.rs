//! Where a statement runs: the catalog and schema of a request, applied as `USE` (LQ-11).

use crate::error::{Error, ErrorKind, Result};
use crate::lookup;
use crate::sql;
use duck::Connection;

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

/// Runs `work` with the connection switched to `target`, and switches it back.
///
/// # Errors
/// `work`'s own; as [`switch`].
pub(crate) fn visit<T>(
    connection: &Connection,
    target: &Target,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    if target.is_empty() {
        return work(connection);
    }
    let (catalog, schema) = lookup::current_target(connection)?;
    switch(connection, target)?;
    let outcome = work(connection);
    connection.run(&sql::use_schema(&catalog, &schema))?;
    outcome
}

/// Issues the `USE` for `target` on a connection.
///
/// # Errors
/// DuckDB's `SET schema: No catalog + schema named …`.
pub(crate) fn switch(connection: &Connection, target: &Target) -> Result<()> {
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

fn current_catalog(connection: &Connection) -> Result<String> {
    Ok(lookup::current_target(connection)?.0)
}

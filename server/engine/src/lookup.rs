//! What a connection tells of itself.

use crate::error::{Error, Result};
use crate::sql;
use duck::Connection;

/// The session's current catalog and schema.
///
/// # Errors
/// DuckDB's error, in an aborted transaction.
pub(super) fn current_target(connection: &Connection) -> Result<(String, String)> {
    let rows = connection.query(sql::CURRENT_TARGET)?.text_rows()?;
    match rows.into_iter().next().as_deref() {
        Some([Some(catalog), Some(schema)]) => Ok((catalog.clone(), schema.clone())),
        _ => Err(Error::internal("the session has no current schema")),
    }
}

/// The types that DuckDB has made in this session for the columns of a PIVOT.
///
/// # Errors
/// As [`current_target`].
pub(super) fn pivot_types(connection: &Connection) -> Result<Vec<String>> {
    names(connection, sql::PIVOT_TYPES)
}

/// Those among them of which a value holds a NUL.
///
/// # Errors
/// As [`current_target`].
pub(super) fn pivot_types_with_nul(connection: &Connection) -> Result<Vec<String>> {
    names(connection, &sql::pivot_types_with_nul())
}

fn names(connection: &Connection, query: &str) -> Result<Vec<String>> {
    Ok(connection.query(query)?.text_rows()?.into_iter().flatten().flatten().collect())
}

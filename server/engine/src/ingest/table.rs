//! The table that a load is for, as the catalog has it, and rows on their way to DuckDB.

use arrow::array::RecordBatch;

use super::source::Batches;
use super::target::IngestTarget;
use crate::error::{Error, ErrorKind, Result};
use crate::lookup;
use crate::sql::{self, TableRef, ingest as text};
use duck::types::Column;
use duck::{BatchReader, Connection};

/// The error of a target that is a view.
///
/// # Errors
/// DuckDB's, in an aborted transaction.
pub(super) fn view(connection: &Connection, table: &TableRef) -> Result<Option<Error>> {
    let found = connection.query(&text::find_table(table))?.text_rows()?;
    let is_view = found.iter().flatten().flatten().any(|kind| kind == "VIEW");
    let message = || format!("{table} is a view, and rows go into tables alone");
    Ok(is_view.then(|| Error::new(ErrorKind::InvalidData, message())))
}

/// Runs a statement that counts its rows.
///
/// # Errors
/// DuckDB's.
pub(super) fn count(connection: &Connection, sql: &str) -> Result<u64> {
    Ok(connection.query(sql)?.rows_changed())
}

/// The table that a target names in this session.
///
/// # Errors
/// DuckDB's, in an aborted transaction.
pub(super) fn resolve(connection: &Connection, target: &IngestTarget) -> Result<TableRef> {
    let table = target.table.clone();
    if target.temporary {
        return Ok(TableRef { catalog: text::TEMP.to_owned(), schema: sql::MAIN.to_owned(), table });
    }
    if let (Some(catalog), Some(schema)) = (&target.catalog, &target.schema) {
        return Ok(TableRef { catalog: catalog.clone(), schema: schema.clone(), table });
    }
    let (current, current_schema) = lookup::current_target(connection)?;
    let catalog = target.catalog.clone().unwrap_or_else(|| current.clone());
    let schema = target.schema.clone().unwrap_or_else(|| match catalog.eq_ignore_ascii_case(&current) {
        true => current_schema,
        false => sql::MAIN.to_owned(),
    });
    Ok(TableRef { catalog, schema, table })
}

/// Makes sure that a table's catalog exists and takes writes.
///
/// # Errors
/// CatalogNotFound; ReadOnly.
pub(super) fn check_catalog(connection: &Connection, table: &TableRef) -> Result<()> {
    let catalog = &table.catalog;
    let rows = connection.query(&text::catalog_is_read_only(catalog))?.text_rows()?;
    match rows.first().and_then(|row| row.first()).and_then(Option::as_deref) {
        None => Err(Error::new(ErrorKind::CatalogNotFound, format!("Catalog \"{catalog}\" does not exist"))),
        Some("false") => Ok(()),
        Some(_) => Err(Error::new(
            ErrorKind::ReadOnly,
            format!(
                "Invalid Input Error: Cannot execute statement of type \"INSERT\" on database \"{catalog}\" which is attached in read-only mode!"
            ),
        )),
    }
}

/// Whether a table's schema exists.
///
/// # Errors
/// DuckDB's.
pub(super) fn schema_exists(connection: &Connection, table: &TableRef) -> Result<bool> {
    Ok(!connection.query(&text::find_schema(table))?.text_rows()?.is_empty())
}

/// The batches as DuckDB's wrapper takes them: their errors go through it and come back as they were.
pub(super) fn reader(batches: Batches) -> BatchReader {
    Box::new(batches.map(|batch| batch.map_err(duck::Error::from)))
}

/// The columns of a table, or `None` if there is no such table.
///
/// # Errors
/// DuckDB's, for a table that exists and cannot be read, such as a view that no longer binds.
pub(super) fn table_columns(connection: &Connection, table: &TableRef) -> Result<Option<Vec<Column>>> {
    // Planning a SELECT costs a fraction of asking the catalog, which is left for when that fails.
    let plan =
        || connection.prepare(&text::all_of(table)).map(|statement| Some(statement.columns().to_vec()));
    let error = match plan() {
        Err(error) => error,
        Ok(found) => return Ok(found),
    };
    let is_missing = connection.query(&text::find_table(table))?.text_rows()?.is_empty();
    match error.kind() {
        duck::ErrorKind::Sql if is_missing => Ok(None),
        // Made by another session in between, unless it fails again.
        _ => Ok(plan()?),
    }
}

/// One batch, as [`reader`] has several.
pub(super) fn once(rows: &RecordBatch) -> BatchReader {
    Box::new(std::iter::once(Ok(rows.clone())))
}

//! Upserts: one row per key survives the source, then meets the stored one (LM-03, LM-04, FI-9, FI-10).

use uuid::Uuid;

use super::request::Keys;
use super::source;
use super::table::count;
use super::table_load::{Matched, TableLoad};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{self, TableRef, ingest as text};

/// Creates the table from the surviving rows, without constraints (LM-02). Returns the rows received.
///
/// # Errors
/// InvalidData or InvalidArgument for keys or cursors that the source lacks; DuckDB's.
pub(super) fn create(
    job: &TableLoad<'_>,
    existing: text::Existing,
    relation: &str,
    keys: &Keys,
) -> Result<u64> {
    let columns = source::columns(job.connection, relation)?;
    let names: Vec<String> = columns.into_iter().map(|column| column.name).collect();
    let (primary, cursor) = key_columns(keys, &names)?;
    let stage = stage();
    let rows =
        count(job.connection, &text::create_as(&stage, text::Existing::Refuse, &text::all_of(relation)))?;
    job.create_from(existing, &text::survivors(&stage, &primary, &cursor))?;
    job.connection.run(&text::drop_table(&stage))?;
    Ok(rows)
}

/// Merges the rows of `relation` into the table. Returns the rows received.
///
/// # Errors
/// As [`create`].
pub(super) fn merge(job: &TableLoad<'_>, pairs: &Matched, relation: &str, keys: &Keys) -> Result<u64> {
    let (primary, cursor) = key_columns(keys, &pairs.table)?;
    let stage = stage();
    // Staged with the table's own types, so that keys and cursors compare as they are stored.
    job.connection.run(&text::create_like(&stage, &pairs.table, &job.table))?;
    let rows =
        count(job.connection, &text::insert(&stage, &pairs.table, relation, &pairs.source, &pairs.whole))?;
    let survivors = text::survivors(&stage, &primary, &cursor);
    job.connection.run(&text::merge(&job.table, &survivors, &pairs.table, &primary, &cursor))?;
    job.connection.run(&text::drop_table(&stage))?;
    Ok(rows)
}

/// A temporary table that no user's can collide with; a rollback removes it.
fn stage() -> TableRef {
    TableRef {
        catalog: text::TEMP.to_owned(),
        schema: sql::MAIN.to_owned(),
        table: format!("altertable_ingest_{}", Uuid::new_v4().simple()),
    }
}

/// The keys and cursors as the columns spell them.
fn key_columns(keys: &Keys, columns: &[String]) -> Result<(Vec<String>, Vec<String>)> {
    let find = |name: &String| columns.iter().find(|column| column.eq_ignore_ascii_case(name)).cloned();
    let primary = keys.primary.iter().map(|key| {
        let missing = || format!("primary_key column \"{key}\" is not in both the data and the table");
        find(key).ok_or_else(|| Error::new(ErrorKind::InvalidData, missing()))
    });
    let cursor = keys.cursor.iter().map(|name| {
        let missing = || format!("cursor_field column \"{name}\" is not in both the data and the table");
        find(name).ok_or_else(|| Error::new(ErrorKind::InvalidData, missing()))
    });
    Ok((primary.collect::<Result<_>>()?, cursor.collect::<Result<_>>()?))
}

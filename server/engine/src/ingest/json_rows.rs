//! Rows of a JSON file into a table: the same casts as an append's, towards columns that stay as they are (LU-10).

use std::sync::Arc;

use super::appended::AppendColumn;
use super::into_table;
use super::request::Ingested;
use super::source::{Batches, JsonSource};
use super::table::reader;
use super::table_load::TableLoad;
use super::{conform, names};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{append, ingest};
use duck::ScanRegistry;
use duck::types::{Column, LogicalType};

/// Loads JSON rows.
///
/// # Errors
/// InvalidData for values that a column does not take; as `Session::ingest`.
pub(super) fn load(
    job: &TableLoad<'_>,
    scans: &ScanRegistry,
    existing: Option<Vec<Column>>,
    json: JsonSource,
) -> Result<Ingested> {
    let JsonSource { columns, rows } = json;
    names::refuse_nul(columns.iter().map(|column| column.name.as_str()))?;
    let table = existing.as_deref().filter(|_| job.adds_to(existing.as_deref())).unwrap_or_default();
    let types: Vec<LogicalType> =
        columns.iter().map(|column| type_in(table, column)).collect::<Result<_>>()?;
    let width = columns.len();
    let fits: conform::Fits = types
        .iter()
        .enumerate()
        .filter(|(at, ty)| columns[*at].is_fitted(ty))
        .map(|(at, ty)| (at, ty.clone()))
        .collect();
    let names: Arc<[String]> = columns.iter().map(|column| column.name.clone()).collect();
    let fitted = fitted(rows.batches, width, fits, Arc::clone(&names));
    let values = columns.iter().zip(&types).enumerate();
    let values: Vec<String> = values.map(|(at, (column, ty))| column.value(at, width, ty)).collect();
    let scan = scans.register(rows.schema, reader(fitted))?;
    let relation = append::select_values(&names, &values, ingest::scan(scan.token(), scan.columns()));
    let loaded = into_table::load(job, existing, &relation, |_| Ok(relation.clone()));
    loaded.map_err(|error| scan.take_error().map_or_else(|| error.without_excerpt(), Error::from))
}

/// The batches, fitted to their columns.
fn fitted(batches: Batches, width: usize, fits: conform::Fits, names: Arc<[String]>) -> Batches {
    let refused = move |(at, why): (usize, conform::Refusal)| {
        let message = format!("column \"{}\" cannot take a value: {why}", names[at]);
        Error::new(ErrorKind::InvalidData, message)
    };
    Box::new(batches.flat_map(move |batch| {
        let (rows, fault) = match batch {
            Ok(rows) => (Some(conform::fit_columns(rows, width, fits.clone())), None),
            Err(fault) => (None, Some(Err(fault))),
        };
        let refused = refused.clone();
        fault.into_iter().chain(rows.into_iter().flatten().map(move |rows| rows.map_err(&refused)))
    }))
}

/// The type that a column's values become: that of its place in the table, if it has one there.
fn type_in(table: &[Column], column: &AppendColumn) -> Result<LogicalType> {
    let Some(found) = table.iter().find(|found| found.name.eq_ignore_ascii_case(&column.name)) else {
        return Ok(column.kinds.file_type());
    };
    column.kinds.column_type(&found.ty).filter(|ty| *ty == found.ty).ok_or_else(|| {
        let message = format!("column \"{}\" of type {} cannot take the values given", found.name, found.ty);
        Error::new(ErrorKind::InvalidData, message)
    })
}

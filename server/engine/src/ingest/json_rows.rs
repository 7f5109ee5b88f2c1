//! Rows of a JSON file into a table: the same casts as an append's, towards columns that stay as they are (LU-10).

use super::job::{Job, reader};
use super::{AppendColumn, Ingested, JsonSource, conform, names, without_statement};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{append, ingest};
use duck::ScanRegistry;
use duck::types::{Column, LogicalType};

/// Loads JSON rows.
///
/// # Errors
/// InvalidData for values that a column does not take; as `Session::ingest`.
pub(super) fn load(
    job: &Job<'_>,
    scans: &ScanRegistry,
    existing: Option<Vec<Column>>,
    json: JsonSource,
) -> Result<Ingested> {
    let JsonSource { columns, rows } = json;
    names::refuse_nul(columns.iter().map(|column| column.name.as_str()))?;
    let table = existing.as_deref().filter(|_| job.adds_to(existing.as_deref())).unwrap_or_default();
    let targets: Vec<Target> = columns.iter().map(|column| target(column, table)).collect::<Result<_>>()?;
    let width = columns.len();
    let fits: Vec<(usize, LogicalType)> = targets
        .iter()
        .enumerate()
        .filter(|(at, target)| !target.new && columns[*at].is_fitted(&target.ty))
        .map(|(at, target)| (at, target.ty.clone()))
        .collect();
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let spelled = names.clone();
    let fitted = rows.batches.map(move |batch| {
        conform::fit_columns(&batch?, width, &fits).map_err(|(at, why)| {
            Error::new(
                ErrorKind::InvalidData,
                format!("column \"{}\" cannot take a value: {why}", spelled[at]),
            )
        })
    });
    let values = columns.iter().zip(&targets).enumerate();
    let values: Vec<String> =
        values.map(|(at, (column, target))| column.value(at, width, target.new, &target.ty)).collect();
    let scan = scans.register(rows.schema, reader(Box::new(fitted)))?;
    let relation = append::select_values(&names, &values, ingest::scan(scan.token(), scan.columns()));
    let loaded = job.load(existing, &relation, |_| Ok(relation.clone()));
    loaded.map_err(|error| scan.take_error().map_or_else(|| without_statement(&error), Error::from))
}

/// What a column's values become.
struct Target {
    ty: LogicalType,
    new: bool,
}

fn target(column: &AppendColumn, table: &[Column]) -> Result<Target> {
    let Some(found) = table.iter().find(|found| found.name.eq_ignore_ascii_case(&column.name)) else {
        return Ok(Target { ty: column.kinds.file_type(), new: true });
    };
    match column.kinds.column_type(&found.ty) {
        Some(ty) if ty == found.ty => Ok(Target { ty, new: false }),
        _ => Err(Error::new(
            ErrorKind::InvalidData,
            format!("column \"{}\" of type {} cannot take the values given", found.name, found.ty),
        )),
    }
}

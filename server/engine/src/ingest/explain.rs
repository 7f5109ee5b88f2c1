//! Why an append failed, where DuckDB's C API does not tell it apart from a constraint.

use super::appended::{Append, AppendGroup};
use super::table::{check_catalog, once, resolve, table_columns, view};
use crate::error::{Error, ErrorKind, Result};
use crate::session::Slot;
use crate::sql::{append as text, ingest};
use duck::types::{Column, LogicalType};

/// Finds out why an append failed: its catalog, or a value that its column cannot take; else it was as DuckDB says.
///
/// DuckDB's C API tells neither apart from a constraint, so what failed is tried again without effect.
pub(super) fn explain(slot: &Slot, append: &Append, error: Error) -> Result<Error> {
    let connection = slot.connection()?;
    if error.kind() != ErrorKind::Sql {
        return Ok(error);
    }
    let found = resolve(connection, &append.target).and_then(|table| {
        check_catalog(connection, &table)?;
        view(connection, &table)?.map_or_else(|| table_columns(connection, &table), Err)
    });
    let existing = match found {
        Ok(existing) => existing.unwrap_or_default(),
        Err(fault) if fault.kind() == ErrorKind::InvalidData => return Ok(fault),
        Err(fault) if matches!(fault.kind(), ErrorKind::CatalogNotFound | ErrorKind::ReadOnly) => {
            return Ok(fault);
        }
        Err(_) => return Ok(error),
    };
    let uncastable = append.groups.iter().find_map(|group| uncastable(slot, append, group, &existing));
    Ok(uncastable.unwrap_or(error))
}

/// The first column of a group with a value that cannot be cast to the column's type.
fn uncastable(slot: &Slot, append: &Append, group: &AppendGroup, existing: &[Column]) -> Option<Error> {
    (0..group.columns.len()).find_map(|at| {
        let column = &append.columns[group.columns[at]];
        let found = existing.iter().find(|found| found.name.eq_ignore_ascii_case(&column.name))?;
        let ty = column.kinds.column_type(&found.ty)?;
        let scan = slot.instance().scans().register(group.rows.schema(), once(&group.rows)).ok()?;
        let value = column.value(at, group.columns.len(), &ty);
        let tried = slot.connection().and_then(|connection| {
            Ok(connection.run(&text::evaluate(&value, ingest::scan(scan.token(), scan.columns())))?)
        });
        let error = tried.err()?;
        // DuckDB speaks of the number that stands for the member.
        let why = match ty {
            LogicalType::Enum(_) => "it is none of these".to_owned(),
            _ => error.to_string(),
        };
        let message = format!("column \"{}\" of type {ty} cannot take a value: {why}", found.name);
        Some(Error::new(ErrorKind::IncompatibleSchema, message))
    })
}

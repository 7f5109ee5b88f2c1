//! One ingest on a connection: check everything, then change, all in one transaction.

use super::file::UploadFile;
use super::into_table::load;
use super::request::{Ingest, Ingested};
use super::source::{self, FileFormat, Source};
use super::table::{check_catalog, reader, resolve, table_columns};
use super::table_load::{Matched, TableLoad};
use super::{csv_faults, json_rows, names};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{Slot, atomically};
use crate::sql::ingest as text;

/// Runs an ingest, whole or not at all.
///
/// # Errors
/// As `Session::ingest`.
pub(super) fn run(slot: &mut Slot, ingest: Ingest) -> Result<Ingested> {
    let Ingest { target, mode, source, keys } = ingest;
    atomically(slot, |slot| {
        let connection = slot.connection()?;
        let table = resolve(connection, &target)?;
        if !target.temporary {
            check_catalog(connection, &table)?;
        }
        if keys.as_ref().is_some_and(|keys| keys.primary.is_empty()) {
            return Err(Error::invalid("primary_key must name at least one column"));
        }
        let existing = table_columns(connection, &table)?;
        let job = TableLoad { connection, table, mode, keys };
        match source {
            Source::File { file, format } => {
                let relation = source::inferred(file.path(), format)?;
                let checked = source::check(connection, &file, &relation, format)
                    .and_then(|()| names::check(connection, &file, &relation, format));
                checked.map_err(|error| explained(&file, format, &error))?;
                let relation = match job.adds_to(existing.as_deref()) {
                    true => Ok(relation),
                    false => source::exact(connection, file.path(), format),
                };
                let relation = relation.map_err(|error| explained(&file, format, &error))?;
                let towards = |pairs: &Matched| source::towards(file.path(), format, &pairs.source_types());
                load(&job, existing, &relation, towards).map_err(|error| explained(&file, format, &error))
            }
            Source::Json(json) => json_rows::load(&job, slot.instance().scans(), existing, json),
            Source::Arrow(arrow) => {
                let scan = slot.instance().scans().register(arrow.schema, reader(arrow.batches))?;
                let relation = text::scan(scan.token(), scan.columns());
                let loaded = load(&job, existing, &relation, |_| Ok(relation.clone()));
                loaded.map_err(|error| scan.take_error().map_or_else(|| error.without_excerpt(), Error::from))
            }
        }
    })
}

/// DuckDB's error about a file, or what is wrong with the file's records if that explains it.
fn explained(file: &UploadFile, format: FileFormat, error: &Error) -> Error {
    let is_read = matches!(error.kind(), ErrorKind::Sql | ErrorKind::InvalidData);
    let fault = (is_read && format == FileFormat::Csv).then(|| csv_faults::explain(file)).flatten();
    fault.unwrap_or_else(|| file.without_path(error))
}

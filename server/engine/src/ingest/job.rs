//! One ingest on a connection: check everything, then change, all in one transaction.

use super::file::UploadFile;
use super::source::{self, Batches, FileFormat, Source};
use super::{
    IfExists, IfMissing, Ingest, IngestMode, IngestTarget, Ingested, Keys, csv_faults, enums, json_rows,
    names, upsert, without_statement,
};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{Slot, atomically};
use crate::sql::{self, TableRef, ingest as text};
use duck::types::{Column, LogicalType};
use duck::{BatchReader, Connection};

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
        let job = Job { connection, table, mode, keys };
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
                job.load(existing, &relation, towards).map_err(|error| explained(&file, format, &error))
            }
            Source::Json(json) => json_rows::load(&job, slot.instance().scans(), existing, json),
            Source::Arrow(arrow) => {
                let scan = slot.instance().scans().register(arrow.schema, reader(arrow.batches))?;
                let relation = text::scan(scan.token(), scan.columns());
                let loaded = job.load(existing, &relation, |_| Ok(relation.clone()));
                loaded
                    .map_err(|error| scan.take_error().map_or_else(|| without_statement(&error), Error::from))
            }
        }
    })
}

/// An ingest whose table is known.
pub(super) struct Job<'a> {
    pub(super) connection: &'a Connection,
    pub(super) table: TableRef,
    mode: IngestMode,
    keys: Option<Keys>,
}

impl Job<'_> {
    /// Loads `relation`; `towards` gives it again as it is best read into columns of known types.
    ///
    /// # Errors
    /// As `Session::ingest`.
    pub(super) fn load(
        &self,
        existing: Option<Vec<Column>>,
        relation: &str,
        towards: impl FnOnce(&Matched) -> Result<String>,
    ) -> Result<Ingested> {
        if existing.is_some()
            && self.mode.if_exists != IfExists::Fail
            && let Some(view) = view(self.connection, &self.table)?
        {
            return Err(view);
        }
        let rows = match (existing, &self.keys) {
            (None, _) if self.mode.if_missing == IfMissing::Fail => return Err(self.missing()),
            (None, None) => self.create(text::Existing::Refuse, relation),
            (None, Some(keys)) => upsert::create(self, text::Existing::Refuse, relation, keys),
            (Some(_), _) if self.mode.if_exists == IfExists::Fail => return Err(self.exists()),
            (Some(_), None) if self.mode.if_exists == IfExists::Replace => {
                self.create(text::Existing::Replace, relation)
            }
            (Some(_), Some(keys)) if self.mode.if_exists == IfExists::Replace => {
                upsert::create(self, text::Existing::Replace, relation, keys)
            }
            (Some(columns), keys) => {
                let pairs = Matched::new(source::columns(self.connection, relation)?, &columns)?;
                let relation = towards(&pairs)?;
                let loaded = match keys {
                    None => self.append(&pairs, &relation),
                    Some(keys) => upsert::merge(self, &pairs, &relation, keys),
                };
                loaded.map_err(|error| enums::called_so(error, &pairs.types))
            }
        }?;
        Ok(Ingested { rows })
    }

    fn create(&self, existing: text::Existing, relation: &str) -> Result<u64> {
        self.create_from(existing, &text::all_of(relation))
    }

    /// Whether the rows are added to the table that is there, or merged into it.
    pub(super) fn adds_to(&self, existing: Option<&[Column]>) -> bool {
        existing.is_some() && self.mode.if_exists == IfExists::Append
    }

    /// Creates the table, and its schema before it, from the rows of `select`.
    pub(super) fn create_from(&self, existing: text::Existing, select: &str) -> Result<u64> {
        if self.table.catalog != text::TEMP {
            self.connection.run(&text::create_schema(&self.table))?;
        }
        count(self.connection, &text::create_as(&self.table, existing, select))
    }

    fn append(&self, pairs: &Matched, relation: &str) -> Result<u64> {
        count(
            self.connection,
            &text::insert(&self.table, &pairs.table, relation, &pairs.source, &pairs.whole),
        )
    }

    fn missing(&self) -> Error {
        Error::new(ErrorKind::TableNotFound, format!("Table {} does not exist", self.table))
    }

    fn exists(&self) -> Error {
        Error::new(ErrorKind::TableExists, format!("Table {} already exists", self.table))
    }
}

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

/// DuckDB's error about a file, or what is wrong with the file's records if that explains it.
fn explained(file: &UploadFile, format: FileFormat, error: &Error) -> Error {
    let is_read = matches!(error.kind(), ErrorKind::Sql | ErrorKind::InvalidData);
    let fault = (is_read && format == FileFormat::Csv).then(|| csv_faults::explain(file)).flatten();
    fault.unwrap_or_else(|| file.without_path(error))
}

/// Columns of a source and the columns of the table that they go into, in the source's order.
pub(super) struct Matched {
    /// The source's names.
    pub(super) source: Vec<String>,
    /// The table's names.
    pub(super) table: Vec<String>,
    types: Vec<LogicalType>,
    /// Which go into columns of integers, and may have fractions.
    pub(super) whole: Vec<bool>,
}

impl Matched {
    /// Matches by case-insensitive name (LU-06, FI-7).
    ///
    /// # Errors
    /// InvalidData, naming the columns that the table lacks.
    fn new(source: Vec<Column>, table: &[Column]) -> Result<Self> {
        let mut matched =
            Self { source: Vec::new(), table: Vec::new(), types: Vec::new(), whole: Vec::new() };
        let mut unknown = Vec::new();
        for column in source {
            match table.iter().find(|candidate| candidate.name.eq_ignore_ascii_case(&column.name)) {
                Some(target) if column.ty == LogicalType::Boolean && target.ty.is_number() => {
                    let Column { name, ty } = target;
                    let message = format!("column \"{name}\" of type {ty} takes no booleans");
                    return Err(Error::new(ErrorKind::InvalidData, message));
                }
                Some(target) => {
                    matched.source.push(column.name);
                    matched.table.push(target.name.clone());
                    matched.types.push(target.ty.clone());
                    matched.whole.push(target.ty.is_integer() && !column.ty.is_integer());
                }
                None => unknown.push(format!("\"{}\"", column.name)),
            }
        }
        if unknown.is_empty() {
            return Ok(matched);
        }
        Err(Error::new(ErrorKind::InvalidData, format!("the table has no column {}", unknown.join(", "))))
    }

    /// The source's names with the types of the table's columns.
    fn source_types(&self) -> Vec<(String, LogicalType)> {
        self.source.iter().cloned().zip(self.types.iter().cloned()).collect()
    }
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
    let (current, current_schema) = sql::current_target(connection)?;
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

//! Appends: rows of JSON values into a table that grows with them (LP).

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;

use super::fit::Kinds;
use super::job::{check_catalog, resolve, table_columns};
use super::{IngestTarget, without_statement};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{CancelToken, Session, Slot, atomically};
use crate::sql::append::{self as text, Incoming};
use crate::sql::{TableRef, ingest};
use duck::types::{Column, LogicalType};
use duck::{BatchReader, Connection, ScanRegistry};

/// How often an append begins anew after another statement changed the table under it.
const ATTEMPTS: u32 = 100;

/// How long it waits at most before that, for the other one to commit.
const PAUSE: Duration = Duration::from_millis(20);

/// Rows to add to a table; the table, and columns that it lacks, are made for them.
#[derive(Debug, Clone)]
pub struct Append {
    /// The table.
    pub target: IngestTarget,
    /// Every key that any row has.
    pub columns: Vec<AppendColumn>,
    /// The rows, those with the same keys together: keys that a row lacks take the column's default.
    pub groups: Vec<AppendGroup>,
}

/// A key of the appended rows, and what its values are.
#[derive(Debug, Clone)]
pub struct AppendColumn {
    /// The key, as its first row spells it.
    pub name: String,
    /// The kinds of its values.
    pub kinds: Kinds,
    /// The type they have; `None` if they are JSON text.
    pub ty: Option<LogicalType>,
}

impl AppendColumn {
    /// The type of a new column for these values.
    fn new_type(&self) -> LogicalType {
        self.ty.clone().unwrap_or_else(|| self.kinds.new_type())
    }
}

/// Rows with the same keys.
#[derive(Debug, Clone)]
pub struct AppendGroup {
    /// The keys, as indexes into [`Append::columns`].
    pub columns: Vec<usize>,
    /// Per key its values: those of a typed column, or JSON text with strings unquoted. Behind all of them, per key of
    /// JSON text, its values' kinds: 1 for a string.
    pub rows: RecordBatch,
}

impl Session {
    /// Adds rows to a table, whole or not at all, schema changes included (LP-04).
    ///
    /// # Errors
    /// IncompatibleSchema for values that a column cannot take; InvalidData for a table without columns;
    /// CatalogNotFound; ReadOnly; DuckDB's for a constraint.
    pub async fn append(self: &Arc<Self>, append: Append, cancel: &CancelToken) -> Result<()> {
        let noted = self.journal().begin(&append.noted());
        let appended = self.call(cancel, move |slot| slot.change(|slot| run(slot, &append)));
        appended.await.inspect_err(|error| noted.fail(error)).map_err(|error| without_statement(&error))
    }
}

impl Append {
    /// What the journal says of it.
    pub(super) fn noted(&self) -> String {
        format!("append rows to {}", self.target.table)
    }
}

fn run(slot: &mut Slot, append: &Append) -> Result<()> {
    let mut attempts = 1;
    loop {
        match attempt(slot, append) {
            // Two appends that make the same table or column conflict: the later one finds it made.
            Err(error) if error.kind() == ErrorKind::Conflict && attempts < ATTEMPTS => {
                std::thread::sleep(PAUSE.min(Duration::from_millis(attempts.into())));
                attempts += 1;
            }
            Err(error) => return Err(explain(slot, append, error)?),
            Ok(()) => return Ok(()),
        }
    }
}

/// One attempt at an append.
fn attempt(slot: &mut Slot, append: &Append) -> Result<()> {
    if insert_fitting(slot, append)? {
        return Ok(());
    }
    let instance = Arc::clone(slot.instance());
    let _alone = instance.growing().write();
    atomically(slot, |slot| Job::new(slot, append)?.run())
}

/// Adds rows whose table has the columns for them already; false, and nothing, if it has not.
///
/// That is one INSERT, atomic by itself; a transaction around it costs as much again.
///
/// # Errors
/// DuckDB's.
pub(super) fn insert_fitting(slot: &mut Slot, append: &Append) -> Result<bool> {
    if slot.in_transaction() {
        return Ok(false);
    }
    let _shared = slot.instance().growing().read();
    Job::new(slot, append)?.insert_alone()
}

/// What an attempt works with.
struct Job<'a> {
    connection: &'a Connection,
    scans: &'a ScanRegistry,
    append: &'a Append,
    table: TableRef,
    existing: Option<Vec<Column>>,
}

/// A column of the append in the table.
struct Placed {
    name: String,
    ty: LogicalType,
    new: bool,
}

impl<'a> Job<'a> {
    fn new(slot: &'a Slot, append: &'a Append) -> Result<Self> {
        let (connection, scans) = (slot.connection()?, slot.instance().scans());
        let table = resolve(connection, &append.target)?;
        let existing = table_columns(connection, &table)?;
        Ok(Self { connection, scans, append, table, existing })
    }

    /// Inserts the rows if one statement does it all; false, and nothing, if not.
    fn insert_alone(&self) -> Result<bool> {
        let (Some(existing), [group]) = (&self.existing, self.append.groups.as_slice()) else {
            return Ok(false);
        };
        let fitting = |column: &AppendColumn| {
            let found = existing.iter().find(|found| found.name.eq_ignore_ascii_case(&column.name))?;
            let fits = column.kinds.column_type(&found.ty).as_ref() == Some(&found.ty);
            fits.then(|| Placed { name: found.name.clone(), ty: found.ty.clone(), new: false })
        };
        match self.append.columns.iter().map(fitting).collect::<Option<Vec<_>>>() {
            Some(placed) if !placed.is_empty() => self.insert(group, &placed).map(|()| true),
            _ => Ok(false),
        }
    }

    fn run(&self) -> Result<()> {
        let placed = match &self.existing {
            None => self.create()?,
            Some(existing) => self
                .append
                .columns
                .iter()
                .map(|column| self.place(column, existing))
                .collect::<Result<_>>()?,
        };
        self.append.groups.iter().try_for_each(|group| self.insert(group, &placed))
    }

    fn create(&self) -> Result<Vec<Placed>> {
        if self.append.columns.is_empty() {
            let message =
                format!("the table {} does not exist, and rows without any key cannot make it", self.table);
            return Err(Error::new(ErrorKind::InvalidData, message));
        }
        let columns: Vec<_> =
            self.append.columns.iter().map(|column| (column.name.clone(), column.new_type())).collect();
        check_catalog(self.connection, &self.table)?;
        self.connection.run(&ingest::create_schema(&self.table))?;
        self.connection.run(&text::create_table(&self.table, &columns))?;
        Ok(columns.into_iter().map(|(name, ty)| Placed { name, ty, new: true }).collect())
    }

    /// Makes sure that a column exists and takes the values: it is added, or widened, if need be.
    fn place(&self, column: &AppendColumn, existing: &[Column]) -> Result<Placed> {
        let Some(found) = existing.iter().find(|found| found.name.eq_ignore_ascii_case(&column.name)) else {
            let ty = column.new_type();
            self.connection.run(&text::add_column(&self.table, &column.name, &ty))?;
            return Ok(Placed { name: column.name.clone(), ty, new: true });
        };
        let ty = column.kinds.column_type(&found.ty).ok_or_else(|| incompatible(&found.name, &found.ty))?;
        if ty != found.ty {
            self.connection.run(&text::widen_column(&self.table, &found.name, &ty)).map_err(|error| {
                let why =
                    format!("column \"{}\" of type {} cannot become {ty}: {error}", found.name, found.ty);
                if error.kind() == duck::ErrorKind::Sql {
                    Error::new(ErrorKind::IncompatibleSchema, why)
                } else {
                    error.into()
                }
            })?;
        }
        Ok(Placed { name: found.name.clone(), ty, new: false })
    }

    fn insert(&self, group: &AppendGroup, placed: &[Placed]) -> Result<()> {
        if group.columns.is_empty() {
            let sql = text::insert_defaults(&self.table);
            return Ok((0..group.rows.num_rows()).try_for_each(|_| self.connection.run(&sql))?);
        }
        let targets: Vec<&Placed> = group.columns.iter().map(|index| &placed[*index]).collect();
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        let values: Vec<String> = targets
            .iter()
            .enumerate()
            .map(|(at, target)| {
                incoming(self.append, group, at, target.new, |value| value.as_type(&target.ty))
            })
            .collect();
        let scan = self.scans.register(group.rows.schema(), once(&group.rows))?;
        Ok(self.connection.run(&text::insert_values(
            &self.table,
            &names,
            &values,
            ingest::scan(scan.token()),
        ))?)
    }
}

/// Hands `write` the value of column `at` of a group.
fn incoming<T>(
    append: &Append,
    group: &AppendGroup,
    at: usize,
    new: bool,
    write: impl FnOnce(Incoming<'_>) -> T,
) -> T {
    let schema = group.rows.schema();
    let column = &append.columns[group.columns[at]];
    let kinds = &column.kinds;
    let others =
        kinds.booleans || kinds.integers.is_some() || kinds.giants || kinds.fractions || kinds.nested;
    let mixed = column.ty.is_none() && kinds.strings && others;
    write(Incoming {
        text: schema.field(at).name(),
        kind: mixed.then(|| schema.field(group.columns.len() + at).name().as_str()),
        strings: kinds.strings,
        nested: kinds.nested,
        typed: column.ty.is_some(),
        new,
    })
}

fn once(rows: &RecordBatch) -> BatchReader {
    Box::new(std::iter::once(Ok(rows.clone())))
}

fn incompatible(name: &str, ty: &LogicalType) -> Error {
    Error::new(
        ErrorKind::IncompatibleSchema,
        format!("column \"{name}\" of type {ty} cannot take the values given"),
    )
}

/// Finds out why an append failed: its catalog, or a value that its column cannot take; else it was as DuckDB says.
///
/// DuckDB's C API tells neither apart from a constraint, so what failed is tried again without effect.
fn explain(slot: &Slot, append: &Append, error: Error) -> Result<Error> {
    let connection = slot.connection()?;
    if error.kind() != ErrorKind::Sql {
        return Ok(error);
    }
    let found = resolve(connection, &append.target)
        .and_then(|table| check_catalog(connection, &table).and_then(|()| table_columns(connection, &table)));
    let existing = match found {
        Ok(existing) => existing.unwrap_or_default(),
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
        let value = incoming(append, group, at, false, |value| value.as_type(&ty));
        let tried = slot
            .connection()
            .and_then(|connection| Ok(connection.run(&text::evaluate(&value, ingest::scan(scan.token())))?));
        let message = format!("column \"{}\" of type {ty} cannot take a value: {}", found.name, tried.err()?);
        Some(Error::new(ErrorKind::IncompatibleSchema, message))
    })
}

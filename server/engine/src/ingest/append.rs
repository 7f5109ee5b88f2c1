//! Appends: rows of JSON values into a table that grows with them (LP).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::appended::{Append, AppendColumn, AppendGroup};
use super::conform;
use super::explain::explain;
use super::order;
use super::table::{check_catalog, resolve, table_columns};
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::too_much_data;
use crate::session::{Session, Slot, atomically};
use crate::sql::append as text;
use crate::sql::{TableRef, ingest};
use arrow::datatypes::SchemaRef;
use duck::types::{Column, LogicalType};
use duck::{BatchReader, Connection, ScanGuard, ScanRegistry};

/// How often an append begins anew after another statement changed the table under it.
const ATTEMPTS: u32 = 100;

/// How long it waits at most before that, for the other one to commit.
const PAUSE: Duration = Duration::from_millis(20);

/// How many values rows with different keys may have when they are put together, missing ones included.
const MAX_CELLS: usize = 50_000_000;

impl Session {
    /// Adds rows to a table, whole or not at all, schema changes included (LP-04).
    ///
    /// # Errors
    /// IncompatibleSchema for values that a column cannot take; InvalidData for a table without columns;
    /// CatalogNotFound; ReadOnly; DuckDB's for a constraint.
    pub async fn append(self: &Arc<Self>, append: Append, call: &Arc<Call>) -> Result<()> {
        call.notes().loads_into(&append.target.table);
        let appended = self.append_in_turn(Arc::new(append), call);
        appended.await.map_err(|error| error.without_excerpt())
    }

    /// Adds the rows beside those of others if their table takes them as it is; else once it has the table for itself.
    async fn append_in_turn(self: &Arc<Self>, append: Arc<Append>, call: &Arc<Call>) -> Result<()> {
        let turn = self.turn(call).await?;
        let (guard, turn) = turn.may_load(&append.target, true, true).await?;
        let fitting = Arc::clone(&append);
        let insert = move |slot: &mut Slot| {
            let _guard = guard;
            slot.change(|slot| run(slot, &fitting, |slot| insert_fitting(slot, &fitting)))
        };
        if turn.last(insert).await? {
            return Ok(());
        }
        let turn = self.turn(call).await?;
        let (guard, turn) = turn.may_load(&append.target, false, true).await?;
        let new_columns = self.limits().new_columns;
        let grow = move |slot: &mut Slot| {
            let _guard = guard;
            let grown = |slot: &mut Slot| {
                atomically(slot, |slot| AppendAttempt::new(slot, &append)?.run(new_columns)).map(|()| true)
            };
            slot.change(|slot| run(slot, &append, grown)).map(drop)
        };
        turn.last(grow).await
    }
}

/// Attempts an append until it no longer conflicts with what is not a load.
fn run(slot: &mut Slot, append: &Append, attempt: impl Fn(&mut Slot) -> Result<bool>) -> Result<bool> {
    let mut attempts = 1;
    loop {
        match attempt(slot) {
            Err(error) if error.kind() == ErrorKind::Conflict && attempts < ATTEMPTS => {
                std::thread::sleep(PAUSE.min(Duration::from_millis(attempts.into())));
                attempts += 1;
            }
            outcome => return outcome.or_else(|error| Err(explain(slot, append, error)?)),
        }
    }
}

/// Adds rows whose table has the columns for them already; false, and nothing, if it has not. The caller shares the
/// table's lock: DuckDB refuses an INSERT into a table that another transaction is altering, and in rare cases loses its
/// values instead.
///
/// That is one INSERT, atomic by itself; a transaction around it costs as much again.
///
/// # Errors
/// DuckDB's.
pub(super) fn insert_fitting(slot: &mut Slot, append: &Append) -> Result<bool> {
    if slot.in_transaction() {
        return Ok(false);
    }
    AppendAttempt::new(slot, append)?.insert_alone()
}

/// What an attempt works with.
pub(super) struct AppendAttempt<'a> {
    pub(super) connection: &'a Connection,
    pub(super) scans: &'a ScanRegistry,
    pub(super) append: &'a Append,
    pub(super) table: TableRef,
    pub(super) existing: Option<Vec<Column>>,
}

/// A column of the append in the table.
pub(super) struct Placed {
    name: String,
    ty: LogicalType,
    new: bool,
}

/// An INSERT of rows that DuckDB reads from a scan.
pub(super) struct Insertion<'a> {
    table: &'a TableRef,
    names: Vec<&'a str>,
    values: Vec<String>,
    pub(super) schema: SchemaRef,
    pub(super) rows: BatchReader,
}

impl Insertion<'_> {
    /// Its text.
    pub(super) fn sql(&self, scan: &ScanGuard) -> String {
        let relation = ingest::scan(scan.token(), scan.columns());
        text::insert_values(self.table, &self.names, &self.values, relation)
    }
}

impl<'a> AppendAttempt<'a> {
    pub(super) fn new(slot: &'a Slot, append: &'a Append) -> Result<Self> {
        let (connection, scans) = (slot.connection()?, slot.instance().scans());
        let table = resolve(connection, &append.target)?;
        let existing = table_columns(connection, &table)?;
        Ok(Self { connection, scans, append, table, existing })
    }

    /// Inserts the rows if one statement does it all; false, and nothing, if not.
    fn insert_alone(&self) -> Result<bool> {
        match self.fitting() {
            Some((group, placed)) => self.insert(group, &placed).map(|()| true),
            None => Ok(false),
        }
    }

    /// The rows and where they go, if the table takes all of them as it is by one statement.
    pub(super) fn fitting(&self) -> Option<(&AppendGroup, Vec<Placed>)> {
        let (Some(existing), [group]) = (&self.existing, self.append.groups.as_slice()) else { return None };
        let fitting = |column: &AppendColumn| {
            let found = existing.iter().find(|found| found.name.eq_ignore_ascii_case(&column.name))?;
            let fits = column.kinds.column_type(&found.ty).as_ref() == Some(&found.ty);
            fits.then(|| Placed { name: found.name.clone(), ty: found.ty.clone(), new: false })
        };
        let placed = self.append.columns.iter().map(fitting).collect::<Option<Vec<_>>>()?;
        (!placed.is_empty()).then_some((group, placed))
    }

    /// Adds the rows, and at most so many columns to a table that is there.
    fn run(&self, new_columns: usize) -> Result<()> {
        self.check_growth(new_columns)?;
        let placed = match &self.existing {
            None => self.create()?,
            Some(existing) => self
                .append
                .columns
                .iter()
                .map(|column| self.place(column, existing))
                .collect::<Result<_>>()?,
        };
        match self.dense(&placed)? {
            Some(group) => self.insert(&group, &placed),
            None => self.append.groups.iter().try_for_each(|group| self.insert(group, &placed)),
        }
    }

    /// DuckDB copies a table's columns for each that is added: many of them at once would take long.
    fn check_growth(&self, limit: usize) -> Result<()> {
        let Some(existing) = &self.existing else { return Ok(()) };
        let known: HashSet<String> = existing.iter().map(|column| column.name.to_ascii_lowercase()).collect();
        let is_new = |column: &&AppendColumn| !known.contains(&column.name.to_ascii_lowercase());
        match self.append.columns.iter().filter(is_new).count() <= limit {
            true => Ok(()),
            false => {
                let what = "the columns that an append adds to a table that exists";
                Err(too_much_data(what, limit, "--new-column-limit"))
            }
        }
    }

    /// All rows as one group, NULL where a row has no value, if no column of the table has a default: many groups would be as
    /// many statements.
    fn dense(&self, placed: &[Placed]) -> Result<Option<AppendGroup>> {
        let groups = &self.append.groups;
        let cells =
            self.append.columns.len() * groups.iter().map(|group| group.rows.num_rows()).sum::<usize>();
        let is_typed = self.append.columns.iter().any(|column| column.ty.is_some());
        if is_typed || groups.len() < 2 || placed.is_empty() || cells > MAX_CELLS {
            return Ok(None);
        }
        let has_defaults = !self.connection.query(&text::find_default(&self.table))?.text_rows()?.is_empty();
        if has_defaults { Ok(None) } else { order::unify(groups, placed.len()).map(Some) }
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
            self.check_digits(found, &ty)?;
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

    /// Makes sure that the values of a column stay what they are when it becomes one of type `ty`.
    fn check_digits(&self, column: &Column, ty: &LogicalType) -> Result<()> {
        if *ty != LogicalType::Double {
            return Ok(());
        }
        let lost = self.connection.query(&text::inexact_double(&self.table, &column.name))?.text_rows()?;
        match lost.is_empty() {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::IncompatibleSchema,
                format!(
                    "column \"{}\" of type {} cannot become {ty}: its values would lose digits",
                    column.name, column.ty
                ),
            )),
        }
    }

    fn insert(&self, group: &AppendGroup, placed: &[Placed]) -> Result<()> {
        if group.columns.is_empty() {
            let sql = text::insert_defaults(&self.table);
            return Ok((0..group.rows.num_rows()).try_for_each(|_| self.connection.run(&sql))?);
        }
        let insertion = self.insertion(group, placed);
        let nothing: BatchReader = Box::new(std::iter::empty());
        let scan = self.scans.register(Arc::clone(&insertion.schema), nothing)?;
        let sql = insertion.sql(&scan);
        scan.refill(insertion.rows);
        let inserted = self.connection.run(&sql);
        inserted.map_err(|error| scan.take_error().unwrap_or(error).into())
    }

    /// How the rows of a group with columns get into the table.
    pub(super) fn insertion<'b>(&'b self, group: &'b AppendGroup, placed: &'b [Placed]) -> Insertion<'b> {
        let targets: Vec<&Placed> = group.columns.iter().map(|index| &placed[*index]).collect();
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        let columns = || group.columns.iter().map(|index| &self.append.columns[*index]);
        let values = columns().zip(&targets).enumerate();
        let values = values.map(|(at, (column, target))| column.value(at, names.len(), &target.ty)).collect();
        let rows = fitted(group, columns(), &targets);
        Insertion { table: &self.table, names, values, schema: group.rows.schema(), rows }
    }
}

/// The rows of a group as the casts to their columns' types read them.
fn fitted<'a>(
    group: &AppendGroup,
    columns: impl Iterator<Item = &'a AppendColumn>,
    targets: &[&Placed],
) -> BatchReader {
    let fits = columns.zip(targets).enumerate();
    let fits: conform::Fits = fits
        .filter(|(_, (column, target))| !target.new && column.is_fitted(&target.ty))
        .map(|(at, (_, target))| (at, target.ty.clone()))
        .collect();
    let refused: Vec<String> = targets
        .iter()
        .map(|Placed { name, ty, .. }| format!("column \"{name}\" of type {ty} cannot take a value"))
        .collect();
    let rows = conform::fit_columns(group.rows.clone(), targets.len(), fits);
    Box::new(rows.map(move |rows| {
        rows.map_err(|(at, why)| {
            Error::new(ErrorKind::IncompatibleSchema, format!("{}: {why}", refused[at])).into()
        })
    }))
}

fn incompatible(name: &str, ty: &LogicalType) -> Error {
    Error::new(
        ErrorKind::IncompatibleSchema,
        format!("column \"{name}\" of type {ty} cannot take the values given"),
    )
}

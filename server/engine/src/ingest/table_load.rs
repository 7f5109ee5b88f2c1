//! What a load does to its table.

use super::request::{IfExists, IngestMode, Keys};
use super::table::count;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{TableRef, ingest as text};
use duck::Connection;
use duck::types::{Column, LogicalType};

/// An ingest whose table is known.
pub(super) struct TableLoad<'a> {
    pub(super) connection: &'a Connection,
    pub(super) table: TableRef,
    pub(super) mode: IngestMode,
    pub(super) keys: Option<Keys>,
}

impl TableLoad<'_> {
    /// Creates the table, and its schema before it, from all rows of a relation.
    pub(super) fn create(&self, existing: text::Existing, relation: &str) -> Result<u64> {
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

    /// Adds the rows of a relation.
    pub(super) fn append(&self, pairs: &Matched, relation: &str) -> Result<u64> {
        count(
            self.connection,
            &text::insert(&self.table, &pairs.table, relation, &pairs.source, &pairs.whole),
        )
    }

    /// That the table is missing.
    pub(super) fn missing(&self) -> Error {
        Error::new(ErrorKind::TableNotFound, format!("Table {} does not exist", self.table))
    }

    /// That the table is there.
    pub(super) fn exists(&self) -> Error {
        Error::new(ErrorKind::TableExists, format!("Table {} already exists", self.table))
    }
}

/// Columns of a source and the columns of the table that they go into, in the source's order.
pub(super) struct Matched {
    /// The source's names.
    pub(super) source: Vec<String>,
    /// The table's names.
    pub(super) table: Vec<String>,
    /// The types of the table's columns.
    pub(super) types: Vec<LogicalType>,
    /// Which go into columns of integers, and may have fractions.
    pub(super) whole: Vec<bool>,
}

impl Matched {
    /// Matches by case-insensitive name (LU-06, FI-7).
    ///
    /// # Errors
    /// InvalidData, naming the columns that the table lacks.
    pub(super) fn new(source: Vec<Column>, table: &[Column]) -> Result<Self> {
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
    pub(super) fn source_types(&self) -> Vec<(String, LogicalType)> {
        self.source.iter().cloned().zip(self.types.iter().cloned()).collect()
    }
}

//! Rows that are appended, as the doors hand them over.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::conform;
use super::kinds::Kinds;
use super::target::IngestTarget;
use crate::sql::append::Incoming;
use duck::types::LogicalType;

/// The most rows of an append that shares an INSERT; a larger one is worth one of its own.
const SMALL_ROWS: usize = 1024;

/// Rows to add to a table; the table, and columns that it lacks, are made for them.
#[derive(Debug, Clone)]
pub struct Append {
    /// The table.
    pub target: IngestTarget,
    /// Every key that any row has.
    pub columns: Vec<AppendColumn>,
    /// The rows in their order, neighbours with the same keys together: keys that a row lacks take the column's default.
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
    pub(super) fn new_type(&self) -> LogicalType {
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

impl Append {
    /// What its rows take in memory.
    pub fn size(&self) -> usize {
        self.groups.iter().map(|group| group.rows.get_array_memory_size()).sum()
    }

    /// Whether it may share an INSERT: few rows, all with the same keys.
    pub(super) fn is_small(&self) -> bool {
        matches!(self.groups.as_slice(), [group] if group.rows.num_rows() <= SMALL_ROWS && !group.columns.is_empty())
    }

    /// Whether two small appends to a table have the same columns in the same order.
    pub(super) fn has_shape_of(&self, other: &Self) -> bool {
        let mut pairs = self.columns.iter().zip(&other.columns);
        self.columns.len() == other.columns.len()
            && pairs.all(|(own, theirs)| own.name == theirs.name && own.ty == theirs.ty)
            && self.groups[0].columns == other.groups[0].columns
            && self.groups[0].rows.schema() == other.groups[0].rows.schema()
    }
}

impl AppendColumn {
    /// Whether its texts have to be fitted to a column of type `ty`.
    pub(super) fn is_fitted(&self, ty: &LogicalType) -> bool {
        self.ty.is_none() && conform::is_needed(ty, self.kinds.strings, self.kinds.nested)
    }

    /// The value of column `at` of a batch with `width` columns, as one of type `ty`.
    pub(super) fn value(&self, at: usize, width: usize, ty: &LogicalType) -> String {
        let kinds = &self.kinds;
        let others =
            kinds.booleans || kinds.integers.is_some() || kinds.giants || kinds.fractions || kinds.nested;
        let (text, kind) = (place(at), place(width + at));
        let mixed = self.ty.is_none() && kinds.strings && others;
        let incoming = Incoming {
            text: &text,
            kind: mixed.then_some(kind.as_str()),
            strings: kinds.strings,
            nested: kinds.nested,
            typed: self.ty.is_some(),
        };
        incoming.as_type(ty)
    }
}

/// How a batch holds `width` columns of JSON values: their texts, strings unquoted, and behind all of them marks, which are
/// [`STRING_KIND`](crate::sql::append::STRING_KIND) for a string.
pub fn value_schema(width: usize) -> SchemaRef {
    let fields = (0..2 * width).map(|at| {
        let ty = if at < width { DataType::Utf8 } else { DataType::Int8 };
        Field::new(place(at), ty, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The name of a column of a batch, which collides with none of the table's.
fn place(at: usize) -> String {
    format!("c{at}")
}

//! Rows of JSON objects as columns: which column each key is, and the values as the engine takes them.

use std::collections::HashMap;

use arrow::array::{ArrayBuilder, ArrayRef, Int8Builder, RecordBatch, RecordBatchOptions, StringBuilder};

use super::append::RowMembers;
use super::json_values::put;
use engine::ingest::{AppendColumn, Kinds, value_schema};
use engine::{Error, Result, too_much_data};

/// The keys of rows in the order in which they come, and what their values are. Keys match case-insensitively (LP-06).
pub(super) struct RowKeys {
    pub(super) columns: Vec<AppendColumn>,
    /// How many there may be.
    limit: usize,
    /// The column of each key, in lower case.
    index: HashMap<String, usize>,
    /// The latest row that had each column.
    seen_in: Vec<u64>,
    row: u64,
}

/// Why the keys of a row are refused.
pub(super) enum KeyFault {
    /// There are more different ones than there may be.
    TooMany,
    /// The key at this place of the row is that of a column which the row has already.
    Twice {
        /// Its place in the row.
        at: usize,
        /// The column.
        column: usize,
    },
}

impl RowKeys {
    /// None yet, and at most so many (`--row-key-limit`).
    pub(super) fn new(limit: usize) -> Self {
        Self { columns: Vec::new(), limit, index: HashMap::new(), seen_in: Vec::new(), row: 0 }
    }

    /// The refusal of rows with more keys.
    pub(super) fn too_many(&self) -> Error {
        too_much_data("the different keys of a body's rows", self.limit, "--row-key-limit")
    }

    /// Puts the column of each of a row's keys into `places`.
    ///
    /// # Errors
    /// See [`KeyFault`].
    pub(super) fn place(&mut self, row: &RowMembers<'_>, places: &mut Vec<usize>) -> Result<(), KeyFault> {
        self.row += 1;
        places.clear();
        for (at, (key, _)) in row.0.iter().enumerate() {
            let column = self.find(at, key).unwrap_or_else(|| self.add(key));
            if self.columns.len() > self.limit {
                return Err(KeyFault::TooMany);
            }
            if std::mem::replace(&mut self.seen_in[column], self.row) == self.row {
                return Err(KeyFault::Twice { at, column });
            }
            places.push(column);
        }
        Ok(())
    }

    /// The column of a key, which is most often at the same place as in the row before.
    pub(super) fn find(&self, at: usize, key: &str) -> Option<usize> {
        if self.columns.get(at).is_some_and(|column| column.name == key) {
            return Some(at);
        }
        self.index.get(&key.to_ascii_lowercase()).copied()
    }

    fn add(&mut self, key: &str) -> usize {
        let column = self.columns.len();
        self.index.insert(key.to_ascii_lowercase(), column);
        self.columns.push(AppendColumn { name: key.to_owned(), kinds: Kinds::default(), ty: None });
        self.seen_in.push(0);
        column
    }
}

/// The values of some columns, row by row.
pub(super) struct RowValues {
    columns: Vec<(StringBuilder, Int8Builder)>,
    rows: usize,
}

impl RowValues {
    /// No rows yet, of so many columns.
    pub(super) fn new(width: usize) -> Self {
        Self { columns: (0..width).map(|_| Default::default()).collect(), rows: 0 }
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Puts a value of the row at hand into its column.
    ///
    /// # Errors
    /// A string that is none.
    pub(super) fn put(&mut self, column: usize, json: &str) -> Result<(), serde_json::Error> {
        let (texts, marks) = &mut self.columns[column];
        put(json, texts, marks)
    }

    /// Ends the row at hand, which has NULL in the columns that it has given no value.
    pub(super) fn end_row(&mut self) {
        self.rows += 1;
        for (texts, marks) in self.columns.iter_mut().filter(|(texts, _)| texts.len() < self.rows) {
            texts.append_null();
            marks.append_null();
        }
    }

    /// The rows as a batch.
    ///
    /// # Errors
    /// Internal if Arrow does not take the columns.
    pub(super) fn finish(self) -> Result<RecordBatch> {
        let schema = value_schema(self.columns.len());
        let (mut arrays, marks): (Vec<ArrayRef>, Vec<ArrayRef>) = self
            .columns
            .into_iter()
            .map(|(mut texts, mut marks)| {
                (ArrayBuilder::finish(&mut texts), ArrayBuilder::finish(&mut marks))
            })
            .unzip();
        arrays.extend(marks);
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(schema, arrays, &options)
            .map_err(|fault| Error::internal(format!("the rows cannot be gathered: {fault}")))
    }
}

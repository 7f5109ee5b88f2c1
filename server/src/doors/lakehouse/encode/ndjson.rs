//! The default format: a line of columns, then one positional array per row (LQ-06, LQ-07).

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::{Encode, TypeName, cells, text, while_short};
use duck::types::{Column, ResultShape};
use engine::Result;

/// How line 2 names the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnsLine {
    /// Objects of name and type (LQ-06).
    Typed,
    /// Bare names (LQ-23).
    Names,
    /// No names at all (LQ-23).
    Nothing,
}

/// Lines 2 and following of the default response.
pub(crate) struct Ndjson {
    columns: Arc<[Column]>,
    line: ColumnsLine,
}

impl Ndjson {
    /// An encoder of results of that shape.
    pub(crate) fn new(shape: &ResultShape, line: ColumnsLine) -> Self {
        Self { columns: Arc::clone(&shape.columns), line }
    }

    /// Leaves line 2 without names, as old clients have it for a result without rows.
    pub(crate) fn name_no_columns(&mut self) {
        self.line = ColumnsLine::Nothing;
    }

    fn column(&self, column: &Column, out: &mut Vec<u8>) {
        match self.line {
            ColumnsLine::Nothing => {}
            ColumnsLine::Names => text::string(&column.name, out),
            ColumnsLine::Typed => {
                out.extend_from_slice(b"{\"name\":");
                text::string(&column.name, out);
                out.extend_from_slice(b",\"type\":");
                text::string(&TypeName(&column.ty).to_string(), out);
                out.push(b'}');
            }
        }
    }
}

impl Encode for Ndjson {
    fn header(&mut self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 && self.line != ColumnsLine::Nothing {
                out.push(b',');
            }
            self.column(column, out);
        }
        out.extend_from_slice(b"]\n");
    }

    fn rows(&mut self, batch: &RecordBatch, from: usize, enough: usize, out: &mut Vec<u8>) -> Result<usize> {
        let cells = cells(&self.columns, batch)?;
        Ok(while_short(from..batch.num_rows(), enough, out, |row, out| {
            let mut separator = b'[';
            for cell in &cells {
                out.push(separator);
                separator = b',';
                cell.json(row, out);
            }
            out.extend_from_slice(b"]\n");
        }))
    }
}

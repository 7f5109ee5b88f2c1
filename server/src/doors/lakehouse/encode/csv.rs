//! `format: csv`: a header line, then RFC 4180 records (LQ-16).

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::cell::Cell;
use super::{Encode, cells, while_short};
use duck::types::{Column, ResultShape};
use engine::Result;

/// Rows as comma-separated values; NULL is empty, and an empty string is `""`.
pub(crate) struct Csv {
    columns: Arc<[Column]>,
    scratch: Vec<u8>,
}

impl Csv {
    /// An encoder of results of that shape.
    pub(crate) fn new(shape: &ResultShape) -> Self {
        Self { columns: Arc::clone(&shape.columns), scratch: Vec::new() }
    }
}

impl Encode for Csv {
    fn header(&mut self, out: &mut Vec<u8>) {
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let start = out.len();
            out.extend_from_slice(column.name.as_bytes());
            quote_if_needed(start, &mut self.scratch, out);
        }
        out.extend_from_slice(b"\r\n");
    }

    fn rows(&mut self, batch: &RecordBatch, from: usize, enough: usize, out: &mut Vec<u8>) -> Result<usize> {
        let cells = cells(&self.columns, batch)?;
        let scratch = &mut self.scratch;
        Ok(while_short(from..batch.num_rows(), enough, out, |row, out| {
            for (index, cell) in cells.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                field(cell, row, scratch, out);
            }
            out.extend_from_slice(b"\r\n");
        }))
    }
}

#[inline]
fn field(cell: &Cell<'_>, row: usize, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    if cell.is_null(row) {
        return;
    }
    let start = out.len();
    cell.text(row, out);
    if cell.may_need_csv_quotes() {
        quote_if_needed(start, scratch, out);
    }
}

/// Puts what `out` holds from `start` on between quotes, if it is empty or holds a delimiter.
fn quote_if_needed(start: usize, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    let field = &out[start..];
    if !field.is_empty() && !field.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        return;
    }
    scratch.clear();
    scratch.extend_from_slice(field);
    out.truncate(start);
    out.push(b'"');
    for part in scratch.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(part);
        if part.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    out.push(b'"');
}

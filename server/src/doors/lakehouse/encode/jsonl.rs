//! `format: jsonl`: one object per row, keys in column order (LQ-16).

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::{Encode, cells, prepare, while_short};
use duck::types::{Column, ResultShape};
use engine::Result;

/// Rows as JSON objects.
pub(crate) struct Jsonl {
    columns: Arc<[Column]>,
    /// What precedes each value: `{` or `,`, and the column's name.
    keys: Vec<Vec<u8>>,
}

impl Jsonl {
    /// An encoder of results of that shape.
    pub(crate) fn new(shape: &ResultShape) -> Self {
        let open = |index| if index == 0 { b'{' } else { b',' };
        let keys = shape.columns.iter().enumerate().map(|(index, column)| {
            let mut key = vec![open(index)];
            key.extend(prepare::key(&column.name));
            key
        });
        Self { columns: Arc::clone(&shape.columns), keys: keys.collect() }
    }
}

impl Encode for Jsonl {
    fn header(&mut self, _out: &mut Vec<u8>) {}

    fn rows(&mut self, batch: &RecordBatch, from: usize, enough: usize, out: &mut Vec<u8>) -> Result<usize> {
        let cells = cells(&self.columns, batch)?;
        Ok(while_short(from..batch.num_rows(), enough, out, |row, out| {
            for (key, cell) in self.keys.iter().zip(&cells) {
                out.extend_from_slice(key);
                cell.json(row, out);
            }
            out.extend_from_slice(b"}\n");
        }))
    }
}

//! Results as bytes: LN values straight from Arrow arrays into one reused buffer.
mod cell;
mod csv;
mod jsonl;
mod keywords;
mod ndjson;
mod number;
mod prepare;
mod temporal;
mod text;
mod type_name;
mod zone;

use std::ops::Range;

use arrow::array::RecordBatch;

pub(crate) use self::csv::Csv;
pub(crate) use self::jsonl::Jsonl;
pub(crate) use self::ndjson::{ColumnsLine, Ndjson};
pub(crate) use self::type_name::TypeName;
use self::cell::Cell;
use crate::engine::types::{Column, ResultShape};
use crate::error::Result;

/// A text format of result rows.
pub(crate) trait Encode {
    /// Appends what precedes the rows.
    fn header(&mut self, out: &mut Vec<u8>);

    /// Appends rows of an exact batch from `from` on, until the batch ends or `out` holds `enough` bytes, and
    /// returns the first row not written.
    ///
    /// # Errors
    /// `Internal` if a column is not of the Arrow type that its DuckDB type travels as.
    fn rows(&mut self, batch: &RecordBatch, from: usize, enough: usize, out: &mut Vec<u8>) -> Result<usize>;
}

/// The cells of a batch, one per column.
fn cells<'a>(columns: &[Column], batch: &'a RecordBatch) -> Result<Vec<Cell<'a>>> {
    columns.iter().zip(batch.columns()).map(|(column, array)| prepare::cell(&column.ty, array)).collect()
}

/// Writes rows one after another until `out` holds `enough` bytes; returns the first row not written.
#[inline]
fn while_short(
    rows: Range<usize>,
    enough: usize,
    out: &mut Vec<u8>,
    mut write: impl FnMut(usize, &mut Vec<u8>),
) -> usize {
    let end = rows.end;
    for row in rows {
        if out.len() >= enough {
            return row;
        }
        write(row, out);
    }
    end
}

#[cfg(test)]
mod tests;

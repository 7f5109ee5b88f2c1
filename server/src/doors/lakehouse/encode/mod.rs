//! Results as bytes: LN values straight from Arrow arrays into one reused buffer.
mod cell;
mod csv;
mod jsonl;
mod ndjson;
mod number;
mod parquet;
mod prepare;
mod temporal;
mod text;
mod type_name;
mod zone;

use std::ops::Range;

use arrow::array::RecordBatch;

use self::cell::Cell;
pub(crate) use self::csv::Csv;
pub(crate) use self::jsonl::Jsonl;
pub(crate) use self::ndjson::{ColumnsLine, Ndjson};
pub(crate) use self::parquet::Parquet;
pub(crate) use self::type_name::TypeName;
use duck::types::Column;
use engine::Result;

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

    /// Appends what follows the rows.
    ///
    /// # Errors
    /// `Internal` if the format cannot be completed.
    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

impl Encode for Box<dyn Encode + Send> {
    fn header(&mut self, out: &mut Vec<u8>) {
        self.as_mut().header(out);
    }

    fn rows(&mut self, batch: &RecordBatch, from: usize, enough: usize, out: &mut Vec<u8>) -> Result<usize> {
        self.as_mut().rows(batch, from, enough, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.as_mut().finish(out)
    }
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

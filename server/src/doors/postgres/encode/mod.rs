//! Rows on their way to the client, from Arrow straight into the bytes that are sent.

mod array;
mod column;
mod json;
mod numeric;
mod temporal;

use arrow::array::RecordBatch;

use super::report::{Result, SqlReport};
use super::wire::backend::{count16, patch};
use duck::types::{Column, LogicalType};

pub(super) use column::Cells;
pub(super) use numeric::from_binary as numeric_from_binary;
pub(super) use temporal::civil;

/// So many bytes of rows are written before they are sent.
pub(super) const FULL: usize = 64 << 10;

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueFormat {
    /// As a text.
    Text,
    /// As bytes.
    Binary,
}

impl ValueFormat {
    /// The format of a code.
    ///
    /// # Errors
    /// 22023 for a code that is none.
    pub(super) fn of(code: i16) -> Result<Self> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            _ => Err(SqlReport::error("22023", format!("unsupported format code: {code}"))),
        }
    }

    /// Its code.
    pub(super) fn code(self) -> i16 {
        i16::from(self == Self::Binary)
    }
}

/// Writes the rows of a range, each as a DataRow, of columns that were `told` to be of these types, until there are so many
/// bytes. Gives the number of rows written.
///
/// # Errors
/// 22008 for a value that PostgreSQL's type has no room for; XX000 for columns that are not what they were said to be.
pub(super) fn rows(
    batch: &RecordBatch,
    columns: &[Column],
    told: &[LogicalType],
    formats: impl Fn(usize) -> ValueFormat,
    range: std::ops::Range<usize>,
    out: &mut Vec<u8>,
) -> Result<usize> {
    let (begun, range_length) = (range.start, range.len());
    let cells = columns.iter().zip(batch.columns()).enumerate().map(|(at, (column, array))| {
        let as_text = told.get(at) == Some(&LogicalType::Unknown) && column.ty != LogicalType::Unknown;
        Ok((Cells::new(&column.ty, array.as_ref())?, if as_text { ValueFormat::Text } else { formats(at) }))
    });
    let cells: Vec<(Cells<'_>, ValueFormat)> = cells.collect::<Result<_>>()?;
    for row in range {
        out.push(b'D');
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&count16(cells.len()).to_be_bytes());
        for (cell, format) in &cells {
            value(cell, row, *format, out)?;
        }
        patch(out, start, 0);
        if out.len() >= FULL {
            return Ok(row + 1 - begun);
        }
    }
    Ok(range_length)
}

/// Writes a value with its length before it.
pub(super) fn value(cells: &Cells<'_>, row: usize, format: ValueFormat, out: &mut Vec<u8>) -> Result<()> {
    if cells.is_null(row) {
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        return Ok(());
    }
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    match format {
        ValueFormat::Text => cells.text(row, out)?,
        ValueFormat::Binary => cells.binary(row, out)?,
    }
    patch(out, start, 4);
    Ok(())
}

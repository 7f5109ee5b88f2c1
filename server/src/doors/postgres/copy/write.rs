//! Rows as COPY writes them, each a message.

use arrow::array::RecordBatch;

use super::options::{CopyFormat, CopyOptions};
use crate::doors::postgres::encode::{self, Cells, FULL, ValueFormat};
use crate::doors::postgres::report::Result;
use crate::doors::postgres::wire::Out;
use crate::doors::postgres::wire::backend::{count16, patch};
use duck::types::Column;

/// The signature of the binary format, no flags, and no extension.
pub(super) const SIGNATURE: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Writes rows.
pub(super) struct RowWriter<'a> {
    options: &'a CopyOptions,
    /// Whether each column is always quoted.
    forced: Vec<bool>,
    /// What comes before the first row, in the same message.
    lead: &'static [u8],
    /// The text of a value before it is escaped.
    value: Vec<u8>,
}

impl<'a> RowWriter<'a> {
    /// A writer of rows of these columns.
    pub(super) fn new(options: &'a CopyOptions, columns: &[Column]) -> Self {
        let forced = columns.iter().map(|column| options.force_quote.has(&column.name)).collect();
        let lead: &[u8] = if options.format == CopyFormat::Binary { SIGNATURE } else { &[] };
        Self { options, forced, lead, value: Vec::new() }
    }

    /// Writes the names of the columns.
    pub(super) fn header(&mut self, columns: &[Column], out: &mut Out) {
        out.message(b'd', |out| {
            for (at, column) in columns.iter().enumerate() {
                self.separate(at, out);
                self.escape(column.name.as_bytes(), false, columns.len() == 1, out);
            }
            out.push(b'\n');
        });
    }

    /// Writes rows from one on, until there are so many bytes that they are worth sending; gives their number.
    ///
    /// # Errors
    /// As [`Cells::text`] and [`Cells::binary`].
    pub(super) fn rows(
        &mut self,
        batch: &RecordBatch,
        columns: &[Column],
        from: usize,
        out: &mut Out,
    ) -> Result<usize> {
        let arrays = columns.iter().zip(batch.columns());
        let cells = arrays.map(|(column, array)| Cells::new(&column.ty, array.as_ref()));
        let cells = cells.collect::<Result<Vec<_>>>()?;
        let out = out.raw();
        for row in from..batch.num_rows() {
            out.push(b'd');
            let start = out.len();
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(std::mem::take(&mut self.lead));
            match self.options.format {
                CopyFormat::Binary => binary(&cells, row, out)?,
                CopyFormat::Text | CopyFormat::Csv => self.line(&cells, row, out)?,
            }
            patch(out, start, 0);
            if out.len() >= FULL {
                return Ok(row + 1 - from);
            }
        }
        Ok(batch.num_rows() - from)
    }

    /// Writes what comes behind the last row.
    pub(super) fn end(&self, out: &mut Out) {
        if self.options.format == CopyFormat::Binary {
            out.message(b'd', |out| {
                out.extend_from_slice(self.lead);
                out.extend_from_slice(&(-1_i16).to_be_bytes());
            });
        }
    }

    fn line(&mut self, cells: &[Cells<'_>], row: usize, out: &mut Vec<u8>) -> Result<()> {
        for (at, cell) in cells.iter().enumerate() {
            self.separate(at, out);
            if cell.is_null(row) {
                out.extend_from_slice(self.options.null.as_bytes());
                continue;
            }
            let mut value = std::mem::take(&mut self.value);
            value.clear();
            cell.text(row, &mut value)?;
            self.escape(&value, self.forced[at], cells.len() == 1, out);
            self.value = value;
        }
        out.push(b'\n');
        Ok(())
    }

    fn separate(&self, at: usize, out: &mut Vec<u8>) {
        if at > 0 {
            out.push(self.options.delimiter);
        }
    }

    fn escape(&self, value: &[u8], is_forced: bool, is_alone: bool, out: &mut Vec<u8>) {
        match self.options.format {
            CopyFormat::Csv => self.quote(value, is_forced, is_alone, out),
            _ => backslashes(value, self.options.delimiter, out),
        }
    }

    /// A value in quotes where it would be read as another without.
    fn quote(&self, value: &[u8], is_forced: bool, is_alone: bool, out: &mut Vec<u8>) {
        let CopyOptions { delimiter, quote, escape, ref null, .. } = *self.options;
        let is_special = |byte: &u8| [delimiter, quote, b'\n', b'\r'].contains(byte);
        let needs = is_forced
            || value == null.as_bytes()
            || is_alone && value == b"\\."
            || value.iter().any(is_special);
        if !needs {
            out.extend_from_slice(value);
            return;
        }
        out.push(quote);
        for byte in value {
            if *byte == quote || *byte == escape {
                out.push(escape);
            }
            out.push(*byte);
        }
        out.push(quote);
    }
}

/// A value in which what would end it, or the line, is written with a backslash.
fn backslashes(value: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    for byte in value {
        let letter = match byte {
            b'\x08' => b'b',
            b'\x0b' => b'v',
            b'\x0c' => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            b'\\' => b'\\',
            byte if *byte == delimiter => delimiter,
            byte => {
                out.push(*byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
}

fn binary(cells: &[Cells<'_>], row: usize, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(&count16(cells.len()).to_be_bytes());
    cells.iter().try_for_each(|cell| encode::value(cell, row, ValueFormat::Binary, out))
}

//! VARIANT as JSON text (FY-2), as DuckDB casts it to JSON.
//!
//! A variant is kept as a struct of four: `keys`, a list of the names of all its objects; `children`, a list
//! of (key, value) indices that objects and arrays point into; `values`, a list of (type, byte offset) pairs,
//! of which the first is the variant itself; and `data`, the bytes that the offsets point into.

mod json;
mod rows;

use arrow::array::ArrayRef;

use self::rows::Rows;
use super::column::{ColumnBuilder, Fault};
use super::strings::StringBuffers;
use super::vector::Vector;

/// Prints variants as JSON.
#[derive(Default)]
pub(super) struct VariantBuilder(StringBuffers);

impl ColumnBuilder for VariantBuilder {
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise.
        let (rows, validity) = unsafe { (Rows::new(vector, from, len), vector.validity(from, len)) };
        for row in 0..len {
            match validity.is_none_or(|bits| bits.is_valid(row)) {
                true => self.0.append_with(|out| json::write(&rows.variant(row)?, out))?,
                false => self.0.append_nulls(1),
            }
        }
        Ok(())
    }

    fn append_nulls(&mut self, len: usize) {
        self.0.append_nulls(len);
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Fault> {
        self.0.finish_text()
    }
}

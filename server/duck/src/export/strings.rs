//! Columns of bytes: VARCHAR and BLOB.

use std::ptr;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer};

use super::column::{ColumnBuilder, Fault};
use super::primitive::take_sized;
use super::validity::Validity;
use super::vector::{Bytes, INLINE, Vector};

/// Offsets, bytes and validity of an array of strings in the making.
pub(super) struct StringBuffers {
    offsets: Vec<i32>,
    data: Vec<u8>,
    validity: Validity,
}

impl Default for StringBuffers {
    fn default() -> Self {
        Self { offsets: vec![0], data: Vec::new(), validity: Validity::default() }
    }
}

/// The parts of a finished array of strings.
type Parts = (OffsetBuffer<i32>, Buffer, Option<arrow::buffer::NullBuffer>);

impl StringBuffers {
    /// Appends rows of strings or blobs.
    ///
    /// # Safety
    /// The vector is flat, holds strings or blobs, and has `from + len` rows.
    pub(super) unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise.
        let (rows, validity) = unsafe { (vector.rows::<Bytes>(from, len), vector.validity(from, len)) };
        let valid = |i| validity.is_none_or(|bits| bits.is_valid(i));
        let total =
            rows.iter().enumerate().filter(|(i, _)| valid(*i)).map(|(_, row)| row.len()).sum::<usize>();
        // `push` may write a whole inline value past the end.
        self.data.reserve(total + INLINE);
        check_size(self.data.len() + total)?;
        self.offsets.reserve(len);
        for (i, row) in rows.iter().enumerate() {
            if valid(i) {
                // SAFETY: the row is not NULL, and there is room for all rows and one inline value.
                unsafe { self.push(row) };
            }
            self.offsets.push(self.data.len() as i32);
        }
        self.validity.append(validity, len);
        Ok(())
    }

    /// # Safety
    /// The value is not NULL, and the data has spare room for it and for one inline value more.
    unsafe fn push(&mut self, value: &Bytes) {
        let len = value.len();
        // SAFETY: inline values are copied whole, all twelve bytes, which costs less than an exact copy; the
        // room for that is there, and the new length covers only bytes of the value.
        unsafe {
            let end = self.data.as_mut_ptr().add(self.data.len());
            let copied = if len <= INLINE { INLINE } else { len };
            ptr::copy_nonoverlapping(value.as_ptr(), end, copied);
            self.data.set_len(self.data.len() + len);
        }
    }

    /// Appends one row, written by `write` to the end of the data.
    pub(super) fn append_with(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        write(&mut self.data)?;
        check_size(self.data.len())?;
        self.offsets.push(self.data.len() as i32);
        self.validity.append_values(1);
        Ok(())
    }

    pub(super) fn append_nulls(&mut self, len: usize) {
        self.offsets.resize(self.offsets.len() + len, self.data.len() as i32);
        self.validity.append_nulls(len);
    }

    pub(super) fn bytes(&self) -> usize {
        self.data.len() + size_of_val(self.offsets.as_slice()) + self.validity.bytes()
    }

    fn take(&mut self) -> Parts {
        let offsets = take_sized(&mut self.offsets);
        self.offsets.push(0);
        let data = take_sized(&mut self.data);
        (OffsetBuffer::new(offsets.into()), data.into(), self.validity.finish())
    }

    /// The rows as text; an error if some are not UTF-8.
    pub(super) fn finish_text(&mut self) -> Result<ArrayRef, Fault> {
        let (offsets, data, nulls) = self.take();
        Ok(Arc::new(StringArray::try_new(offsets, data, nulls)?))
    }

    fn finish_binary(&mut self) -> Result<ArrayRef, Fault> {
        let (offsets, data, nulls) = self.take();
        Ok(Arc::new(BinaryArray::try_new(offsets, data, nulls)?))
    }
}

/// Arrow's 32-bit offsets end at 2 GiB.
pub(super) fn check_size(bytes: usize) -> Result<(), Fault> {
    match i32::try_from(bytes) {
        Ok(_) => Ok(()),
        Err(_) => {
            Err(Fault::new("values of adjacent rows exceed 2 GiB, the most that one Arrow batch can hold"))
        }
    }
}

macro_rules! string_builder {
    ($(#[$doc:meta])* $name:ident, $finish:ident) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(super) struct $name(StringBuffers);

        impl ColumnBuilder for $name {
            unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
                // SAFETY: the caller's promise.
                unsafe { self.0.append(vector, from, len) }
            }

            fn append_nulls(&mut self, len: usize) {
                self.0.append_nulls(len);
            }

            fn bytes(&self) -> usize {
                self.0.bytes()
            }

            fn finish(&mut self) -> Result<ArrayRef, Fault> {
                self.0.$finish()
            }
        }
    };
}

string_builder!(
    /// VARCHAR and JSON as Utf8.
    VarcharBuilder,
    finish_text
);
string_builder!(
    /// BLOB, and BIT as DuckDB keeps it, as Binary.
    BlobBuilder,
    finish_binary
);

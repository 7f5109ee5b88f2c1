//! A borrowed view of one flat vector of a live data chunk.

use std::marker::PhantomData;
use std::{ptr, slice};

use libduckdb_sys as ffi;

use super::super::length;

/// One flat vector, alive as long as its chunk.
#[derive(Clone, Copy)]
pub(super) struct Vector<'chunk> {
    raw: ffi::duckdb_vector,
    chunk: PhantomData<&'chunk ()>,
}

impl<'chunk> Vector<'chunk> {
    /// # Safety
    /// `raw` is a flat vector that lives for `'chunk`.
    pub(super) unsafe fn new(raw: ffi::duckdb_vector) -> Self {
        Self { raw, chunk: PhantomData }
    }

    /// The rows `from .. from + len` in DuckDB's physical representation. NULL rows hold anything.
    ///
    /// # Safety
    /// `T` is the vector's physical type, and the vector has `from + len` rows.
    pub(super) unsafe fn rows<T>(self, from: usize, len: usize) -> &'chunk [T] {
        if len == 0 {
            return &[];
        }
        // SAFETY: a flat vector's data is an array of its physical type, as long as the chunk lives.
        unsafe { slice::from_raw_parts(ffi::duckdb_vector_get_data(self.raw).cast::<T>().add(from), len) }
    }

    /// The validity bits of the rows `from .. from + len`; `None` if none of the vector's rows is NULL.
    ///
    /// # Safety
    /// The vector has `from + len` rows.
    pub(super) unsafe fn validity(self, from: usize, len: usize) -> Option<Bits<'chunk>> {
        // SAFETY: the mask has a bit for each row, in whole words, as long as the chunk lives.
        unsafe {
            let words = ffi::duckdb_vector_get_validity(self.raw);
            let bytes = (from + len).div_ceil(8);
            (!words.is_null()).then(|| Bits {
                bytes: slice::from_raw_parts(words.cast::<u8>(), bytes),
                from,
                len,
            })
        }
    }

    /// # Safety
    /// The vector is a LIST or a MAP.
    pub(super) unsafe fn list_child(self) -> Self {
        // SAFETY: the child lives as long as its parent.
        unsafe { Self::new(ffi::duckdb_list_vector_get_child(self.raw)) }
    }

    /// How many rows a list's child vector has.
    ///
    /// # Safety
    /// The vector is a LIST or a MAP.
    pub(super) unsafe fn list_child_rows(self) -> usize {
        // SAFETY: the vector is live.
        length(unsafe { ffi::duckdb_list_vector_get_size(self.raw) })
    }

    /// # Safety
    /// The vector is an ARRAY.
    pub(super) unsafe fn array_child(self) -> Self {
        // SAFETY: the child lives as long as its parent.
        unsafe { Self::new(ffi::duckdb_array_vector_get_child(self.raw)) }
    }

    /// # Safety
    /// The vector is a STRUCT, UNION or VARIANT with more than `index` children.
    pub(super) unsafe fn struct_child(self, index: usize) -> Self {
        // SAFETY: the child lives as long as its parent.
        unsafe { Self::new(ffi::duckdb_struct_vector_get_child(self.raw, index as ffi::idx_t)) }
    }
}

/// The validity of a range of rows: a set bit is a value, a clear bit is NULL.
#[derive(Clone, Copy)]
pub(super) struct Bits<'chunk> {
    /// Bits of the whole vector, least significant first: DuckDB's words and Arrow's bytes are the same here.
    pub(super) bytes: &'chunk [u8],
    pub(super) from: usize,
    pub(super) len: usize,
}

impl Bits<'_> {
    /// Whether row `i` of the range is a value.
    pub(super) fn is_valid(self, i: usize) -> bool {
        let bit = self.from + i;
        self.bytes[bit / 8] >> (bit % 8) & 1 == 1
    }

    /// The range cut into runs of equal validity, in order: `(valid, start, length)`.
    pub(super) fn runs(self) -> impl Iterator<Item = (bool, usize, usize)> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let valid = (start < self.len).then(|| self.is_valid(start))?;
            let run = (start..self.len).take_while(|&i| self.is_valid(i) == valid).count();
            start += run;
            Some((valid, start - run, run))
        })
    }
}

/// A string or blob value: DuckDB keeps up to 12 bytes inside the value itself.
#[repr(transparent)]
pub(super) struct Bytes(ffi::duckdb_string_t);

impl Bytes {
    /// The value's length in bytes.
    pub(super) fn len(&self) -> usize {
        // SAFETY: both variants of the union start with the length.
        unsafe { self.0.value.inlined.length as usize }
    }

    /// Where the value's bytes start; an inline value has [`INLINE`] readable bytes there, whatever its
    /// length.
    pub(super) fn as_ptr(&self) -> *const u8 {
        // SAFETY: the length decides which variant is active.
        unsafe {
            match self.len() <= INLINE {
                true => ptr::addr_of!(self.0.value.inlined.inlined).cast(),
                false => self.0.value.pointer.ptr.cast::<u8>().cast_const(),
            }
        }
    }

    /// # Safety
    /// The value is not NULL, and its vector is alive.
    pub(super) unsafe fn get(&self) -> &[u8] {
        // SAFETY: the pointer has the value's length.
        unsafe { slice::from_raw_parts(self.as_ptr(), self.len()) }
    }
}

/// The longest value that DuckDB keeps inline.
pub(super) const INLINE: usize = 12;

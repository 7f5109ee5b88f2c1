//! Writing values into the vectors of a chunk that DuckDB lends.
//!
//! Texts can stay where they are: whatever keeps a row beyond the scan copies its texts, as with any vector.

use std::ffi::c_char;
use std::marker::PhantomData;
use std::ptr;

use libduckdb_sys as ffi;

/// Texts of up to this many bytes live in the vector itself.
const INLINED: usize = 12;

/// Of longer ones, this many are kept beside the pointer.
const PREFIX: usize = 4;

/// A chunk to fill, with texts that live for `'text`.
#[derive(Debug)]
pub struct ChunkWriter<'a, 'text> {
    raw: ffi::duckdb_data_chunk,
    lent: PhantomData<(&'a mut (), &'text str)>,
}

impl<'text> ChunkWriter<'_, 'text> {
    /// # Safety
    /// `raw` is a live chunk of flat vectors that nobody else uses for as long as the writer lives, and DuckDB reads
    /// its texts no later than `'text`.
    pub(super) unsafe fn new(raw: ffi::duckdb_data_chunk) -> Self {
        Self { raw, lent: PhantomData }
    }

    /// How many rows fit.
    pub fn capacity(&self) -> usize {
        // SAFETY: a constant of the library.
        unsafe { ffi::duckdb_vector_size() as usize }
    }

    /// The column at `place`, `None` out of range or if its type is none that [`VectorWriter`] writes.
    pub fn column(&mut self, place: usize) -> Option<VectorWriter<'_, 'text>> {
        // SAFETY: the chunk is live; out of range gives null.
        let raw = unsafe { ffi::duckdb_data_chunk_get_vector(self.raw, place as ffi::idx_t) };
        if raw.is_null() {
            return None;
        }
        let capacity = self.capacity();
        // SAFETY: the vector is live and flat, with room for `capacity` values of its own type, which is read first.
        let slots = unsafe {
            let mut ty = ffi::duckdb_vector_get_column_type(raw);
            let id = ffi::duckdb_get_type_id(ty);
            ffi::duckdb_destroy_logical_type(&mut ty);
            let data = ffi::duckdb_vector_get_data(raw);
            match id {
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR => {
                    Slots::Text(std::slice::from_raw_parts_mut(data.cast(), capacity))
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT | ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => {
                    Slots::Integer(std::slice::from_raw_parts_mut(data.cast(), capacity))
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => {
                    Slots::Double(std::slice::from_raw_parts_mut(data.cast(), capacity))
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => {
                    Slots::Boolean(std::slice::from_raw_parts_mut(data.cast(), capacity))
                }
                _ => return None,
            }
        };
        Some(VectorWriter { raw, slots, validity: ptr::null_mut(), texts: PhantomData })
    }
}

enum Slots<'a> {
    Text(&'a mut [ffi::duckdb_string_t]),
    Integer(&'a mut [i64]),
    Double(&'a mut [f64]),
    Boolean(&'a mut [bool]),
}

/// One column of a chunk. A value of another type than the column's is not written; a row out of range panics.
pub struct VectorWriter<'a, 'text> {
    raw: ffi::duckdb_vector,
    slots: Slots<'a>,
    /// Null until the first NULL is written.
    validity: *mut u64,
    texts: PhantomData<&'text str>,
}

impl std::fmt::Debug for VectorWriter<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VectorWriter").finish_non_exhaustive()
    }
}

impl<'text> VectorWriter<'_, 'text> {
    /// Writes a text into VARCHAR or JSON, without copying more than its first bytes; `None` is NULL.
    #[inline]
    pub fn text(&mut self, row: usize, value: Option<&'text str>) {
        let Some(value) = value else { return self.null(row) };
        let Slots::Text(slots) = &mut self.slots else { return };
        slots[row] = if value.len() <= INLINED { inlined(value) } else { pointer(value) };
    }

    /// Writes a copy of a text into VARCHAR or JSON.
    pub fn copied_text(&mut self, row: usize, value: &str) {
        let Slots::Text(slots) = &mut self.slots else { return };
        if value.len() <= INLINED {
            slots[row] = inlined(value);
            return;
        }
        assert!(row < slots.len(), "row {row} is out of range");
        // SAFETY: the row is in range; DuckDB copies the text, which is valid UTF-8, into the vector's own memory.
        unsafe {
            let (row, length) = (row as ffi::idx_t, value.len() as ffi::idx_t);
            ffi::duckdb_unsafe_vector_assign_string_element_len(self.raw, row, value.as_ptr().cast(), length);
        }
    }

    /// Writes a BIGINT, or a TIMESTAMP WITH TIME ZONE as microseconds since the epoch.
    pub fn integer(&mut self, row: usize, value: i64) {
        if let Slots::Integer(slots) = &mut self.slots {
            slots[row] = value;
        }
    }

    /// Writes a DOUBLE.
    pub fn double(&mut self, row: usize, value: f64) {
        if let Slots::Double(slots) = &mut self.slots {
            slots[row] = value;
        }
    }

    /// Writes a BOOLEAN.
    pub fn boolean(&mut self, row: usize, value: bool) {
        if let Slots::Boolean(slots) = &mut self.slots {
            slots[row] = value;
        }
    }

    /// Writes NULL.
    pub fn null(&mut self, row: usize) {
        // SAFETY: the vector is live.
        unsafe {
            assert!(row < ffi::duckdb_vector_size() as usize, "row {row} is out of range");
            if self.validity.is_null() {
                ffi::duckdb_vector_ensure_validity_writable(self.raw);
                self.validity = ffi::duckdb_vector_get_validity(self.raw);
            }
            ffi::duckdb_validity_set_row_invalid(self.validity, row as ffi::idx_t);
        }
    }
}

/// A text of at most [`INLINED`] bytes as DuckDB keeps it, the rest of its bytes zero.
fn inlined(value: &str) -> ffi::duckdb_string_t {
    let mut bytes = [0_u8; INLINED];
    bytes[..value.len()].copy_from_slice(value.as_bytes());
    let inlined = ffi::duckdb_string_t__bindgen_ty_1__bindgen_ty_2 {
        length: value.len() as u32,
        inlined: bytes.map(|byte| byte as c_char),
    };
    ffi::duckdb_string_t { value: ffi::duckdb_string_t__bindgen_ty_1 { inlined } }
}

/// A longer text as DuckDB keeps it: its first bytes, and where it is.
fn pointer(value: &str) -> ffi::duckdb_string_t {
    let prefix = value.as_bytes().first_chunk::<PREFIX>().copied().unwrap_or_default();
    let pointer = ffi::duckdb_string_t__bindgen_ty_1__bindgen_ty_1 {
        length: value.len() as u32,
        prefix: prefix.map(|byte| byte as c_char),
        ptr: value.as_ptr().cast_mut().cast(),
    };
    ffi::duckdb_string_t { value: ffi::duckdb_string_t__bindgen_ty_1 { pointer } }
}

//! Names in types beyond their first NUL, where DuckDB's C API, which has C strings, cuts them.
//!
//! The members of an ENUM are whole in the dictionary of an Arrow array, which has lengths. Names of fields are C strings
//! there as well; but a struct written as text tells whether they are whole: C cuts the text at the same NUL, so that it is
//! not the text of a struct made anew of the names.

use std::ffi::c_void;
use std::sync::Arc;

use libduckdb_sys as ffi;

use super::logical_type::owned_text;
use super::type_handle::TypeHandle;
use crate::types::LogicalType;

/// Reads the members of the ENUMs in a result's types.
pub(super) struct EnumMembers(*mut ffi::duckdb_result);

impl EnumMembers {
    /// For a result, which outlives this.
    pub(super) fn new(result: &mut ffi::duckdb_result) -> Self {
        Self(result)
    }

    /// The members of an ENUM, in order; `None` if DuckDB does not tell.
    ///
    /// # Safety
    /// `raw` is a live handle of an ENUM type, and the result is live.
    pub(super) unsafe fn of(&self, mut raw: ffi::duckdb_logical_type) -> Option<Arc<[String]>> {
        // SAFETY: everything made here is destroyed here, once; an array that DuckDB has filled is released once.
        unsafe {
            let mut options = ffi::duckdb_result_get_arrow_options(self.0);
            let mut chunk = ffi::duckdb_create_data_chunk(&mut raw, 1);
            let mut array = ffi::ArrowArray::empty();
            let mut fault = ffi::duckdb_data_chunk_to_arrow(options, chunk, &mut array);
            let members = if fault.is_null() { first_dictionary(&array) } else { None };
            if let Some(release) = array.release {
                release(&mut array);
            }
            ffi::duckdb_destroy_error_data(&mut fault);
            ffi::duckdb_destroy_data_chunk(&mut chunk);
            ffi::duckdb_destroy_arrow_options(&mut options);
            members
        }
    }
}

/// The texts of the dictionary that the first column has.
///
/// # Safety
/// `array` is a struct array as Arrow's C data interface describes it.
unsafe fn first_dictionary(array: &ffi::ArrowArray) -> Option<Arc<[String]>> {
    // SAFETY: an array has as many children and buffers as it says, and a text array without an offset has one more 32-bit
    // offset into its third buffer than it has texts.
    unsafe {
        if array.n_children != 1 {
            return None;
        }
        let dictionary = (**array.children).dictionary.as_ref()?;
        if dictionary.n_buffers != 3 || dictionary.offset != 0 {
            return None;
        }
        let length = usize::try_from(dictionary.length).ok()?;
        let buffers: &[*const c_void] = std::slice::from_raw_parts(dictionary.buffers, 3);
        let offsets = std::slice::from_raw_parts(buffers[1].cast::<i32>(), length + 1);
        let text = |pair: &[i32]| {
            let (begin, end) = (usize::try_from(pair[0]).ok()?, usize::try_from(pair[1]).ok()?);
            let bytes =
                std::slice::from_raw_parts(buffers[2].cast::<u8>().add(begin), end.checked_sub(begin)?);
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        offsets.windows(2).map(text).collect()
    }
}

/// Puts a NUL behind the first name that one follows in DuckDB.
///
/// # Safety
/// `raw` is a live handle of a STRUCT type with these fields.
pub(super) unsafe fn mark_cut(raw: ffi::duckdb_logical_type, fields: &mut [(String, LogicalType)]) {
    // SAFETY: the handle is live.
    let Some(found) = (unsafe { text_of_nulls(raw, fields.len()) }) else { return };
    let expected = |fields: &[(String, LogicalType)]| {
        let like = fields.iter().map(|(name, _)| (name.clone(), LogicalType::Boolean)).collect();
        let like = TypeHandle::new(&LogicalType::Struct(like))?;
        // SAFETY: the handle is live and of a STRUCT with so many fields.
        unsafe { text_of_nulls(like.raw(), fields.len()) }
    };
    if expected(fields).is_none_or(|expected| expected == found) {
        return;
    }
    let is_beyond = |at: &usize| expected(&fields[..=*at]).is_none_or(|text| text.len() > found.len());
    let cut = (0..fields.len()).find(is_beyond).unwrap_or(fields.len() - 1);
    fields[cut].0.push('\0');
}

/// A struct of NULLs as text, up to its first NUL character.
///
/// # Safety
/// `raw` is a live handle of a STRUCT type with so many fields.
unsafe fn text_of_nulls(raw: ffi::duckdb_logical_type, fields: usize) -> Option<String> {
    // SAFETY: everything made here is destroyed here, once; null values are accepted.
    unsafe {
        let mut null = ffi::duckdb_create_null_value();
        let mut value = ffi::duckdb_create_struct_value(raw, vec![null; fields].as_mut_ptr());
        let text = if value.is_null() { None } else { owned_text(ffi::duckdb_value_to_string(value)) };
        ffi::duckdb_destroy_value(&mut value);
        ffi::duckdb_destroy_value(&mut null);
        text
    }
}

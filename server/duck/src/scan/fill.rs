//! Arrow arrays into DuckDB's vectors (FY-7).

mod decimal;
mod fixed;
mod nested;
mod strings;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Int16Type, Int32Type, Int64Type, RunEndIndexType};
use libduckdb_sys as ffi;

use super::super::fault::Fault;

/// The most that a batch's dictionaries and runs may take once each row has its own value, in bytes.
const MAX_EXPANDED: usize = 1 << 30;

/// Writes an array's rows into vectors of the type that FY-7 gives for it.
pub(super) trait Filler: Send {
    /// Writes the rows `from .. from + len`.
    ///
    /// # Safety
    /// The target is a flat vector of the array's DuckDB type with room for `len` rows; the array, whose
    /// bytes the vector's strings point to, outlives the vector's content.
    unsafe fn fill(&self, from: usize, len: usize, target: Target) -> Result<(), Fault>;
}

/// Where rows are written: a vector, and the first row of it.
#[derive(Clone, Copy)]
pub(super) struct Target {
    vector: ffi::duckdb_vector,
    at: usize,
}

impl Target {
    /// The first rows of a vector.
    ///
    /// # Safety
    /// The vector is live and flat while the target is used.
    pub(super) unsafe fn top(vector: ffi::duckdb_vector) -> Self {
        Self { vector, at: 0 }
    }

    /// Where values are written, as DuckDB's physical type `T`.
    ///
    /// # Safety
    /// `T` is the vector's physical type.
    unsafe fn data<T>(self) -> *mut T {
        // SAFETY: a flat vector's data is an array of its physical type.
        unsafe { ffi::duckdb_vector_get_data(self.vector).cast::<T>().add(self.at) }
    }

    /// Marks the rows that are NULL among `from .. from + len` of an array.
    ///
    /// # Safety
    /// The vector has room for `len` rows, all of them valid so far.
    unsafe fn set_nulls(self, nulls: Option<&NullBuffer>, from: usize, len: usize) {
        let Some(nulls) = nulls else { return };
        let nulls = nulls.slice(from, len);
        if nulls.null_count() == 0 {
            return;
        }
        // SAFETY: the mask has a bit for each row that the vector has room for, in whole words.
        unsafe {
            ffi::duckdb_vector_ensure_validity_writable(self.vector);
            let mask = ffi::duckdb_vector_get_validity(self.vector);
            if self.at.is_multiple_of(64) {
                let words = nulls.inner().bit_chunks();
                let tail =
                    words.remainder_bits() | u64::MAX.checked_shl(words.remainder_len() as u32).unwrap_or(0);
                let mask = mask.add(self.at / 64);
                words.iter().enumerate().for_each(|(i, word)| *mask.add(i) = word);
                if words.remainder_len() > 0 {
                    *mask.add(words.chunk_len()) &= tail;
                }
                return;
            }
            (0..len).filter(|&i| nulls.is_null(i)).for_each(|i| {
                let bit = self.at + i;
                *mask.add(bit / 64) &= !(1 << (bit % 64));
            });
        }
    }
}

/// The filler for a column. Rows that `mask` marks are NULL besides those of the array itself: DuckDB wants
/// the children of a NULL struct to be NULL.
pub(super) fn filler(
    field: &Field,
    array: &ArrayRef,
    mask: Option<&NullBuffer>,
) -> Result<Box<dyn Filler>, Fault> {
    match array.data_type() {
        DataType::Dictionary(_, values) => {
            let dictionary = array.as_any_dictionary();
            let values_field = field.clone().with_data_type(values.as_ref().clone());
            check_expanded(dictionary.values(), array.len(), || dictionary.normalized_keys())?;
            filler(&values_field, &take(dictionary.values(), dictionary.keys(), None)?, mask)
        }
        DataType::RunEndEncoded(ends, values) => {
            let values_field = field.clone().with_data_type(values.data_type().clone());
            let expanded = match ends.data_type() {
                DataType::Int16 => expand::<Int16Type>(array),
                DataType::Int32 => expand::<Int32Type>(array),
                _ => expand::<Int64Type>(array),
            }?;
            filler(&values_field, &expanded, mask)
        }
        DataType::Null => Ok(Box::new(fixed::AllNull)),
        ty if ty.is_nested() => nested::filler(array, mask),
        _ => {
            let nulls = NullBuffer::union(mask, array.nulls());
            match strings::filler(array, nulls.as_ref()) {
                Some(filler) if field.extension_type_name() != Some("arrow.uuid") => Ok(filler),
                _ => fixed::filler(field, array, nulls),
            }
        }
    }
}

/// Run-end encoded values, one for each row.
fn expand<T: RunEndIndexType>(array: &ArrayRef) -> Result<ArrayRef, Fault> {
    let runs = array.as_any().downcast_ref::<arrow::array::RunArray<T>>();
    let runs = runs.ok_or_else(|| unsupported(array))?;
    let indices = || (0..runs.len()).map(|row| runs.get_physical_index(row));
    check_expanded(runs.values(), runs.len(), || indices().collect())?;
    Ok(take(runs.values(), &UInt64Array::from_iter_values(indices().map(|index| index as u64)), None)?)
}

/// A message of a few bytes may name one large value a billion times: that is refused before it takes the memory (FX-6).
fn check_expanded(values: &ArrayRef, rows: usize, indices: impl FnOnce() -> Vec<usize>) -> Result<(), Fault> {
    let largest = (0..values.len()).map(|index| size_at(values, index)).max().unwrap_or_default();
    let is_small = |size: usize| size <= MAX_EXPANDED;
    if largest.checked_mul(rows).is_some_and(is_small) {
        return Ok(());
    }
    // The indices themselves take memory too.
    let exact = || indices().into_iter().map(|index| size_at(values, index.min(values.len() - 1))).sum();
    match rows <= MAX_EXPANDED / size_of::<u64>() && is_small(exact()) {
        true => Ok(()),
        false => Err(Fault::new("a batch's repeated values take more than 1 GiB; send fewer rows at once")),
    }
}

/// About how many bytes a value takes.
fn size_at(values: &ArrayRef, index: usize) -> usize {
    let bytes = match values.data_type() {
        DataType::Utf8 => values.as_string::<i32>().value(index).len(),
        DataType::LargeUtf8 => values.as_string::<i64>().value(index).len(),
        DataType::Binary => values.as_binary::<i32>().value(index).len(),
        DataType::LargeBinary => values.as_binary::<i64>().value(index).len(),
        _ => values.get_array_memory_size() / values.len(),
    };
    bytes + size_of::<u64>()
}

fn unsupported(array: &dyn Array) -> Fault {
    Fault::new(format!("the Arrow type {} cannot be stored", array.data_type()))
}

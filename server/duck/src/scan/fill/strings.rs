//! VARCHAR and BLOB: DuckDB's strings point into the Arrow buffers.

use arrow::array::types::{ByteArrayType, ByteViewType};
use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, GenericByteArray, GenericByteViewArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

use super::super::super::fault::Fault;
use super::{Filler, Target};

/// DuckDB's string: up to 12 bytes inside, else the first four and a pointer to all.
#[repr(C)]
#[derive(Clone, Copy)]
struct DuckString {
    len: u32,
    prefix: [u8; 4],
    rest: [u8; 8],
}

const INLINE: usize = 12;

impl DuckString {
    /// A string that points to `bytes` if it must.
    fn of(bytes: &[u8]) -> Self {
        // Arrow's offsets may be wider than DuckDB's length; the caller has refused such strings.
        let len = bytes.len() as u32;
        if bytes.len() <= INLINE {
            // Unused bytes are zero, because DuckDB compares all sixteen.
            let mut inline = [0; INLINE];
            inline[..bytes.len()].copy_from_slice(bytes);
            let [a, b, c, d, rest @ ..] = inline;
            return Self { len, prefix: [a, b, c, d], rest };
        }
        let prefix = [bytes[0], bytes[1], bytes[2], bytes[3]];
        Self { len, prefix, rest: (bytes.as_ptr().expose_provenance() as u64).to_ne_bytes() }
    }
}

/// The filler for an array of strings or bytes; `None` for another array.
pub(super) fn filler(array: &ArrayRef, nulls: Option<&NullBuffer>) -> Option<Box<dyn Filler>> {
    let nulls = nulls.cloned();
    Some(match array.data_type() {
        DataType::Utf8 => Box::new(Strings { array: array.as_string::<i32>().clone(), nulls }),
        DataType::LargeUtf8 => Box::new(Strings { array: array.as_string::<i64>().clone(), nulls }),
        DataType::Binary => Box::new(Strings { array: array.as_binary::<i32>().clone(), nulls }),
        DataType::LargeBinary => Box::new(Strings { array: array.as_binary::<i64>().clone(), nulls }),
        DataType::Utf8View => Box::new(Strings { array: array.as_string_view().clone(), nulls }),
        DataType::BinaryView => Box::new(Strings { array: array.as_binary_view().clone(), nulls }),
        DataType::FixedSizeBinary(_) => {
            Box::new(Strings { array: array.as_fixed_size_binary().clone(), nulls })
        }
        _ => return None,
    })
}

/// An array of byte strings.
trait ByteStrings {
    fn bytes(&self, row: usize) -> &[u8];
}

impl<T: ByteArrayType> ByteStrings for GenericByteArray<T> {
    fn bytes(&self, row: usize) -> &[u8] {
        self.value(row).as_ref()
    }
}

impl<T: ByteViewType + ?Sized> ByteStrings for GenericByteViewArray<T> {
    fn bytes(&self, row: usize) -> &[u8] {
        self.value(row).as_ref()
    }
}

impl ByteStrings for FixedSizeBinaryArray {
    fn bytes(&self, row: usize) -> &[u8] {
        self.value(row)
    }
}

struct Strings<A> {
    array: A,
    nulls: Option<NullBuffer>,
}

impl<A: ByteStrings + Send> Filler for Strings<A> {
    unsafe fn fill(&self, from: usize, len: usize, target: Target) -> Result<(), Fault> {
        // SAFETY: the caller's promise; a NULL row's string is never read, but a valid one all the same.
        unsafe {
            let out = target.data::<DuckString>();
            for i in 0..len {
                let bytes = self.array.bytes(from + i);
                check_length(bytes)?;
                out.add(i).write(DuckString::of(bytes));
            }
            target.set_nulls(self.nulls.as_ref(), from, len);
        }
        Ok(())
    }
}

fn check_length(bytes: &[u8]) -> Result<(), Fault> {
    match u32::try_from(bytes.len()) {
        Ok(_) => Ok(()),
        Err(_) => Err(Fault::new("a value is longer than the 4 GiB that DuckDB can hold")),
    }
}

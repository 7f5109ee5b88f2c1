//! Finding the parts of a variant in its vectors. Every index is checked, since the bytes may come from
//! files.

use libduckdb_sys as ffi;

use super::super::super::length;
use super::super::column::Fault;
use super::super::vector::{Bytes, Vector};

/// The vectors of a range of variants.
pub(super) struct Rows<'chunk> {
    keys: List<'chunk>,
    names: &'chunk [Bytes],
    children: List<'chunk>,
    key_indices: &'chunk [u32],
    value_indices: &'chunk [u32],
    values: List<'chunk>,
    types: &'chunk [u8],
    offsets: &'chunk [u32],
    data: &'chunk [Bytes],
}

type List<'chunk> = &'chunk [ffi::duckdb_list_entry];

impl<'chunk> Rows<'chunk> {
    /// # Safety
    /// The vector is a flat VARIANT of `from + len` rows, its lists' children flat too.
    pub(super) unsafe fn new(vector: Vector<'chunk>, from: usize, len: usize) -> Self {
        // SAFETY: the children have the types that the module's documentation tells.
        unsafe {
            let [keys, children, values, data] = [0, 1, 2, 3].map(|child| vector.struct_child(child));
            let names = keys.list_child();
            let (pairs, typed) = (children.list_child(), values.list_child());
            let (pair_rows, typed_rows) = (children.list_child_rows(), values.list_child_rows());
            Self {
                keys: keys.rows(from, len),
                names: names.rows(0, keys.list_child_rows()),
                children: children.rows(from, len),
                key_indices: pairs.struct_child(0).rows(0, pair_rows),
                value_indices: pairs.struct_child(1).rows(0, pair_rows),
                values: values.rows(from, len),
                types: typed.struct_child(0).rows(0, typed_rows),
                offsets: typed.struct_child(1).rows(0, typed_rows),
                data: data.rows(from, len),
            }
        }
    }

    /// The variant in a row, which is not NULL.
    pub(super) fn variant(&self, row: usize) -> Result<Variant<'_>, Fault> {
        Ok(Variant {
            names: part(self.names, self.keys[row])?,
            key_indices: part(self.key_indices, self.children[row])?,
            value_indices: part(self.value_indices, self.children[row])?,
            types: part(self.types, self.values[row])?,
            offsets: part(self.offsets, self.values[row])?,
            // SAFETY: the data of a variant that is not NULL is not NULL, and lives as long as its chunk.
            data: unsafe { self.data[row].get() },
        })
    }
}

/// The elements of one list.
fn part<T>(elements: &[T], list: ffi::duckdb_list_entry) -> Result<&[T], Fault> {
    let start = length(list.offset);
    elements.get(start..start.saturating_add(length(list.length))).ok_or_else(malformed)
}

/// The parts of one variant.
pub(super) struct Variant<'a> {
    names: &'a [Bytes],
    key_indices: &'a [u32],
    value_indices: &'a [u32],
    types: &'a [u8],
    offsets: &'a [u32],
    data: &'a [u8],
}

impl<'a> Variant<'a> {
    /// A value's type number and its bytes, with all that follow them.
    pub(super) fn value(&self, index: u32) -> Result<(u8, Cursor<'a>), Fault> {
        let index = index as usize;
        let (ty, offset) = self.types.get(index).zip(self.offsets.get(index)).ok_or_else(malformed)?;
        let bytes = self.data.get(*offset as usize..).ok_or_else(malformed)?;
        Ok((*ty, Cursor(bytes)))
    }

    /// The value that a child of an object or an array is.
    pub(super) fn child(&self, index: u32) -> Result<u32, Fault> {
        self.value_indices.get(index as usize).copied().ok_or_else(malformed)
    }

    /// The name of a child of an object.
    pub(super) fn name(&self, index: u32) -> Result<&'a [u8], Fault> {
        let key = self.key_indices.get(index as usize).ok_or_else(malformed)?;
        let name = self.names.get(*key as usize).ok_or_else(malformed)?;
        // SAFETY: names are not NULL, and live as long as their chunk.
        Ok(unsafe { name.get() })
    }
}

/// A place in a variant's bytes.
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or_else(malformed)?;
        self.0 = rest;
        Ok(*bytes)
    }

    /// A number in groups of seven bits, the least significant first.
    pub(super) fn varint(&mut self) -> Result<u32, Fault> {
        let mut number = 0_u32;
        for shift in (0..32).step_by(7) {
            let [byte] = self.take()?;
            number |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(malformed())
    }

    /// Bytes behind their length.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.varint()? as usize;
        self.0.get(..len).ok_or_else(malformed)
    }

    /// How many children an object or an array has, and the first of them.
    pub(super) fn children(&mut self) -> Result<(u32, u32), Fault> {
        match self.varint()? {
            0 => Ok((0, 0)),
            count => Ok((count, self.varint()?)),
        }
    }
}

pub(super) fn malformed() -> Fault {
    Fault::new("a VARIANT is malformed")
}

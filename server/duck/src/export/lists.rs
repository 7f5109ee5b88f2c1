//! LIST and MAP.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListArray, MapArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef, Fields};
use libduckdb_sys as ffi;

use crate::types::{Fidelity, LogicalType};

use super::super::length;
use super::column::{ColumnBuilder, Fault, column_builder};
use super::primitive::take_sized;
use super::strings::check_size;
use super::structs::StructBuilder;
use super::validity::Validity;
use super::vector::Vector;

/// Offsets, child and validity of lists in the making; maps are lists of key-value structs.
struct Lists {
    offsets: Vec<i32>,
    child: Box<dyn ColumnBuilder>,
    child_rows: usize,
    validity: Validity,
}

impl Lists {
    fn new(child: Box<dyn ColumnBuilder>) -> Self {
        Self { offsets: vec![0], child, child_rows: 0, validity: Validity::default() }
    }

    /// Appends the lists' elements, with one call to the child for each stretch of adjacent lists.
    ///
    /// # Safety
    /// The vector is a flat LIST or MAP of the child's type, its child flat too, and has `from + len` rows.
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise; a list's physical representation is its entry, and every entry that is not
        // NULL lies within the child.
        unsafe {
            let entries = vector.rows::<ffi::duckdb_list_entry>(from, len);
            let (child, validity) = (vector.list_child(), vector.validity(from, len));
            let (mut start, mut end) = (0, 0);
            for (i, entry) in entries.iter().enumerate() {
                let valid = validity.is_none_or(|bits| bits.is_valid(i));
                let (offset, count) =
                    if valid { (length(entry.offset), length(entry.length)) } else { (end, 0) };
                if count > 0 && offset != end {
                    self.child.append(child, start, end - start)?;
                    (start, end) = (offset, offset);
                }
                end += count;
                self.child_rows += count;
                check_size(self.child_rows)?;
                self.offsets.push(self.child_rows as i32);
            }
            self.child.append(child, start, end - start)?;
            self.validity.append(validity, len);
        }
        Ok(())
    }

    fn append_nulls(&mut self, len: usize) {
        self.offsets.resize(self.offsets.len() + len, self.child_rows as i32);
        self.validity.append_nulls(len);
    }

    fn bytes(&self) -> usize {
        self.child.bytes() + size_of_val(self.offsets.as_slice()) + self.validity.bytes()
    }

    fn finish(&mut self) -> Result<(OffsetBuffer<i32>, ArrayRef, Option<NullBuffer>), Fault> {
        let offsets = take_sized(&mut self.offsets);
        self.offsets.push(0);
        self.child_rows = 0;
        Ok((OffsetBuffer::new(offsets.into()), self.child.finish()?, self.validity.finish()))
    }
}

/// LIST and MAP, which differ in the array that their parts make.
struct Builder<F> {
    lists: Lists,
    assemble: F,
}

/// The builder of a LIST.
pub(super) fn list_builder(
    child: &LogicalType,
    field: &FieldRef,
    fidelity: Fidelity,
) -> Box<dyn ColumnBuilder> {
    let lists = Lists::new(column_builder(child, field.data_type(), fidelity));
    let field = Arc::clone(field);
    let assemble = move |offsets, child, nulls| -> Result<ArrayRef, Fault> {
        Ok(Arc::new(ListArray::try_new(Arc::clone(&field), offsets, child, nulls)?))
    };
    Box::new(Builder { lists, assemble })
}

/// The builder of a MAP: a list of structs of a key and a value.
pub(super) fn map_builder(
    key: &LogicalType,
    value: &LogicalType,
    entries: &FieldRef,
    fidelity: Fidelity,
) -> Box<dyn ColumnBuilder> {
    let fields = match entries.data_type() {
        DataType::Struct(fields) => fields.clone(),
        _ => Fields::empty(),
    };
    let child = StructBuilder::of([key, value].into_iter(), &fields, fidelity);
    let entries = Arc::clone(entries);
    let assemble = move |offsets, child: ArrayRef, nulls| -> Result<ArrayRef, Fault> {
        let pairs = child.as_struct().clone();
        Ok(Arc::new(MapArray::try_new(Arc::clone(&entries), offsets, pairs, nulls, false)?))
    };
    Box::new(Builder { lists: Lists::new(Box::new(child)), assemble })
}

impl<F> ColumnBuilder for Builder<F>
where
    F: Fn(OffsetBuffer<i32>, ArrayRef, Option<NullBuffer>) -> Result<ArrayRef, Fault> + Send,
{
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise.
        unsafe { self.lists.append(vector, from, len) }
    }

    fn append_nulls(&mut self, len: usize) {
        self.lists.append_nulls(len);
    }

    fn bytes(&self) -> usize {
        self.lists.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Fault> {
        let (offsets, child, nulls) = self.lists.finish()?;
        (self.assemble)(offsets, child, nulls)
    }
}

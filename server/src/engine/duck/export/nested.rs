//! LIST, ARRAY, STRUCT and MAP.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, ListArray, MapArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef, Fields};
use libduckdb_sys as ffi;

use crate::engine::types::{Fidelity, LogicalType};

use super::super::length;
use super::column::{ColumnBuilder, Fault, column_builder};
use super::primitive::take_sized;
use super::strings::check_size;
use super::validity::Validity;
use super::vector::{Bits, Vector};

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

    /// # Safety
    /// The vector is a flat LIST or MAP of the child's type and has `from + len` rows.
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise; a list's physical representation is its entry.
        unsafe {
            let entries = vector.rows::<ffi::duckdb_list_entry>(from, len);
            let validity = vector.validity(from, len);
            if len > 0 && may_be_constant(vector, from + len) {
                let copy = vector.flat_copy(from, len);
                let entries = copy.borrow().rows(0, len);
                self.append_entries(copy.borrow(), entries, copy.borrow().validity(0, len))
            } else {
                self.append_entries(vector, entries, validity)
            }
        }
    }

    /// Appends the lists' elements, with one call to the child for each stretch of adjacent lists.
    ///
    /// # Safety
    /// The entries are the vector's, whose child is flat.
    unsafe fn append_entries(
        &mut self,
        vector: Vector<'_>,
        entries: &[ffi::duckdb_list_entry],
        validity: Option<Bits<'_>>,
    ) -> Result<(), Fault> {
        // SAFETY: the vector is a list; every entry that is not NULL lies within its child.
        unsafe {
            let child = vector.list_child();
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
        }
        self.validity.append(validity, entries.len());
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

/// Whether a list vector may have been a constant before DuckDB flattened it.
///
/// Flattening a constant list repeats its entry and leaves the child as it was, so the child may still be a
/// constant or a dictionary, which only a copy makes flat. All other lists have flat children, and their
/// entries differ unless they are empty.
///
/// # Safety
/// The vector is a flat LIST or MAP of `rows` rows.
pub(super) unsafe fn may_be_constant(vector: Vector<'_>, rows: usize) -> bool {
    // SAFETY: the caller's promise.
    let (entries, validity) =
        unsafe { (vector.rows::<ffi::duckdb_list_entry>(0, rows), vector.validity(0, rows)) };
    let Some(first) = entries.first() else { return false };
    first.length > 0
        && (0..rows).all(|i| {
            let valid = validity.is_none_or(|bits| bits.is_valid(i));
            valid && entries[i].offset == first.offset && entries[i].length == first.length
        })
}

/// LIST.
pub(super) struct ListBuilder {
    lists: Lists,
    field: FieldRef,
}

impl ListBuilder {
    pub(super) fn new(child: &LogicalType, field: &FieldRef, fidelity: Fidelity) -> Self {
        let lists = Lists::new(column_builder(child, field.data_type(), fidelity));
        Self { lists, field: Arc::clone(field) }
    }
}

impl ColumnBuilder for ListBuilder {
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
        Ok(Arc::new(ListArray::try_new(Arc::clone(&self.field), offsets, child, nulls)?))
    }
}

/// MAP.
pub(super) struct MapBuilder {
    lists: Lists,
    entries: FieldRef,
}

impl MapBuilder {
    pub(super) fn new(
        key: &LogicalType,
        value: &LogicalType,
        entries: &FieldRef,
        fidelity: Fidelity,
    ) -> Self {
        let types = [key, value];
        let fields = match entries.data_type() {
            DataType::Struct(fields) => fields.clone(),
            _ => Fields::empty(),
        };
        let child = StructBuilder::of(types.into_iter(), &fields, fidelity);
        Self { lists: Lists::new(Box::new(child)), entries: Arc::clone(entries) }
    }
}

impl ColumnBuilder for MapBuilder {
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise; a map is a list of structs of a key and a value.
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
        let entries = arrow::array::AsArray::as_struct(&child).clone();
        Ok(Arc::new(MapArray::try_new(Arc::clone(&self.entries), offsets, entries, nulls, false)?))
    }
}

/// STRUCT.
pub(super) struct StructBuilder {
    children: Vec<Box<dyn ColumnBuilder>>,
    fields: Fields,
    validity: Validity,
}

impl StructBuilder {
    pub(super) fn new(children: &[(String, LogicalType)], fields: &Fields, fidelity: Fidelity) -> Self {
        Self::of(children.iter().map(|(_, ty)| ty), fields, fidelity)
    }

    fn of<'a>(types: impl Iterator<Item = &'a LogicalType>, fields: &Fields, fidelity: Fidelity) -> Self {
        let children =
            types.zip(fields).map(|(ty, field)| column_builder(ty, field.data_type(), fidelity)).collect();
        Self { children, fields: fields.clone(), validity: Validity::default() }
    }
}

impl ColumnBuilder for StructBuilder {
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise; the children have as many rows as their parent.
        unsafe {
            let validity = vector.validity(from, len);
            for (i, child) in self.children.iter_mut().enumerate() {
                append_masked(child.as_mut(), vector.struct_child(i), validity, from, len, 1)?;
            }
            self.validity.append(validity, len);
        }
        Ok(())
    }

    fn append_nulls(&mut self, len: usize) {
        self.children.iter_mut().for_each(|child| child.append_nulls(len));
        self.validity.append_nulls(len);
    }

    fn bytes(&self) -> usize {
        self.children.iter().map(|child| child.bytes()).sum::<usize>() + self.validity.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Fault> {
        let children = self.children.iter_mut().map(|child| child.finish()).collect::<Result<Vec<_>, _>>()?;
        let (len, nulls) = (self.validity.len(), self.validity.finish());
        Ok(Arc::new(StructArray::try_new_with_length(self.fields.clone(), children, nulls, len)?))
    }
}

/// ARRAY: lists of one size, whose elements lie one list after the other.
pub(super) struct ArrayBuilder {
    child: Box<dyn ColumnBuilder>,
    field: FieldRef,
    size: i32,
    validity: Validity,
}

impl ArrayBuilder {
    pub(super) fn new(child: &LogicalType, field: &FieldRef, size: i32, fidelity: Fidelity) -> Self {
        let child = column_builder(child, field.data_type(), fidelity);
        Self { child, field: Arc::clone(field), size, validity: Validity::default() }
    }
}

impl ColumnBuilder for ArrayBuilder {
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise; the child has `size` rows for each row of its parent.
        unsafe {
            let validity = vector.validity(from, len);
            let size = self.size.cast_unsigned() as usize;
            append_masked(self.child.as_mut(), vector.array_child(), validity, from, len, size)?;
            self.validity.append(validity, len);
        }
        Ok(())
    }

    fn append_nulls(&mut self, len: usize) {
        self.child.append_nulls(len * self.size.cast_unsigned() as usize);
        self.validity.append_nulls(len);
    }

    fn bytes(&self) -> usize {
        self.child.bytes() + self.validity.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Fault> {
        let (child, nulls) = (self.child.finish()?, self.validity.finish());
        Ok(Arc::new(FixedSizeListArray::try_new(Arc::clone(&self.field), self.size, child, nulls)?))
    }
}

/// Appends a child's rows, `size` for each of the parent's, without reading those of a NULL parent: they may
/// hold anything.
///
/// # Safety
/// The child is flat and has `(from + len) * size` rows.
pub(super) unsafe fn append_masked(
    builder: &mut dyn ColumnBuilder,
    child: Vector<'_>,
    parent: Option<Bits<'_>>,
    from: usize,
    len: usize,
    size: usize,
) -> Result<(), Fault> {
    let Some(parent) = parent else {
        // SAFETY: the caller's promise.
        return unsafe { builder.append(child, from * size, len * size) };
    };
    for (valid, start, run) in parent.runs() {
        match valid {
            // SAFETY: the run lies within the parent's range.
            true => unsafe { builder.append(child, (from + start) * size, run * size)? },
            false => builder.append_nulls(run * size),
        }
    }
    Ok(())
}

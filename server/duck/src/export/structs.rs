//! STRUCT and ARRAY, whose children have their rows where the parent has its own.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, StructArray};
use arrow::datatypes::{FieldRef, Fields};

use crate::types::{Fidelity, LogicalType};

use super::column::{ColumnBuilder, Fault, column_builder};
use super::validity::Validity;
use super::vector::{Bits, Vector};

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

    /// A builder of fields that need no names here.
    pub(super) fn of<'a>(
        types: impl Iterator<Item = &'a LogicalType>,
        fields: &Fields,
        fidelity: Fidelity,
    ) -> Self {
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

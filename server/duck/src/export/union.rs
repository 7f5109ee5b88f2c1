//! UNION: DuckDB keeps a struct of a tag and one child per member, of which one holds a value in each row.

use std::sync::Arc;

use arrow::array::{ArrayRef, UnionArray};
use arrow::datatypes::UnionFields;

use crate::types::{Fidelity, LogicalType};

use super::column::{ColumnBuilder, Fault, column_builder};
use super::primitive::take_sized;
use super::structs::append_masked;
use super::vector::Vector;

/// A sparse union; a NULL is a NULL of the first member, since a union has no validity.
pub(super) struct UnionBuilder {
    tags: Vec<i8>,
    members: Vec<Box<dyn ColumnBuilder>>,
    fields: UnionFields,
}

impl UnionBuilder {
    pub(super) fn new(members: &[(String, LogicalType)], fields: &UnionFields, fidelity: Fidelity) -> Self {
        let builders = members.iter().zip(fields.iter());
        let members =
            builders.map(|((_, ty), (_, field))| column_builder(ty, field.data_type(), fidelity)).collect();
        Self { tags: Vec::new(), members, fields: fields.clone() }
    }
}

impl ColumnBuilder for UnionBuilder {
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise; the first child is the tag, and the members follow it.
        unsafe {
            let validity = vector.validity(from, len);
            let tags = vector.struct_child(0);
            let (rows, tags_validity) = (tags.rows::<u8>(from, len), tags.validity(from, len));
            for (i, tag) in rows.iter().enumerate() {
                let valid = [validity, tags_validity].iter().flatten().all(|bits| bits.is_valid(i));
                self.tags.push(if valid { tag_id(*tag, self.members.len())? } else { 0 });
            }
            for (i, member) in self.members.iter_mut().enumerate() {
                append_masked(member.as_mut(), vector.struct_child(i + 1), validity, from, len, 1)?;
            }
        }
        Ok(())
    }

    fn append_nulls(&mut self, len: usize) {
        self.tags.resize(self.tags.len() + len, 0);
        self.members.iter_mut().for_each(|member| member.append_nulls(len));
    }

    fn bytes(&self) -> usize {
        self.tags.len() + self.members.iter().map(|member| member.bytes()).sum::<usize>()
    }

    fn finish(&mut self) -> Result<ArrayRef, Fault> {
        let tags = take_sized(&mut self.tags);
        let members = self.members.iter_mut().map(|member| member.finish()).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(UnionArray::try_new(self.fields.clone(), tags.into(), None, members)?))
    }
}

fn tag_id(tag: u8, members: usize) -> Result<i8, Fault> {
    match i8::try_from(tag) {
        Ok(id) if usize::from(tag) < members => Ok(id),
        _ => Err(Fault::new(format!("Arrow has no place for member {tag} of a union; cast it to VARCHAR"))),
    }
}

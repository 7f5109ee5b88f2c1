//! LIST, ARRAY, STRUCT, MAP and UNION.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, MapArray, OffsetSizeTrait, UnionArray, new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef};
use arrow::row::{RowConverter, SortField};
use libduckdb_sys as ffi;

use super::super::super::fault::Fault;
use super::super::super::length;
use super::{Filler, Target, filler as child_filler, unsupported};

/// The filler for a nested array.
pub(super) fn filler(array: &ArrayRef, mask: Option<&NullBuffer>) -> Result<Box<dyn Filler>, Fault> {
    let nulls = NullBuffer::union(mask, array.nulls());
    match array.data_type() {
        DataType::FixedSizeList(child, size) => {
            let size = size.unsigned_abs() as usize;
            // The children of a NULL array are NULL.
            let masked = nulls.as_ref().map(|nulls| nulls.expand(size));
            let child = child_filler(child, array.as_fixed_size_list().values(), masked.as_ref())?;
            Ok(Box::new(Arrays { child, size, nulls }))
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let children = columns.map(|(field, column)| child_filler(field, column, nulls.as_ref()));
            Ok(Box::new(Structs { children: children.collect::<Result<_, _>>()?, nulls }))
        }
        DataType::Union(..) => unions(array.as_union(), mask),
        _ => {
            let (child, values, ranges) = ranges(array)?;
            Ok(Box::new(ListFill { child: child_filler(child, &values, None)?, ranges, nulls }))
        }
    }
}

/// A list's elements: where they start among the child's rows, and how many there are.
type Ranges = Vec<(usize, usize)>;

/// The child of any array of lists, and each list's elements.
fn ranges(array: &ArrayRef) -> Result<(&FieldRef, ArrayRef, Ranges), Fault> {
    Ok(match array.data_type() {
        DataType::List(child) => {
            let list = array.as_list::<i32>();
            (child, list.values().clone(), adjacent(list.value_offsets()))
        }
        DataType::LargeList(child) => {
            let list = array.as_list::<i64>();
            (child, list.values().clone(), adjacent(list.value_offsets()))
        }
        DataType::ListView(child) => {
            let list = array.as_list_view::<i32>();
            (child, list.values().clone(), apart(list.value_offsets(), list.value_sizes()))
        }
        DataType::LargeListView(child) => {
            let list = array.as_list_view::<i64>();
            (child, list.values().clone(), apart(list.value_offsets(), list.value_sizes()))
        }
        DataType::Map(entries, _) => {
            let map = array.as_map();
            if map.keys().null_count() > 0 {
                return Err(Fault::new("a key of a map is NULL"));
            }
            check_keys(map)?;
            (entries, Arc::new(map.entries().clone()), adjacent(map.value_offsets()))
        }
        _ => return Err(unsupported(array)),
    })
}

/// Makes sure that no map has a key twice, which DuckDB's never have.
fn check_keys(map: &MapArray) -> Result<(), Fault> {
    if map.value_offsets().windows(2).all(|pair| pair[1] - pair[0] < 2) {
        return Ok(());
    }
    let keys = RowConverter::new(vec![SortField::new(map.keys().data_type().clone())])
        .and_then(|converter| converter.convert_columns(std::slice::from_ref(map.keys())))?;
    let mut seen = HashSet::new();
    for (row, (first, count)) in adjacent(map.value_offsets()).into_iter().enumerate() {
        seen.clear();
        if map.is_valid(row) && !(first..first + count).all(|key| seen.insert(keys.row(key))) {
            return Err(Fault::new("a map has a key twice"));
        }
    }
    Ok(())
}

fn adjacent<O: OffsetSizeTrait>(offsets: &[O]) -> Ranges {
    offsets.windows(2).map(|pair| (pair[0].as_usize(), (pair[1] - pair[0]).as_usize())).collect()
}

fn apart<O: OffsetSizeTrait>(offsets: &[O], sizes: &[O]) -> Ranges {
    offsets.iter().zip(sizes).map(|(offset, size)| (offset.as_usize(), size.as_usize())).collect()
}

/// LIST and MAP.
struct ListFill {
    child: Box<dyn Filler>,
    ranges: Ranges,
    nulls: Option<NullBuffer>,
}

impl Filler for ListFill {
    unsafe fn fill(&self, from: usize, len: usize, target: Target) -> Result<(), Fault> {
        let is_valid = |row| self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let ranges = || (from..from + len).map(|row| if is_valid(row) { self.ranges[row] } else { (0, 0) });
        let total = ranges().map(|(_, count)| count).sum::<usize>();
        // SAFETY: the caller's promise; the child gets room for all elements before they are written behind
        // those that it has.
        unsafe {
            let start = ffi::duckdb_list_vector_get_size(target.vector);
            let end = start + total as ffi::idx_t;
            ffi::duckdb_list_vector_reserve(target.vector, end);
            ffi::duckdb_list_vector_set_size(target.vector, end);
            let entries = target.data::<ffi::duckdb_list_entry>();
            let mut child =
                Target { vector: ffi::duckdb_list_vector_get_child(target.vector), at: length(start) };
            let (mut run, mut run_end) = (0, 0);
            for (i, (first, count)) in ranges().enumerate() {
                let offset = (child.at + (run_end - run)) as u64;
                entries.add(i).write(ffi::duckdb_list_entry { offset, length: count as u64 });
                if count > 0 && first != run_end {
                    self.child.fill(run, run_end - run, child)?;
                    child.at += run_end - run;
                    (run, run_end) = (first, first);
                }
                run_end += count;
            }
            self.child.fill(run, run_end - run, child)?;
            target.set_nulls(self.nulls.as_ref(), from, len);
        }
        Ok(())
    }
}

/// ARRAY.
struct Arrays {
    child: Box<dyn Filler>,
    size: usize,
    nulls: Option<NullBuffer>,
}

impl Filler for Arrays {
    unsafe fn fill(&self, from: usize, len: usize, target: Target) -> Result<(), Fault> {
        // SAFETY: the caller's promise; the child has `size` rows for each row of its parent.
        unsafe {
            let vector = ffi::duckdb_array_vector_get_child(target.vector);
            let child = Target { vector, at: target.at * self.size };
            self.child.fill(from * self.size, len * self.size, child)?;
            target.set_nulls(self.nulls.as_ref(), from, len);
        }
        Ok(())
    }
}

/// STRUCT.
struct Structs {
    children: Vec<Box<dyn Filler>>,
    nulls: Option<NullBuffer>,
}

impl Filler for Structs {
    unsafe fn fill(&self, from: usize, len: usize, target: Target) -> Result<(), Fault> {
        // SAFETY: the caller's promise; the children have as many rows as their parent.
        unsafe {
            for (index, child) in (0..).zip(&self.children) {
                let vector = ffi::duckdb_struct_vector_get_child(target.vector, index);
                child.fill(from, len, Target { vector, ..target })?;
            }
            target.set_nulls(self.nulls.as_ref(), from, len);
        }
        Ok(())
    }
}

/// UNION: DuckDB keeps a struct of a tag and one child per member, of which one holds a value in each row.
struct Unions {
    tags: Vec<u8>,
    members: Vec<Box<dyn Filler>>,
    nulls: Option<NullBuffer>,
}

fn unions(array: &UnionArray, mask: Option<&NullBuffer>) -> Result<Box<dyn Filler>, Fault> {
    let fields = array.fields().iter().collect::<Vec<_>>();
    let tag =
        |id: &i8| fields.iter().position(|(member, _)| member == id).and_then(|tag| u8::try_from(tag).ok());
    let tags = array.type_ids().iter().map(tag).collect::<Option<Vec<_>>>();
    let tags = tags.ok_or_else(|| unsupported(array))?;
    let members = fields.iter().zip(0_u8..).map(|((id, field), tag)| {
        let active = NullBuffer::new(BooleanBuffer::collect_bool(tags.len(), |row| tags[row] == tag));
        let child = match array.offsets() {
            Some(_) if array.child(*id).is_empty() => new_null_array(field.data_type(), tags.len()),
            Some(offsets) => {
                // Only the active member of a dense union has a row of its own. The others get some row, not NULL: `take`
                // minds no NULL among the rows of runs and unions.
                let row = |(offset, own): (&i32, &u8)| if *own == tag { *offset } else { 0 };
                let rows = Int32Array::from_iter_values(offsets.iter().zip(&tags).map(row));
                take(array.child(*id), &rows, None)?
            }
            None => array.child(*id).clone(),
        };
        child_filler(field, &child, NullBuffer::union(mask, Some(&active)).as_ref())
    });
    let members = members.collect::<Result<_, _>>()?;
    Ok(Box::new(Unions { members, tags, nulls: mask.cloned() }))
}

impl Filler for Unions {
    unsafe fn fill(&self, from: usize, len: usize, target: Target) -> Result<(), Fault> {
        // SAFETY: the caller's promise; the first child is the tag, and the members follow it.
        unsafe {
            let tag = Target { vector: ffi::duckdb_struct_vector_get_child(target.vector, 0), ..target };
            std::ptr::copy_nonoverlapping(self.tags[from..].as_ptr(), tag.data::<u8>(), len);
            tag.set_nulls(self.nulls.as_ref(), from, len);
            for (index, member) in (1..).zip(&self.members) {
                let vector = ffi::duckdb_struct_vector_get_child(target.vector, index);
                member.fill(from, len, Target { vector, ..target })?;
            }
            target.set_nulls(self.nulls.as_ref(), from, len);
        }
        Ok(())
    }
}

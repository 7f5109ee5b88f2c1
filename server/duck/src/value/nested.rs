//! Values with children: lists, structs, maps and unions.

use arrow::array::{Array, ArrayRef, AsArray, UnionArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use libduckdb_sys as ffi;

use super::{TypeHandle, Value};
use crate::error::Result;
use crate::types::input;

/// The value in a row that is not NULL; `None` if DuckDB cannot take its type.
pub(super) fn value(field: &Field, array: &dyn Array, row: usize) -> Result<Option<Value>> {
    match array.data_type() {
        DataType::List(child) => list(child, &array.as_list::<i32>().value(row)),
        DataType::LargeList(child) => list(child, &array.as_list::<i64>().value(row)),
        DataType::ListView(child) => list(child, &array.as_list_view::<i32>().value(row)),
        DataType::LargeListView(child) => list(child, &array.as_list_view::<i64>().value(row)),
        DataType::FixedSizeList(child, _) => fixed_list(child, &array.as_fixed_size_list().value(row)),
        DataType::Struct(fields) => structure(field, fields, array.as_struct().columns(), row),
        DataType::Map(..) => map(field, array.as_map().value(row).columns()),
        DataType::Union(..) => union(field, array.as_union(), row),
        _ => Ok(None),
    }
}

fn list(child: &Field, elements: &ArrayRef) -> Result<Option<Value>> {
    let Some(ty) = type_of(child) else { return Ok(None) };
    let mut values = Values::of(child, elements)?;
    // SAFETY: as many live values as told; the type lives for the call, and the value is ours.
    Ok(unsafe { Value::own(ffi::duckdb_create_list_value(ty.raw(), values.as_mut_ptr(), values.len())) })
}

fn fixed_list(child: &Field, elements: &ArrayRef) -> Result<Option<Value>> {
    let Some(ty) = type_of(child) else { return Ok(None) };
    let mut values = Values::of(child, elements)?;
    // SAFETY: as many live values as told; the type lives for the call, and the value is ours.
    Ok(unsafe { Value::own(ffi::duckdb_create_array_value(ty.raw(), values.as_mut_ptr(), values.len())) })
}

fn structure(field: &Field, fields: &Fields, columns: &[ArrayRef], row: usize) -> Result<Option<Value>> {
    let Some(ty) = type_of(field) else { return Ok(None) };
    let values = fields.iter().zip(columns).map(|(field, column)| Value::from_column(field, column, row));
    let mut values = Values::new(values.collect::<Result<Vec<_>>>()?);
    // SAFETY: as many live values as the type has fields; the type lives for the call, and the value is ours.
    Ok(unsafe { Value::own(ffi::duckdb_create_struct_value(ty.raw(), values.as_mut_ptr())) })
}

fn map(field: &Field, entries: &[ArrayRef]) -> Result<Option<Value>> {
    let (Some(ty), [keys, values]) = (type_of(field), entries) else { return Ok(None) };
    let (key, value) = match field.data_type() {
        DataType::Map(entries, _) => entry_fields(entries),
        _ => None,
    }
    .unwrap_or_else(|| (anonymous(keys), anonymous(values)));
    let (mut keys, mut values) = (Values::of(&key, keys)?, Values::of(&value, values)?);
    let count = keys.len();
    // SAFETY: as many live keys and values as told; the type lives for the call, and the value is ours.
    Ok(unsafe {
        let raw = ffi::duckdb_create_map_value(ty.raw(), keys.as_mut_ptr(), values.as_mut_ptr(), count);
        Value::own(raw)
    })
}

fn entry_fields(entries: &Field) -> Option<(FieldRef, FieldRef)> {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => Some((fields[0].clone(), fields[1].clone())),
        _ => None,
    }
}

fn anonymous(array: &ArrayRef) -> FieldRef {
    Field::new("", array.data_type().clone(), true).into()
}

fn union(field: &Field, array: &UnionArray, row: usize) -> Result<Option<Value>> {
    let (Some(ty), id) = (type_of(field), array.type_id(row)) else { return Ok(None) };
    let members = array.fields().iter().map(|(member, field)| (member, field.clone())).collect::<Vec<_>>();
    let Some(tag) = members.iter().position(|(member, _)| *member == id) else { return Ok(None) };
    let member = &members[tag].1;
    let value = Value::from_column(member, array.child(id), array.value_offset(row))?;
    // The member's value must have exactly the member's type, its alias included.
    let Some(value) = input::of_field(member).and_then(|ty| Value::cast(&ty, &value)) else {
        return Ok(None);
    };
    // SAFETY: type and value live for the call, DuckDB checks the tag, and the result is ours.
    Ok(unsafe { Value::own(ffi::duckdb_create_union_value(ty.raw(), tag as ffi::idx_t, value.raw())) })
}

fn type_of(field: &Field) -> Option<TypeHandle> {
    TypeHandle::new(&input::of_field(field)?)
}

/// Values lent to DuckDB, which copies them.
struct Values {
    raw: Vec<ffi::duckdb_value>,
    /// Keeps the values alive while their handles are lent.
    _owners: Vec<Value>,
}

impl Values {
    fn new(values: Vec<Value>) -> Self {
        Self { raw: values.iter().map(Value::raw).collect(), _owners: values }
    }

    /// Every element of an array.
    fn of(field: &Field, elements: &ArrayRef) -> Result<Self> {
        let values = (0..elements.len()).map(|row| Value::from_column(field, elements, row));
        values.collect::<Result<Vec<_>>>().map(Self::new)
    }

    fn as_mut_ptr(&mut self) -> *mut ffi::duckdb_value {
        self.raw.as_mut_ptr()
    }

    fn len(&self) -> ffi::idx_t {
        self.raw.len() as ffi::idx_t
    }
}

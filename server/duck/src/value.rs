//! Single values on their way into a prepared statement (FP-5).

mod nested;
mod scalar;

#[cfg(test)]
mod tests;

use std::ptr;

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, Int16Type, Int32Type, Int64Type};
use arrow::downcast_dictionary_array;
use libduckdb_sys as ffi;

use super::type_handle::TypeHandle;
use crate::error::{Error, Result};
use crate::types::{LogicalType, input};

/// The extension name of a Decimal128 column whose 128 bits are HUGEINTs: decimals have a digit less.
pub const HUGEINT_EXTENSION: &str = "altertable.hugeint";

/// One owned DuckDB value.
#[derive(Debug)]
pub struct Value(ffi::duckdb_value);

// SAFETY: a value is plain data that its owner alone uses.
unsafe impl Send for Value {}

impl Value {
    /// The value in row `row` of a column; SQL NULL, of the type that FY-7 gives, where the column has none.
    ///
    /// # Errors
    /// InvalidArgument, naming the Arrow type, for a type outside FY-7 or a value outside DuckDB's range.
    pub fn from_column(field: &Field, array: &dyn Array, row: usize) -> Result<Self> {
        let value = match array.data_type() {
            DataType::Null => Some(Self::null()),
            DataType::Dictionary(..) => return from_dictionary(field, array, row),
            DataType::RunEndEncoded(..) => return from_runs(field, array, row),
            _ if array.is_null(row) => Self::typed_null(field),
            _ => Self::valid(field, array, row)?,
        };
        value.ok_or_else(|| unbindable(array.data_type()))
    }

    /// A value that is not NULL; `None` if its type cannot be bound.
    fn valid(field: &Field, array: &dyn Array, row: usize) -> Result<Option<Self>> {
        if array.data_type().is_nested() {
            return nested::value(field, array, row);
        }
        match field.extension_type_name() {
            Some("arrow.uuid") => Ok(scalar::uuid(array, row)),
            Some("arrow.json") => {
                Ok(scalar::json(array, row).and_then(|text| Self::cast(&LogicalType::Json, &text)))
            }
            Some(HUGEINT_EXTENSION) => Ok(scalar::hugeint(array, row)),
            _ => Ok(scalar::value(array, row)),
        }
    }

    /// Takes over a value; `None` for a null handle, which DuckDB gives for what it cannot make.
    ///
    /// # Safety
    /// `raw` is null, or a live value that nobody else destroys.
    unsafe fn own(raw: ffi::duckdb_value) -> Option<Self> {
        (!raw.is_null()).then_some(Self(raw))
    }

    /// An untyped NULL.
    fn null() -> Self {
        // SAFETY: nothing is asked of the caller, and the value is ours.
        Self(unsafe { ffi::duckdb_create_null_value() })
    }

    /// A NULL that has the type of its column, so that a result's type is the same for every row of a bind.
    fn typed_null(field: &Field) -> Option<Self> {
        Self::cast(&input::of_field(field)?, &Self::null())
    }

    /// The value of a literal `'text'` where this type is wanted, or its NULL without one; `None` for what is no such
    /// literal.
    pub fn literal(text: Option<&str>, ty: &LogicalType) -> Option<Self> {
        let value = text.map_or_else(|| Some(Self::null()), scalar::varchar)?;
        Self::cast(ty, &value)
    }

    /// The value as one of another type. The C API casts only what is put into a list, from which it is taken
    /// out again.
    fn cast(ty: &LogicalType, value: &Self) -> Option<Self> {
        let ty = TypeHandle::new(ty)?;
        // SAFETY: type and value are live for the call; the list and its child are ours.
        unsafe {
            let list =
                Self::own(ffi::duckdb_create_list_value(ty.raw(), ptr::from_ref(&value.0).cast_mut(), 1))?;
            Self::own(ffi::duckdb_get_list_child(list.0, 0))
        }
    }

    /// The handle, for calls that borrow it.
    pub(super) fn raw(&self) -> ffi::duckdb_value {
        self.0
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: the value is owned and destroyed once.
        unsafe { ffi::duckdb_destroy_value(&mut self.0) }
    }
}

fn from_dictionary(field: &Field, array: &dyn Array, row: usize) -> Result<Value> {
    let (values, key) = downcast_dictionary_array!(
        array => (array.values(), array.key(row)),
        _ => return Err(unbindable(array.data_type()))
    );
    let field = field.clone().with_data_type(values.data_type().clone());
    match key {
        Some(key) => Value::from_column(&field, values, key),
        None => Value::typed_null(&field).ok_or_else(|| unbindable(array.data_type())),
    }
}

fn from_runs(field: &Field, array: &dyn Array, row: usize) -> Result<Value> {
    let any = array.as_any();
    let run = if let Some(runs) = any.downcast_ref::<arrow::array::RunArray<Int16Type>>() {
        Some((runs.values(), runs.get_physical_index(row)))
    } else if let Some(runs) = any.downcast_ref::<arrow::array::RunArray<Int32Type>>() {
        Some((runs.values(), runs.get_physical_index(row)))
    } else {
        let runs = any.downcast_ref::<arrow::array::RunArray<Int64Type>>();
        runs.map(|runs| (runs.values(), runs.get_physical_index(row)))
    };
    let (values, row) = run.ok_or_else(|| unbindable(array.data_type()))?;
    let field = field.clone().with_data_type(values.data_type().clone());
    Value::from_column(&field, values, row)
}

fn unbindable(ty: &DataType) -> Error {
    Error::invalid(format!("A parameter of the Arrow type {ty} holds what DuckDB cannot take"))
}

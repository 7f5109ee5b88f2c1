//! Arrow values as the contract's LN table writes them.

use super::values_time as time;
use crate::fault::{During, Fault, Result};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use serde_json::{Map, Number, Value};

/// The rows of a batch, one array each.
///
/// # Errors
/// A type that has no notation here.
pub fn rows(batch: &RecordBatch) -> Result<Vec<Value>> {
    let columns = batch.columns().iter().map(column).collect::<Result<Vec<_>>>()?;
    Ok((0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect())
}

fn column(array: &ArrayRef) -> Result<Vec<Value>> {
    (0..array.len()).map(|row| value(array, row)).collect()
}

/// One value.
///
/// # Errors
/// A type that has no notation here.
pub fn value(array: &ArrayRef, row: usize) -> Result<Value> {
    use DataType as T;
    if array.is_null(row) && !matches!(array.data_type(), T::Union(..)) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        T::Null => Value::Null,
        T::Boolean => Value::Bool(array.as_boolean().value(row)),
        T::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        T::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        T::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        T::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        T::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        T::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        T::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        T::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        T::Float32 => single(array.as_primitive::<Float32Type>().value(row)),
        T::Float64 => double(array.as_primitive::<Float64Type>().value(row)),
        T::Decimal128(_, scale) => {
            decimal(&array.as_primitive::<Decimal128Type>().value(row).to_string(), *scale)?
        }
        T::Decimal256(_, scale) => {
            decimal(&array.as_primitive::<Decimal256Type>().value(row).to_string(), *scale)?
        }
        T::Utf8 => array.as_string::<i32>().value(row).into(),
        T::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        T::Utf8View => array.as_string_view().value(row).into(),
        T::Binary => hex(array.as_binary::<i32>().value(row)),
        T::LargeBinary => hex(array.as_binary::<i64>().value(row)),
        T::BinaryView => hex(array.as_binary_view().value(row)),
        T::FixedSizeBinary(_) => hex(array.as_fixed_size_binary().value(row)),
        other => match time::value(array, row, other)? {
            Some(text) => text,
            None => nested(array, row)?,
        },
    })
}

fn nested(array: &ArrayRef, row: usize) -> Result<Value> {
    use DataType as T;
    match array.data_type() {
        T::List(_) => column(&array.as_list::<i32>().value(row)).map(Value::Array),
        T::LargeList(_) => column(&array.as_list::<i64>().value(row)).map(Value::Array),
        T::FixedSizeList(..) => column(&array.as_fixed_size_list().value(row)).map(Value::Array),
        T::Struct(_) => structure(array, row),
        T::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (column(entries.column(0))?, column(entries.column(1))?);
            Ok(Value::Object(keys.iter().map(crate::vars::as_text).zip(values).collect()))
        }
        T::Union(..) => {
            let union = array.as_union();
            value(union.child(union.type_id(row)), union.value_offset(row))
        }
        T::Dictionary(_, values) => value(&cast(array, values).during("reading a dictionary")?, row),
        other => Err(Fault(format!("the runner has no notation for values of type {other}"))),
    }
}

fn structure(array: &ArrayRef, row: usize) -> Result<Value> {
    let array = array.as_struct();
    if array.fields().iter().all(|field| field.name().is_empty()) {
        return array
            .columns()
            .iter()
            .map(|child| value(child, row))
            .collect::<Result<_>>()
            .map(Value::Array);
    }
    let mut map = Map::new();
    for (field, child) in array.fields().iter().zip(array.columns()) {
        map.insert(field.name().clone(), value(child, row)?);
    }
    Ok(Value::Object(map))
}

fn single(number: f32) -> Value {
    // Going through the shortest text of the f32 keeps 0.1 from becoming 0.10000000149011612.
    number
        .is_finite()
        .then(|| format!("{number:?}").parse().ok().map(Value::Number))
        .flatten()
        .unwrap_or_else(|| special(number.into()))
}

fn double(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| special(number), Value::Number)
}

fn special(number: f64) -> Value {
    Value::from(match number {
        _ if number.is_nan() => "NaN",
        _ if number > 0.0 => "Infinity",
        _ => "-Infinity",
    })
}

fn decimal(digits: &str, scale: i8) -> Result<Value> {
    let scale = usize::try_from(scale).unwrap_or(0);
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let text = if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
    text.parse().map(Value::Number).during("reading a decimal")
}

fn hex(bytes: &[u8]) -> Value {
    Value::String(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

//! From a column's DuckDB type and Arrow array to the [`Cell`] that writes it.

use arrow::array::{Array, ArrayRef, AsArray, UnionArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};

use super::cell::{Cell, Values};
use super::temporal::Unit;
use super::text;
use super::zone::Zone;
use duck::types::LogicalType;
use engine::{Error, Result};

/// Prepares one column of an exact batch (`Fidelity::Exact`).
///
/// # Errors
/// `Internal` if the array is not of the kind that carries `ty`.
pub(super) fn cell<'a>(ty: &LogicalType, array: &'a ArrayRef) -> Result<Cell<'a>> {
    let values = if array.data_type() == &DataType::Null { Values::Nothing } else { values(ty, array)? };
    Ok(Cell { nulls: array.nulls(), values })
}

fn values<'a>(ty: &LogicalType, array: &'a ArrayRef) -> Result<Values<'a>> {
    use LogicalType as T;
    Ok(match ty {
        T::Boolean => Values::Boolean(array.as_boolean_opt().ok_or_else(|| mismatch(ty, array))?.values()),
        T::TinyInt => Values::I8(primitive::<Int8Type>(ty, array)?),
        T::SmallInt => Values::I16(primitive::<Int16Type>(ty, array)?),
        T::Integer | T::Null => Values::I32(primitive::<Int32Type>(ty, array)?),
        T::BigInt => Values::I64(primitive::<Int64Type>(ty, array)?),
        T::UTinyInt => Values::U8(primitive::<UInt8Type>(ty, array)?),
        T::USmallInt => Values::U16(primitive::<UInt16Type>(ty, array)?),
        T::UInteger => Values::U32(primitive::<UInt32Type>(ty, array)?),
        T::UBigInt => Values::U64(primitive::<UInt64Type>(ty, array)?),
        T::HugeInt => Values::Decimal(primitive::<Decimal128Type>(ty, array)?, 0),
        T::Decimal { scale, .. } => Values::Decimal(primitive::<Decimal128Type>(ty, array)?, *scale),
        T::Float => Values::Float(primitive::<Float32Type>(ty, array)?),
        T::Double => Values::Double(primitive::<Float64Type>(ty, array)?),
        T::UHugeInt | T::BigNum => Values::Digits(string(ty, array)?),
        T::Uuid | T::Bit | T::Interval => Values::Plain(string(ty, array)?),
        T::Json | T::Variant => Values::Json(string(ty, array)?),
        T::Varchar | T::Enum(_) | T::Geometry(_) | T::Unknown | T::Other(_) => {
            Values::Text(string(ty, array)?)
        }
        T::Blob => Values::Blob(array.as_binary_opt().ok_or_else(|| mismatch(ty, array))?),
        T::Date => Values::Date(primitive::<Date32Type>(ty, array)?),
        T::Time => Values::Time(primitive::<Time64MicrosecondType>(ty, array)?, Unit::Microsecond),
        T::TimeNs => Values::Time(primitive::<Time64NanosecondType>(ty, array)?, Unit::Nanosecond),
        T::TimeTz => Values::TimeTz(string(ty, array)?),
        T::Timestamp => {
            Values::Timestamp(primitive::<TimestampMicrosecondType>(ty, array)?, Unit::Microsecond)
        }
        T::TimestampS => Values::Timestamp(primitive::<TimestampSecondType>(ty, array)?, Unit::Second),
        T::TimestampMs => {
            Values::Timestamp(primitive::<TimestampMillisecondType>(ty, array)?, Unit::Millisecond)
        }
        T::TimestampNs => {
            Values::Timestamp(primitive::<TimestampNanosecondType>(ty, array)?, Unit::Nanosecond)
        }
        T::TimestampTz => Values::TimestampTz(primitive::<TimestampMicrosecondType>(ty, array)?, zone(array)),
        T::List(_) | T::Array(..) | T::Struct(_) | T::Map(..) | T::Union(_) => nested(ty, array)?,
    })
}

fn nested<'a>(ty: &LogicalType, array: &'a ArrayRef) -> Result<Values<'a>> {
    let mismatch = || mismatch(ty, array);
    Ok(match ty {
        LogicalType::List(element) => {
            let list = array.as_list_opt::<i32>().ok_or_else(mismatch)?;
            Values::List(list.value_offsets(), Box::new(cell(element, list.values())?))
        }
        LogicalType::Array(element, len) => {
            let list = array.as_fixed_size_list_opt().ok_or_else(mismatch)?;
            Values::Array(
                usize::try_from(*len).map_err(|_| mismatch())?,
                Box::new(cell(element, list.values())?),
            )
        }
        LogicalType::Map(key, value) => {
            let map = array.as_map_opt().ok_or_else(mismatch)?;
            let (keys, values) = (cell(key, map.keys())?, cell(value, map.values())?);
            Values::Map(map.value_offsets(), Box::new(keys), Box::new(values))
        }
        LogicalType::Struct(fields) => {
            structure(fields, array.as_struct_opt().ok_or_else(mismatch)?.columns())?
        }
        LogicalType::Union(members) => {
            union(members, array.as_any().downcast_ref::<UnionArray>().ok_or_else(mismatch)?)?
        }
        _ => return Err(mismatch()),
    })
}

fn structure<'a>(fields: &[(String, LogicalType)], columns: &'a [ArrayRef]) -> Result<Values<'a>> {
    let cells =
        fields.iter().zip(columns).map(|((_, ty), column)| cell(ty, column)).collect::<Result<Vec<_>>>()?;
    if fields.iter().all(|(name, _)| name.is_empty()) {
        return Ok(Values::Tuple(cells));
    }
    Ok(Values::Struct(fields.iter().map(|(name, _)| key(name)).zip(cells).collect()))
}

fn union<'a>(members: &[(String, LogicalType)], array: &'a UnionArray) -> Result<Values<'a>> {
    let DataType::Union(fields, _) = array.data_type() else {
        return Err(Error::internal("a union array without union fields"));
    };
    let members = fields
        .iter()
        .zip(members)
        .map(|((id, _), (_, ty))| Ok((id, cell(ty, array.child(id))?)))
        .collect::<Result<Vec<_>>>()?;
    Ok(Values::Union(array.type_ids(), members))
}

/// A name as a JSON object key with its colon.
pub(super) fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 3);
    text::string(name, &mut key);
    key.push(b':');
    key
}

fn zone(array: &ArrayRef) -> Zone {
    match array.data_type() {
        DataType::Timestamp(_, Some(name)) => Zone::named(name),
        _ => Zone::named("Etc/UTC"),
    }
}

fn primitive<'a, T: ArrowPrimitiveType>(ty: &LogicalType, array: &'a ArrayRef) -> Result<&'a [T::Native]> {
    Ok(array.as_primitive_opt::<T>().ok_or_else(|| mismatch(ty, array))?.values())
}

fn string<'a>(ty: &LogicalType, array: &'a ArrayRef) -> Result<&'a arrow::array::StringArray> {
    array.as_string_opt().ok_or_else(|| mismatch(ty, array))
}

fn mismatch(ty: &LogicalType, array: &ArrayRef) -> Error {
    Error::internal(format!("a {} column arrived as Arrow {}", super::TypeName(ty), array.data_type()))
}

//! The DuckDB type of each Arrow type that clients may send: the reverse of FY-2, and FY-7.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit, UnionFields};

use super::LogicalType;
use crate::error::{Error, Result};

/// The DuckDB type that takes the values of an Arrow column.
///
/// # Errors
/// InvalidArgument, naming the column and its Arrow type, for a type outside FY-7.
pub fn input_type(field: &Field) -> Result<LogicalType> {
    of_field(field).ok_or_else(|| unsupported(field.name(), field.data_type()))
}

/// The refusal of a column whose Arrow type DuckDB has no place for.
pub fn unsupported(column: &str, ty: &DataType) -> Error {
    Error::invalid(format!("Column \"{column}\" has the Arrow type {ty}, which cannot be stored"))
}

/// As [`input_type`], without a column to name: `None` for a type outside FY-7.
pub fn of_field(field: &Field) -> Option<LogicalType> {
    match (field.extension_type_name(), storage(field.data_type())) {
        (Some("arrow.json"), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
            Some(LogicalType::Json)
        }
        (Some("arrow.uuid"), DataType::FixedSizeBinary(16)) => Some(LogicalType::Uuid),
        (_, ty) => of_type(ty),
    }
}

/// The type of the values behind dictionaries and runs.
fn storage(ty: &DataType) -> &DataType {
    match ty {
        DataType::Dictionary(_, values) => storage(values),
        DataType::RunEndEncoded(_, values) => storage(values.data_type()),
        _ => ty,
    }
}

fn of_type(ty: &DataType) -> Option<LogicalType> {
    use LogicalType as T;
    Some(match ty {
        DataType::Boolean => T::Boolean,
        DataType::Int8 => T::TinyInt,
        DataType::Int16 => T::SmallInt,
        DataType::Int32 => T::Integer,
        DataType::Int64 => T::BigInt,
        DataType::UInt8 => T::UTinyInt,
        DataType::UInt16 => T::USmallInt,
        DataType::UInt32 => T::UInteger,
        DataType::UInt64 => T::UBigInt,
        DataType::Float16 | DataType::Float32 => T::Float,
        DataType::Float64 => T::Double,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            decimal(*p, *s)?
        }
        DataType::Decimal256(p, s) => decimal(*p, *s)?,
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => T::Varchar,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => T::Blob,
        DataType::FixedSizeBinary(_) => T::Blob,
        _ => return of_temporal(ty).or_else(|| of_nested(ty)),
    })
}

/// DuckDB's decimals have up to 38 digits, of which `scale` may all be behind the point.
fn decimal(precision: u8, scale: i8) -> Option<LogicalType> {
    let scale = u8::try_from(scale).ok()?;
    (precision <= 38 && scale <= precision).then_some(LogicalType::Decimal { width: precision, scale })
}

fn of_temporal(ty: &DataType) -> Option<LogicalType> {
    use LogicalType as T;
    Some(match ty {
        DataType::Date32 | DataType::Date64 => T::Date,
        DataType::Time32(_) | DataType::Time64(TimeUnit::Microsecond) => T::Time,
        DataType::Time64(_) => T::TimeNs,
        DataType::Timestamp(_, Some(_)) => T::TimestampTz,
        DataType::Timestamp(TimeUnit::Second, None) => T::TimestampS,
        DataType::Timestamp(TimeUnit::Millisecond, None) => T::TimestampMs,
        DataType::Timestamp(TimeUnit::Microsecond, None) => T::Timestamp,
        DataType::Timestamp(TimeUnit::Nanosecond, None) => T::TimestampNs,
        DataType::Duration(_) | DataType::Interval(_) => T::Interval,
        _ => return None,
    })
}

fn of_nested(ty: &DataType) -> Option<LogicalType> {
    use LogicalType as T;
    Some(match ty {
        DataType::List(child) | DataType::LargeList(child) => T::List(Box::new(of_field(child)?)),
        DataType::ListView(child) | DataType::LargeListView(child) => T::List(Box::new(of_field(child)?)),
        DataType::FixedSizeList(child, size @ 1..) => {
            T::Array(Box::new(of_field(child)?), size.cast_unsigned())
        }
        DataType::Struct(fields) if !fields.is_empty() => T::Struct(of_fields(fields.iter())?),
        DataType::Map(entries, _) => of_map(entries)?,
        DataType::Union(members, _) => of_union(members)?,
        DataType::Dictionary(..) | DataType::RunEndEncoded(..) => of_type(storage(ty))?,
        _ => return None,
    })
}

fn of_fields<'a>(fields: impl Iterator<Item = &'a FieldRef>) -> Option<Vec<(String, LogicalType)>> {
    fields.map(|field| Some((field.name().clone(), of_field(field)?))).collect()
}

fn of_map(entries: &Arc<Field>) -> Option<LogicalType> {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => {
            Some(LogicalType::Map(Box::new(of_field(&fields[0])?), Box::new(of_field(&fields[1])?)))
        }
        _ => None,
    }
}

fn of_union(members: &UnionFields) -> Option<LogicalType> {
    let members = of_fields(members.iter().map(|(_, field)| field))?;
    (!members.is_empty()).then_some(LogicalType::Union(members))
}

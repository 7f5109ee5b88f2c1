//! The values of one column, by its type.

use arrow::array::{Array, AsArray, BinaryArray, BooleanArray, Decimal128Array, PrimitiveArray, StringArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use chrono_tz::Tz;

use super::array::Lists;
use super::json;
use super::numeric;
use super::temporal::{self, Interval};
use crate::doors::postgres::report::{Result, SqlReport};
use duck::types::LogicalType;

/// The values of a column.
pub(in super::super) enum Cells<'a> {
    Boolean(&'a BooleanArray),
    Int8(&'a PrimitiveArray<Int8Type>),
    UInt8(&'a PrimitiveArray<UInt8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    UInt16(&'a PrimitiveArray<UInt16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    /// Numbers of objects.
    Oid(&'a PrimitiveArray<UInt32Type>),
    /// Arrays that are written without braces.
    Vector(Lists<'a>),
    UInt32(&'a PrimitiveArray<UInt32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Decimal(&'a Decimal128Array, u8),
    /// Numbers that are too long for any Arrow type, in digits.
    Digits(&'a StringArray),
    Text(&'a StringArray),
    Uuid(&'a StringArray),
    Bits(&'a StringArray),
    Blob(&'a BinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a PrimitiveArray<Time64MicrosecondType>),
    TimeNs(&'a PrimitiveArray<Time64NanosecondType>),
    TimeTz(&'a StringArray),
    Timestamp(Instants<'a>),
    TimestampTz(Instants<'a>, Tz),
    Interval(&'a StringArray),
    List(Lists<'a>),
    /// What travels as JSON.
    Nested(&'a dyn Array, &'a LogicalType),
}

/// Instants of any unit.
pub(in super::super) enum Instants<'a> {
    Second(&'a PrimitiveArray<TimestampSecondType>),
    Millisecond(&'a PrimitiveArray<TimestampMillisecondType>),
    Microsecond(&'a PrimitiveArray<TimestampMicrosecondType>),
    Nanosecond(&'a PrimitiveArray<TimestampNanosecondType>),
}

impl<'a> Instants<'a> {
    fn new(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Timestamp(TimeUnit::Second, _) => Self::Second(array.as_primitive_opt()?),
            DataType::Timestamp(TimeUnit::Millisecond, _) => Self::Millisecond(array.as_primitive_opt()?),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Microsecond(array.as_primitive_opt()?),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Self::Nanosecond(array.as_primitive_opt()?),
            _ => return None,
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Second(array) => array,
            Self::Millisecond(array) => array,
            Self::Microsecond(array) => array,
            Self::Nanosecond(array) => array,
        }
    }

    /// Microseconds since 1970; the infinities stay what they are.
    fn micros(&self, row: usize) -> i64 {
        let (value, per_unit) = match self {
            Self::Second(array) => (array.value(row), 1_000_000),
            Self::Millisecond(array) => (array.value(row), 1000),
            Self::Microsecond(array) => return array.value(row),
            Self::Nanosecond(array) => {
                let value = array.value(row);
                return if value.abs() == i64::MAX { value } else { value.div_euclid(1000) };
            }
        };
        if value.abs() == i64::MAX { value } else { value.saturating_mul(per_unit) }
    }
}

impl<'a> Cells<'a> {
    /// The values of a column of this type.
    ///
    /// # Errors
    /// XX000 for an array of another type.
    pub(in super::super) fn new(ty: &'a LogicalType, array: &'a dyn Array) -> Result<Self> {
        Self::scalar(ty, array).or_else(|| Self::other(ty, array)).ok_or_else(|| {
            SqlReport::error("XX000", format!("a column of {ty} came as {}", array.data_type()))
        })
    }

    fn scalar(ty: &LogicalType, array: &'a dyn Array) -> Option<Self> {
        use LogicalType as T;
        Some(match ty {
            T::Boolean => Self::Boolean(array.as_boolean_opt()?),
            T::TinyInt => Self::Int8(array.as_primitive_opt()?),
            T::UTinyInt => Self::UInt8(array.as_primitive_opt()?),
            T::SmallInt => Self::Int16(array.as_primitive_opt()?),
            T::USmallInt => Self::UInt16(array.as_primitive_opt()?),
            T::Integer | T::Null => Self::Int32(array.as_primitive_opt()?),
            T::UInteger => Self::UInt32(array.as_primitive_opt()?),
            T::BigInt => Self::Int64(array.as_primitive_opt()?),
            T::UBigInt => Self::UInt64(array.as_primitive_opt()?),
            T::Float => Self::Float32(array.as_primitive_opt()?),
            T::Double => Self::Float64(array.as_primitive_opt()?),
            T::HugeInt => Self::Decimal(array.as_primitive_opt()?, 0),
            T::Decimal { scale, .. } => Self::Decimal(array.as_primitive_opt()?, *scale),
            T::UHugeInt | T::BigNum => Self::Digits(array.as_string_opt()?),
            T::Uuid => Self::Uuid(array.as_string_opt()?),
            T::Bit => Self::Bits(array.as_string_opt()?),
            T::Blob => Self::Blob(array.as_binary_opt()?),
            T::Other(_) if *array.data_type() == DataType::UInt32 => Self::Oid(array.as_primitive_opt()?),
            T::Varchar | T::Json | T::Enum(_) | T::Variant | T::Geometry(_) | T::Unknown | T::Other(_) => {
                Self::Text(array.as_string_opt()?)
            }
            _ => return None,
        })
    }

    fn other(ty: &'a LogicalType, array: &'a dyn Array) -> Option<Self> {
        use LogicalType as T;
        Some(match ty {
            T::Date => Self::Date(array.as_primitive_opt()?),
            T::Time => Self::Time(array.as_primitive_opt()?),
            T::TimeNs => Self::TimeNs(array.as_primitive_opt()?),
            T::TimeTz => Self::TimeTz(array.as_string_opt()?),
            T::TimestampTz => Self::TimestampTz(Instants::new(array)?, temporal::zone(array.data_type())),
            T::Timestamp | T::TimestampS | T::TimestampMs | T::TimestampNs => {
                Self::Timestamp(Instants::new(array)?)
            }
            T::Interval => Self::Interval(array.as_string_opt()?),
            T::Other(_) => Self::Vector(Lists::vector(array)?),
            T::List(child) | T::Array(child, _) => match Lists::new(child, array) {
                Some(lists) => Self::List(lists),
                None => Self::Nested(array, ty),
            },
            T::Struct(_) | T::Map(..) | T::Union(_) => Self::Nested(array, ty),
            _ => return None,
        })
    }

    /// Whether a row has no value.
    pub(in super::super) fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Nested(array, ty) => json::is_null(*array, ty, row),
            _ => self.array().is_null(row),
        }
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Boolean(array) => array,
            Self::Int8(array) => array,
            Self::UInt8(array) => array,
            Self::Int16(array) => array,
            Self::UInt16(array) => array,
            Self::Int32(array) => array,
            Self::UInt32(array) | Self::Oid(array) => array,
            Self::Int64(array) => array,
            Self::UInt64(array) => array,
            Self::Float32(array) => array,
            Self::Float64(array) => array,
            Self::Decimal(array, _) => array,
            Self::Digits(array) | Self::Text(array) | Self::Uuid(array) | Self::Bits(array) => array,
            Self::TimeTz(array) | Self::Interval(array) => array,
            Self::Blob(array) => array,
            Self::Date(array) => array,
            Self::Time(array) => array,
            Self::TimeNs(array) => array,
            Self::Timestamp(instants) | Self::TimestampTz(instants, _) => instants.array(),
            Self::List(lists) | Self::Vector(lists) => lists.array(),
            Self::Nested(array, _) => *array,
        }
    }

    /// Writes a value as a text.
    ///
    /// # Errors
    /// XX000 for a value that cannot be written.
    pub(in super::super) fn text(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Boolean(array) => out.push(if array.value(row) { b't' } else { b'f' }),
            Self::Int8(array) => digits(array, row, out),
            Self::UInt8(array) => digits(array, row, out),
            Self::Int16(array) => digits(array, row, out),
            Self::UInt16(array) => digits(array, row, out),
            Self::Int32(array) => digits(array, row, out),
            Self::UInt32(array) | Self::Oid(array) => digits(array, row, out),
            Self::Vector(lists) => lists.plain_text(row, out)?,
            Self::Int64(array) => digits(array, row, out),
            Self::UInt64(array) => digits(array, row, out),
            Self::Float32(array) => numeric::float4(array.value(row), out),
            Self::Float64(array) => numeric::float8(array.value(row), out),
            Self::Decimal(array, scale) => numeric::decimal(array.value(row), *scale, out),
            Self::Digits(array) | Self::Text(array) | Self::Uuid(array) | Self::Bits(array) => {
                out.extend_from_slice(array.value(row).as_bytes());
            }
            Self::Blob(array) => hex(array.value(row), out),
            Self::Nested(array, ty) => json::write(*array, ty, row, out)?,
            Self::List(lists) => lists.text(row, out)?,
            _ => self.moment(row, out)?,
        }
        Ok(())
    }

    /// Writes a moment, or a time between two, as a text.
    fn moment(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Date(array) => temporal::date(array.value(row), out),
            Self::Time(array) => temporal::time(array.value(row), out),
            Self::TimeNs(array) => temporal::time(array.value(row) / 1000, out),
            Self::TimeTz(array) => temporal::time_tz(array.value(row), out),
            Self::Timestamp(instants) => temporal::timestamp(instants.micros(row), out),
            Self::TimestampTz(instants, zone) => temporal::timestamp_tz(instants.micros(row), *zone, out),
            Self::Interval(array) => Interval::read(array.value(row))?.text(out),
            _ => {}
        }
        Ok(())
    }

    /// Writes a value as bytes.
    ///
    /// # Errors
    /// 22008 for a moment that PostgreSQL's type has no room for.
    pub(in super::super) fn binary(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Boolean(array) => out.push(array.value(row).into()),
            Self::Int8(array) => out.extend_from_slice(&i16::from(array.value(row)).to_be_bytes()),
            Self::UInt8(array) => out.extend_from_slice(&i16::from(array.value(row)).to_be_bytes()),
            Self::Int16(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::UInt16(array) => out.extend_from_slice(&i32::from(array.value(row)).to_be_bytes()),
            Self::Int32(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::UInt32(array) => out.extend_from_slice(&i64::from(array.value(row)).to_be_bytes()),
            Self::Oid(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::Int64(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::UInt64(array) => numeric::to_binary(&array.value(row).to_string(), out),
            Self::Float32(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::Float64(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::Decimal(array, scale) => numeric::decimal_to_binary(array.value(row), *scale, out),
            Self::Digits(array) => numeric::to_binary(array.value(row), out),
            Self::Text(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Self::Uuid(array) => {
                let uuid = uuid::Uuid::try_parse(array.value(row)).unwrap_or_default();
                out.extend_from_slice(uuid.as_bytes());
            }
            Self::Bits(array) => bits(array.value(row), out),
            Self::Blob(array) => out.extend_from_slice(array.value(row)),
            Self::Date(array) => out.extend_from_slice(&temporal::days(array.value(row))?.to_be_bytes()),
            Self::Time(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::TimeNs(array) => out.extend_from_slice(&(array.value(row) / 1000).to_be_bytes()),
            Self::TimeTz(array) => temporal::time_tz_to_binary(array.value(row), out),
            Self::Timestamp(instants) | Self::TimestampTz(instants, _) => {
                out.extend_from_slice(&temporal::micros(instants.micros(row))?.to_be_bytes());
            }
            Self::Interval(array) => Interval::read(array.value(row))?.binary(out),
            Self::List(lists) | Self::Vector(lists) => lists.binary(row, out)?,
            Self::Nested(array, ty) => json::write(*array, ty, row, out)?,
        }
        Ok(())
    }
}

fn digits<T: ArrowPrimitiveType<Native: itoa::Integer>>(
    array: &PrimitiveArray<T>,
    row: usize,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(itoa::Buffer::new().format(array.value(row)).as_bytes());
}

/// Bytes as `\x` and their digits.
pub(super) fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"\\x");
    out.extend(
        bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
    );
}

/// Bits from their digits: how many there are, and the bits, the last byte filled up with zeros.
fn bits(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&crate::doors::postgres::wire::backend::count32(text.len()).to_be_bytes());
    for digits in text.as_bytes().chunks(8) {
        let byte = digits.iter().enumerate().fold(0_u8, |byte, (at, digit)| byte | (digit & 1) << (7 - at));
        out.push(byte);
    }
}

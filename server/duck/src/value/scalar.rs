//! Values without children.

use arrow::array::{Array, AsArray, PrimitiveArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use libduckdb_sys as ffi;
use serde_json::value::RawValue;

use super::super::range;
use super::super::units::{days, micros};
use super::Value;

/// The value in a row that is not NULL; `None` if DuckDB cannot take it.
pub(super) fn value(array: &dyn Array, row: usize) -> Option<Value> {
    let cell = Cell { array, row };
    match array.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => varchar(text(array, row)?),
        DataType::Binary => blob(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => blob(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => blob(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => blob(array.as_fixed_size_binary().value(row)),
        DataType::Decimal32(p, s) => decimal(*p, *s, cell.get::<Decimal32Type>()?.into()),
        DataType::Decimal64(p, s) => decimal(*p, *s, cell.get::<Decimal64Type>()?.into()),
        DataType::Decimal128(p, s) => decimal(*p, *s, cell.get::<Decimal128Type>()?),
        DataType::Decimal256(p, s) => decimal(*p, *s, cell.get::<Decimal256Type>()?.to_i128()?),
        DataType::Timestamp(unit, None) => timestamp(cell, *unit),
        DataType::Timestamp(unit, Some(_)) => timestamp_tz(cell.instant(*unit)?, *unit),
        DataType::Duration(unit) => interval(0, 0, micros(cell.duration(*unit)?, *unit)?),
        DataType::Interval(unit) => cell.interval(*unit),
        _ => number(cell).or_else(|| date_or_time(cell)),
    }
}

/// The text of a JSON value, which DuckDB's cast from text would look at only in SQL.
pub(super) fn json(array: &dyn Array, row: usize) -> Option<Value> {
    let Some(text) = text(array, row) else { return value(array, row) };
    serde_json::from_str::<&RawValue>(text).is_ok().then(|| varchar(text)).flatten()
}

/// The text in a row of a column of texts.
fn text(array: &dyn Array, row: usize) -> Option<&str> {
    Some(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row),
        DataType::Utf8View => array.as_string_view().value(row),
        _ => return None,
    })
}

/// A UUID from its sixteen bytes.
pub(super) fn uuid(array: &dyn Array, row: usize) -> Option<Value> {
    let bytes = array.as_fixed_size_binary_opt()?.value(row);
    let number = u128::from_be_bytes(bytes.try_into().ok()?);
    let parts = ffi::duckdb_uhugeint { lower: number as u64, upper: (number >> 64) as u64 };
    // SAFETY: any number is a UUID; the value is ours.
    unsafe { Value::own(ffi::duckdb_create_uuid(parts)) }
}

/// A HUGEINT from the 128 bits of a decimal.
pub(super) fn hugeint(array: &dyn Array, row: usize) -> Option<Value> {
    let value = array.as_primitive_opt::<Decimal128Type>()?.value(row);
    let parts = ffi::duckdb_hugeint { lower: value as u64, upper: (value >> 64) as i64 };
    // SAFETY: any number is a HUGEINT; the value is ours.
    unsafe { Value::own(ffi::duckdb_create_hugeint(parts)) }
}

/// One cell of an array.
#[derive(Clone, Copy)]
struct Cell<'a> {
    array: &'a dyn Array,
    row: usize,
}

impl Cell<'_> {
    fn get<T: ArrowPrimitiveType>(self) -> Option<T::Native> {
        let array = self.array.as_any().downcast_ref::<PrimitiveArray<T>>()?;
        Some(array.value(self.row))
    }

    fn instant(self, unit: TimeUnit) -> Option<i64> {
        match unit {
            TimeUnit::Second => self.get::<TimestampSecondType>(),
            TimeUnit::Millisecond => self.get::<TimestampMillisecondType>(),
            TimeUnit::Microsecond => self.get::<TimestampMicrosecondType>(),
            TimeUnit::Nanosecond => self.get::<TimestampNanosecondType>(),
        }
    }

    fn duration(self, unit: TimeUnit) -> Option<i64> {
        match unit {
            TimeUnit::Second => self.get::<DurationSecondType>(),
            TimeUnit::Millisecond => self.get::<DurationMillisecondType>(),
            TimeUnit::Microsecond => self.get::<DurationMicrosecondType>(),
            TimeUnit::Nanosecond => self.get::<DurationNanosecondType>(),
        }
    }

    fn interval(self, unit: IntervalUnit) -> Option<Value> {
        match unit {
            IntervalUnit::YearMonth => interval(self.get::<IntervalYearMonthType>()?, 0, 0),
            IntervalUnit::DayTime => {
                let value = self.get::<IntervalDayTimeType>()?;
                interval(0, value.days, i64::from(value.milliseconds) * 1000)
            }
            IntervalUnit::MonthDayNano => {
                let value = self.get::<IntervalMonthDayNanoType>()?;
                interval(value.months, value.days, value.nanoseconds / 1000)
            }
        }
    }
}

fn number(cell: Cell<'_>) -> Option<Value> {
    // SAFETY: any number may be made a value, and the value is ours.
    unsafe {
        Value::own(match cell.array.data_type() {
            DataType::Boolean => ffi::duckdb_create_bool(cell.array.as_boolean().value(cell.row)),
            DataType::Int8 => ffi::duckdb_create_int8(cell.get::<Int8Type>()?),
            DataType::Int16 => ffi::duckdb_create_int16(cell.get::<Int16Type>()?),
            DataType::Int32 => ffi::duckdb_create_int32(cell.get::<Int32Type>()?),
            DataType::Int64 => ffi::duckdb_create_int64(cell.get::<Int64Type>()?),
            DataType::UInt8 => ffi::duckdb_create_uint8(cell.get::<UInt8Type>()?),
            DataType::UInt16 => ffi::duckdb_create_uint16(cell.get::<UInt16Type>()?),
            DataType::UInt32 => ffi::duckdb_create_uint32(cell.get::<UInt32Type>()?),
            DataType::UInt64 => ffi::duckdb_create_uint64(cell.get::<UInt64Type>()?),
            DataType::Float16 => ffi::duckdb_create_float(cell.get::<Float16Type>()?.to_f32()),
            DataType::Float32 => ffi::duckdb_create_float(cell.get::<Float32Type>()?),
            DataType::Float64 => ffi::duckdb_create_double(cell.get::<Float64Type>()?),
            _ => return None,
        })
    }
}

fn date_or_time(cell: Cell<'_>) -> Option<Value> {
    match cell.array.data_type() {
        DataType::Date32 => date(cell.get::<Date32Type>()?),
        DataType::Date64 => date(days(cell.get::<Date64Type>()?)?),
        DataType::Time32(TimeUnit::Second) => time(i64::from(cell.get::<Time32SecondType>()?) * 1_000_000),
        DataType::Time32(_) => time(i64::from(cell.get::<Time32MillisecondType>()?) * 1000),
        DataType::Time64(TimeUnit::Microsecond) => time(cell.get::<Time64MicrosecondType>()?),
        nanos @ DataType::Time64(_) => {
            let nanos = in_range(cell.get::<Time64NanosecondType>()?, nanos)?;
            // SAFETY: any number may be made a value, and the value is ours.
            unsafe { Value::own(ffi::duckdb_create_time_ns(ffi::duckdb_time_ns { nanos })) }
        }
        _ => None,
    }
}

/// A value whose integer stays as it is, if its type has it.
fn in_range(value: i64, ty: &DataType) -> Option<i64> {
    range::of(ty).is_none_or(|range| range.has(value)).then_some(value)
}

fn date(days: i32) -> Option<Value> {
    let days = range::date(days)?;
    // SAFETY: any number may be made a value, and the value is ours.
    unsafe { Value::own(ffi::duckdb_create_date(ffi::duckdb_date { days })) }
}

fn time(micros: i64) -> Option<Value> {
    let micros = range::time(micros)?;
    // SAFETY: any number may be made a value, and the value is ours.
    unsafe { Value::own(ffi::duckdb_create_time(ffi::duckdb_time { micros })) }
}

fn timestamp(cell: Cell<'_>, unit: TimeUnit) -> Option<Value> {
    let value = in_range(cell.instant(unit)?, cell.array.data_type())?;
    // SAFETY: any number may be made a value, and the value is ours.
    unsafe {
        Value::own(match unit {
            TimeUnit::Second => ffi::duckdb_create_timestamp_s(ffi::duckdb_timestamp_s { seconds: value }),
            TimeUnit::Millisecond => {
                ffi::duckdb_create_timestamp_ms(ffi::duckdb_timestamp_ms { millis: value })
            }
            TimeUnit::Microsecond => ffi::duckdb_create_timestamp(ffi::duckdb_timestamp { micros: value }),
            TimeUnit::Nanosecond => {
                ffi::duckdb_create_timestamp_ns(ffi::duckdb_timestamp_ns { nanos: value })
            }
        })
    }
}

fn timestamp_tz(instant: i64, unit: TimeUnit) -> Option<Value> {
    let micros = in_range(micros(instant, unit)?, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    // SAFETY: any number may be made a value, and the value is ours.
    unsafe { Value::own(ffi::duckdb_create_timestamp_tz(ffi::duckdb_timestamp { micros })) }
}

fn interval(months: i32, days: i32, micros: i64) -> Option<Value> {
    // SAFETY: any numbers may be made a value, and the value is ours.
    unsafe { Value::own(ffi::duckdb_create_interval(ffi::duckdb_interval { months, days, micros })) }
}

/// A text.
pub(super) fn varchar(text: &str) -> Option<Value> {
    // SAFETY: the text has that length and is copied; the value is ours.
    unsafe { Value::own(ffi::duckdb_create_varchar_length(text.as_ptr().cast(), text.len() as ffi::idx_t)) }
}

fn blob(bytes: &[u8]) -> Option<Value> {
    // SAFETY: the bytes have that length and are copied; the value is ours.
    unsafe { Value::own(ffi::duckdb_create_blob(bytes.as_ptr(), bytes.len() as ffi::idx_t)) }
}

fn decimal(width: u8, scale: i8, value: i128) -> Option<Value> {
    // DuckDB takes a value of more digits than its width has, and fails only later.
    let digits = 10_u128.checked_pow(width.into()).filter(|limit| value.unsigned_abs() < *limit);
    digits.and(u8::try_from(scale).ok()).and_then(|scale| {
        let value = ffi::duckdb_hugeint { lower: value as u64, upper: (value >> 64) as i64 };
        // SAFETY: DuckDB checks width and scale; the value is ours.
        unsafe { Value::own(ffi::duckdb_create_decimal(ffi::duckdb_decimal { width, scale, value })) }
    })
}

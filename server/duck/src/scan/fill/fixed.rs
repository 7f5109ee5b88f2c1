//! Values of a fixed width: copied where both sides agree, else mapped one by one.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray,
};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, Field,
    Float16Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, TimeUnit, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use libduckdb_sys as ffi;

use super::super::super::fault::Fault;
use super::super::super::range::{self, Range};
use super::super::super::units::{days, micros};
use super::decimal::decimal;
use super::{Filler, Target, unsupported};

/// The filler for an array of fixed-width values.
pub(super) fn filler(
    field: &Field,
    array: &ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<Box<dyn Filler>, Fault> {
    use DataType as D;
    Ok(match array.data_type() {
        D::Boolean => Box::new(Booleans { array: array.as_boolean().clone(), nulls }),
        D::FixedSizeBinary(16) if field.extension_type_name() == Some("arrow.uuid") => {
            Box::new(Uuids { array: array.as_fixed_size_binary().clone(), nulls })
        }
        D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64 => {
            copied(array, nulls)
        }
        D::Float32 | D::Float64 => copied(array, nulls),
        D::Date32 | D::Time64(_) | D::Timestamp(_, None) | D::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            Box::new(CopiedFill { range: range::of(array.data_type()), ..CopiedFill::of(array, nulls) })
        }
        D::Decimal32(width, _) => decimal::<Decimal32Type>(array, *width, nulls),
        D::Decimal64(width, _) => decimal::<Decimal64Type>(array, *width, nulls),
        D::Decimal128(width, _) => decimal::<Decimal128Type>(array, *width, nulls),
        D::Decimal256(width, _) => decimal::<Decimal256Type>(array, *width, nulls),
        _ => mapped_filler(array, nulls)?,
    })
}

fn mapped_filler(array: &ArrayRef, nulls: Option<NullBuffer>) -> Result<Box<dyn Filler>, Fault> {
    use DataType as D;
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    Ok(match array.data_type() {
        D::Float16 => mapped::<Float16Type, _>(array, nulls, |value| Some(value.to_f32())),
        D::Date64 => mapped::<Date64Type, _>(array, nulls, |value| range::date(days(value)?)),
        D::Time32(Second) => {
            mapped::<Time32SecondType, _>(array, nulls, |value| range::time(micros(value.into(), Second)?))
        }
        D::Time32(_) => mapped::<Time32MillisecondType, _>(array, nulls, |value| {
            range::time(micros(value.into(), Millisecond)?)
        }),
        D::Timestamp(Second, _) => {
            mapped::<TimestampSecondType, _>(array, nulls, |value| range::instant(micros(value, Second)?))
        }
        D::Timestamp(Millisecond, _) => mapped::<TimestampMillisecondType, _>(array, nulls, |value| {
            range::instant(micros(value, Millisecond)?)
        }),
        D::Timestamp(_, _) => {
            mapped::<TimestampNanosecondType, _>(array, nulls, |value| micros(value, Nanosecond))
        }
        D::Duration(Second) => mapped::<DurationSecondType, _>(array, nulls, |value| duration(value, Second)),
        D::Duration(Millisecond) => {
            mapped::<DurationMillisecondType, _>(array, nulls, |value| duration(value, Millisecond))
        }
        D::Duration(Microsecond) => {
            mapped::<DurationMicrosecondType, _>(array, nulls, |value| duration(value, Microsecond))
        }
        D::Duration(Nanosecond) => {
            mapped::<DurationNanosecondType, _>(array, nulls, |value| duration(value, Nanosecond))
        }
        D::Interval(IntervalUnit::YearMonth) => {
            mapped::<IntervalYearMonthType, _>(array, nulls, |value| Some(interval(value, 0, 0)))
        }
        D::Interval(IntervalUnit::DayTime) => mapped::<IntervalDayTimeType, _>(array, nulls, |value| {
            Some(interval(0, value.days, i64::from(value.milliseconds) * 1000))
        }),
        D::Interval(IntervalUnit::MonthDayNano) => {
            mapped::<IntervalMonthDayNanoType, _>(array, nulls, |value| {
                Some(interval(value.months, value.days, value.nanoseconds / 1000))
            })
        }
        _ => return Err(unsupported(array)),
    })
}

fn duration(count: i64, unit: TimeUnit) -> Option<ffi::duckdb_interval> {
    Some(interval(0, 0, micros(count, unit)?))
}

fn interval(months: i32, days: i32, micros: i64) -> ffi::duckdb_interval {
    ffi::duckdb_interval { months, days, micros }
}

/// A column without any value.
pub(super) struct AllNull;

impl Filler for AllNull {
    unsafe fn fill(&self, _: usize, len: usize, target: Target) -> Result<(), Fault> {
        // SAFETY: the caller's promise.
        unsafe { target.set_nulls(Some(&NullBuffer::new_null(len)), 0, len) };
        Ok(())
    }
}

/// Values whose representation is the same in Arrow and in DuckDB.
struct CopiedFill {
    values: Buffer,
    width: usize,
    nulls: Option<NullBuffer>,
    range: Option<Range>,
}

impl CopiedFill {
    fn of(array: &ArrayRef, nulls: Option<NullBuffer>) -> Self {
        let data = array.to_data();
        let width = data.data_type().primitive_width().unwrap_or_default();
        let values = data.buffers()[0].slice_with_length(data.offset() * width, data.len() * width);
        Self { values, width, nulls, range: None }
    }
}

fn copied(array: &ArrayRef, nulls: Option<NullBuffer>) -> Box<dyn Filler> {
    Box::new(CopiedFill::of(array, nulls))
}

impl Filler for CopiedFill {
    unsafe fn fill(&self, from: usize, len: usize, target: Target) -> Result<(), Fault> {
        let bytes = &self.values[from * self.width..(from + len) * self.width];
        if let Some(range) = &self.range {
            range.check(bytes, self.width, |row| {
                self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(from + row))
            })?;
        }
        // SAFETY: the caller's promise; the vector's values have the same width.
        unsafe {
            let out = Target { at: target.at * self.width, ..target }.data::<u8>();
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), out, bytes.len());
            target.set_nulls(self.nulls.as_ref(), from, len);
        }
        Ok(())
    }
}

struct Booleans {
    array: BooleanArray,
    nulls: Option<NullBuffer>,
}

impl Filler for Booleans {
    unsafe fn fill(&self, from: usize, len: usize, target: Target) -> Result<(), Fault> {
        // SAFETY: the caller's promise; DuckDB's booleans are bytes of 0 and 1.
        unsafe {
            let out = target.data::<bool>();
            let values = self.array.values().slice(from, len);
            values.iter().enumerate().for_each(|(i, value)| out.add(i).write(value));
            target.set_nulls(self.nulls.as_ref(), from, len);
        }
        Ok(())
    }
}

/// UUIDs of sixteen bytes. DuckDB keeps the top bit flipped, so that the values sort as signed numbers.
struct Uuids {
    array: FixedSizeBinaryArray,
    nulls: Option<NullBuffer>,
}

impl Filler for Uuids {
    unsafe fn fill(&self, from: usize, len: usize, target: Target) -> Result<(), Fault> {
        // SAFETY: the caller's promise.
        unsafe {
            let out = target.data::<ffi::duckdb_hugeint>();
            for i in 0..len {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(self.array.value(from + i));
                out.add(i).write(hugeint((u128::from_be_bytes(bytes) ^ 1 << 127).cast_signed()));
            }
            target.set_nulls(self.nulls.as_ref(), from, len);
        }
        Ok(())
    }
}

/// DuckDB's representation of a number of 128 bits.
pub(super) fn hugeint(value: i128) -> ffi::duckdb_hugeint {
    ffi::duckdb_hugeint { lower: value as u64, upper: (value >> 64) as i64 }
}

/// Values that need a computation each; DuckDB keeps them as `D`.
struct MappedFill<T: ArrowPrimitiveType, F> {
    values: ScalarBuffer<T::Native>,
    nulls: Option<NullBuffer>,
    map: F,
}

/// A filler that maps every value; a value without a counterpart is out of range.
pub(super) fn mapped<T: ArrowPrimitiveType, D: 'static>(
    array: &ArrayRef,
    nulls: Option<NullBuffer>,
    map: impl Fn(T::Native) -> Option<D> + Send + 'static,
) -> Box<dyn Filler> {
    let array: &PrimitiveArray<T> = array.as_primitive();
    Box::new(MappedFill::<T, _> { values: array.values().clone(), nulls, map })
}

impl<T: ArrowPrimitiveType, D, F: Fn(T::Native) -> Option<D> + Send> Filler for MappedFill<T, F> {
    unsafe fn fill(&self, from: usize, len: usize, target: Target) -> Result<(), Fault> {
        // SAFETY: the caller's promise; a NULL row's value is never read.
        unsafe {
            let out = target.data::<D>();
            for (i, value) in self.values[from..from + len].iter().enumerate() {
                let is_null = || self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(from + i));
                match (self.map)(*value) {
                    Some(value) => out.add(i).write(value),
                    None if is_null() => {}
                    None => return Err(Fault::new(format!("the value {value:?} is out of range"))),
                }
            }
            target.set_nulls(self.nulls.as_ref(), from, len);
        }
        Ok(())
    }
}

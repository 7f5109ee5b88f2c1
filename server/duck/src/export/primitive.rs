//! Columns of fixed-width values: copied as they are, or mapped one by one.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, PrimitiveArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{ArrowNativeType, ArrowPrimitiveType, DataType, IntervalMonthDayNano};
use libduckdb_sys as ffi;

use super::column::{ColumnBuilder, Fault};
use super::validity::Validity;
use super::vector::Vector;

/// Values whose representation is the same in DuckDB and in Arrow.
pub(super) struct Copied<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    validity: Validity,
    ty: DataType,
}

impl<T: ArrowPrimitiveType> Copied<T> {
    pub(super) fn new(ty: &DataType) -> Self {
        Self { values: Vec::new(), validity: Validity::default(), ty: ty.clone() }
    }
}

impl<T: ArrowPrimitiveType> ColumnBuilder for Copied<T> {
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise; DuckDB stores this type as `T::Native`.
        unsafe {
            self.values.extend_from_slice(vector.rows(from, len));
            self.validity.append(vector.validity(from, len), len);
        }
        Ok(())
    }

    fn append_nulls(&mut self, len: usize) {
        self.values.resize(self.values.len() + len, T::Native::default());
        self.validity.append_nulls(len);
    }

    fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice()) + self.validity.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Fault> {
        let values = take_sized(&mut self.values);
        let array = PrimitiveArray::<T>::try_new(values.into(), self.validity.finish())?;
        Ok(Arc::new(array.with_data_type(self.ty.clone())))
    }
}

/// Values that need a computation each; `S` is DuckDB's representation and `N` Arrow's.
pub(super) struct Mapped<S, N: MappedNative> {
    values: Vec<N>,
    validity: Validity,
    ty: DataType,
    map: fn(S) -> Result<N, Fault>,
}

/// Ties a native value to the array that holds it.
pub(super) trait MappedNative: ArrowNativeType + Default {
    type Arrow: ArrowPrimitiveType<Native = Self>;
}

impl MappedNative for i128 {
    type Arrow = arrow::datatypes::Decimal128Type;
}

impl MappedNative for i64 {
    type Arrow = arrow::datatypes::Time64MicrosecondType;
}

impl MappedNative for IntervalMonthDayNano {
    type Arrow = arrow::datatypes::IntervalMonthDayNanoType;
}

impl<S, N: MappedNative> Mapped<S, N> {
    pub(super) fn new(ty: &DataType, map: fn(S) -> Result<N, Fault>) -> Self {
        Self { values: Vec::new(), validity: Validity::default(), ty: ty.clone(), map }
    }
}

impl<S: Copy, N: MappedNative> ColumnBuilder for Mapped<S, N> {
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise; `S` is DuckDB's representation of the builder's type.
        let (rows, validity) = unsafe { (vector.rows::<S>(from, len), vector.validity(from, len)) };
        self.values.reserve(len);
        for (i, row) in rows.iter().enumerate() {
            // A NULL row holds anything, also what cannot be mapped.
            let valid = validity.is_none_or(|bits| bits.is_valid(i));
            self.values.push(if valid { (self.map)(*row)? } else { N::default() });
        }
        self.validity.append(validity, len);
        Ok(())
    }

    fn append_nulls(&mut self, len: usize) {
        self.values.resize(self.values.len() + len, N::default());
        self.validity.append_nulls(len);
    }

    fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice()) + self.validity.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Fault> {
        let values = take_sized(&mut self.values);
        let array = PrimitiveArray::<N::Arrow>::try_new(values.into(), self.validity.finish())?;
        Ok(Arc::new(array.with_data_type(self.ty.clone())))
    }
}

/// BOOLEAN: a byte per row in DuckDB, a bit in Arrow.
pub(super) struct BooleanBuilder {
    bits: BooleanBufferBuilder,
    validity: Validity,
}

impl Default for BooleanBuilder {
    fn default() -> Self {
        Self { bits: BooleanBufferBuilder::new(0), validity: Validity::default() }
    }
}

impl ColumnBuilder for BooleanBuilder {
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise; read as bytes, because a NULL row's byte need not be a valid `bool`.
        let (rows, validity) = unsafe { (vector.rows::<u8>(from, len), vector.validity(from, len)) };
        self.bits.append_buffer(&BooleanBuffer::collect_bool(len, |i| rows[i] != 0));
        self.validity.append(validity, len);
        Ok(())
    }

    fn append_nulls(&mut self, len: usize) {
        self.bits.append_n(len, false);
        self.validity.append_nulls(len);
    }

    fn bytes(&self) -> usize {
        self.bits.len().div_ceil(8) + self.validity.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Fault> {
        Ok(Arc::new(BooleanArray::new(self.bits.finish(), self.validity.finish())))
    }
}

/// HUGEINT, and decimals wider than 18 digits.
pub(super) fn hugeint(value: ffi::duckdb_hugeint) -> Result<i128, Fault> {
    Ok(i128::from(value.upper) << 64 | i128::from(value.lower))
}

/// UHUGEINT within the 128 signed bits of its Arrow type (FY-3).
pub(super) fn uhugeint(value: ffi::duckdb_uhugeint) -> Result<i128, Fault> {
    let value = u128::from(value.upper) << 64 | u128::from(value.lower);
    i128::try_from(value)
        .map_err(|_| Fault::new(format!("{value} is beyond 128 signed bits; cast it to VARCHAR")))
}

/// TIMETZ as its local time in microseconds; the offset is lost.
pub(super) fn local_time(value: ffi::duckdb_time_tz) -> Result<i64, Fault> {
    Ok((value.bits >> 24).cast_signed())
}

/// INTERVAL in months, days and nanoseconds.
///
/// Where the nanoseconds exceed 64 bits (292 years of time), whole days of them are counted as days, which
/// DuckDB deems equal.
pub(super) fn interval(value: ffi::duckdb_interval) -> Result<IntervalMonthDayNano, Fault> {
    const DAY: i64 = 86_400_000_000;
    if let Some(nanos) = value.micros.checked_mul(1000) {
        return Ok(IntervalMonthDayNano::new(value.months, value.days, nanos));
    }
    let days = i64::from(value.days) + value.micros / DAY;
    let days = i32::try_from(days).map_err(|_| Fault::new("an interval is too long; cast it to VARCHAR"))?;
    Ok(IntervalMonthDayNano::new(value.months, days, value.micros % DAY * 1000))
}

/// Empties a vector but keeps the promise of as much room, since the next batch will be about as large.
pub(super) fn take_sized<T>(values: &mut Vec<T>) -> Vec<T> {
    let next = Vec::with_capacity(values.len());
    std::mem::replace(values, next)
}

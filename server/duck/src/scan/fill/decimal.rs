//! Decimals, whose storage in DuckDB grows with their width.

use arrow::array::ArrayRef;
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DecimalType, i256};

use super::Filler;
use super::fixed::{hugeint, mapped};

/// A decimal as a number of up to 38 digits.
pub(super) trait ToI128 {
    fn to_i128(self) -> Option<i128>;
}

impl ToI128 for i32 {
    fn to_i128(self) -> Option<i128> {
        Some(self.into())
    }
}

impl ToI128 for i64 {
    fn to_i128(self) -> Option<i128> {
        Some(self.into())
    }
}

impl ToI128 for i128 {
    fn to_i128(self) -> Option<i128> {
        Some(self)
    }
}

impl ToI128 for i256 {
    fn to_i128(self) -> Option<i128> {
        self.to_i128()
    }
}

/// The filler for an array of decimals of `width` digits.
pub(super) fn decimal<T: DecimalType>(
    array: &ArrayRef,
    width: u8,
    nulls: Option<NullBuffer>,
) -> Box<dyn Filler>
where
    T::Native: ToI128,
{
    let limit = 10_u128.saturating_pow(width.into());
    let number = move |value: T::Native| value.to_i128().filter(|value| value.unsigned_abs() < limit);
    match width {
        0..=4 => mapped::<T, _>(array, nulls, move |value| i16::try_from(number(value)?).ok()),
        5..=9 => mapped::<T, _>(array, nulls, move |value| i32::try_from(number(value)?).ok()),
        10..=18 => mapped::<T, _>(array, nulls, move |value| i64::try_from(number(value)?).ok()),
        _ => mapped::<T, _>(array, nulls, move |value| number(value).map(hugeint)),
    }
}

//! Values that DuckDB's types of time do not have, though the integers behind them do: stored, they would be other values, or
//! fail whoever reads them.

use std::ops::RangeInclusive;

use arrow::datatypes::{DataType, TimeUnit};

use super::fault::Fault;

/// The instants that a TIMESTAMP holds, in microseconds.
const INSTANTS: RangeInclusive<i64> = -9_223_372_022_400_000_000..=i64::MAX - 1;

/// Infinity and its opposite, in every type of instants.
const INFINITE: [i64; 2] = [i64::MAX, -i64::MAX];

/// The times of a day, its end included, in microseconds.
const TIMES: RangeInclusive<i64> = 0..=86_400_000_000;

/// The values that a type has.
pub(super) enum Range {
    /// Days; the least number is none.
    Days,
    /// Times of a day.
    Times(RangeInclusive<i64>),
    /// Instants, or an infinity.
    Instants(RangeInclusive<i64>),
}

/// The range of a type whose values are copied; `None` if it has all of its integers.
pub(super) fn of(ty: &DataType) -> Option<Range> {
    let instants = |units: i64| Range::Instants(INSTANTS.start() / units..=INSTANTS.end() / units);
    Some(match ty {
        DataType::Date32 => Range::Days,
        DataType::Time64(TimeUnit::Nanosecond) => Range::Times(0..=TIMES.end() * 1000),
        DataType::Time64(_) => Range::Times(TIMES),
        DataType::Timestamp(TimeUnit::Second, _) => instants(1_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => instants(1000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => instants(1),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Range::Instants(-i64::MAX..=i64::MAX),
        _ => return None,
    })
}

/// Days since 1970 as a DATE, if it has them.
pub(super) fn date(days: i32) -> Option<i32> {
    Range::Days.has(days.into()).then_some(days)
}

/// A time of a day, if it is one.
pub(super) fn time(micros: i64) -> Option<i64> {
    TIMES.contains(&micros).then_some(micros)
}

/// An instant, if a TIMESTAMP holds it.
pub(super) fn instant(micros: i64) -> Option<i64> {
    INSTANTS.contains(&micros).then_some(micros)
}

impl Range {
    /// Whether the type has a value.
    pub(super) fn has(&self, value: i64) -> bool {
        match self {
            Self::Days => value != i64::from(i32::MIN),
            Self::Times(range) => range.contains(&value),
            Self::Instants(range) => range.contains(&value) || INFINITE.contains(&value),
        }
    }

    /// Makes sure that values, as bytes of `width` each, are in range or NULL.
    ///
    /// # Errors
    /// Names the first value that is not.
    pub(super) fn check(
        &self,
        bytes: &[u8],
        width: usize,
        is_null: impl Fn(usize) -> bool,
    ) -> Result<(), Fault> {
        let (days, _) = bytes.as_chunks::<4>();
        let (others, _) = bytes.as_chunks::<8>();
        let bad = |value: i64| !self.has(value);
        let found = match width {
            4 => days.iter().map(|day| i32::from_le_bytes(*day).into()).enumerate().find(|(_, v)| bad(*v)),
            _ => others.iter().map(|value| i64::from_le_bytes(*value)).enumerate().find(|(_, v)| bad(*v)),
        };
        let Some((first, _)) = found else { return Ok(()) };
        let value = |row: usize| match width {
            4 => i32::from_le_bytes(days[row]).into(),
            _ => i64::from_le_bytes(others[row]),
        };
        match (first..bytes.len() / width).find(|row| bad(value(*row)) && !is_null(*row)) {
            None => Ok(()),
            Some(row) => Err(Fault::new(format!("the value {} is out of range", value(row)))),
        }
    }
}

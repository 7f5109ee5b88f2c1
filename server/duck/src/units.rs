//! Arrow's units of time as DuckDB's.

use arrow::datatypes::TimeUnit;

/// A count of `unit` in microseconds; `None` beyond 64 bits. What is finer than a microsecond is cut off.
pub(super) fn micros(count: i64, unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Second => count.checked_mul(1_000_000),
        TimeUnit::Millisecond => count.checked_mul(1000),
        TimeUnit::Microsecond => Some(count),
        TimeUnit::Nanosecond => Some(count.div_euclid(1000)),
    }
}

/// The days of a Date64, which counts milliseconds; `None` beyond 32 bits.
pub(super) fn days(millis: i64) -> Option<i32> {
    i32::try_from(millis.div_euclid(86_400_000)).ok()
}

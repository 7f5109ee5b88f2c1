//! Arrow dates, times and intervals as text (LN-02, LN-03).

use crate::fault::{Fault, Result};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeZone};
use serde_json::Value;

const NANOS: i64 = 1_000_000_000;

/// The text of a temporal value; `None` for other types.
pub(super) fn value(array: &ArrayRef, row: usize, kind: &DataType) -> Result<Option<Value>> {
    use DataType as T;
    let text = match kind {
        T::Date32 => date(array.as_primitive::<Date32Type>().value(row)),
        T::Date64 => stamp(array.as_primitive::<Date64Type>().value(row), TimeUnit::Millisecond, None)?,
        T::Time32(TimeUnit::Second) => {
            clock(i64::from(array.as_primitive::<Time32SecondType>().value(row)), TimeUnit::Second)
        }
        T::Time32(unit) => clock(i64::from(array.as_primitive::<Time32MillisecondType>().value(row)), *unit),
        T::Time64(TimeUnit::Microsecond) => {
            clock(array.as_primitive::<Time64MicrosecondType>().value(row), TimeUnit::Microsecond)
        }
        T::Time64(unit) => clock(array.as_primitive::<Time64NanosecondType>().value(row), *unit),
        T::Timestamp(unit, zone) => stamp(ticks(array, row, *unit), *unit, zone.as_deref())?,
        T::Interval(_) | T::Duration(_) => return formatted(array, row).map(Some),
        _ => return Ok(None),
    };
    Ok(Some(Value::String(text)))
}

/// Arrow's own display of an interval is the notation of LN-03.
fn formatted(array: &ArrayRef, row: usize) -> Result<Value> {
    let fault = |error: arrow::error::ArrowError| Fault(format!("reading an interval: {error}"));
    let options = FormatOptions::new();
    let text = ArrayFormatter::try_new(array.as_ref(), &options).map_err(fault)?.value(row).to_string();
    Ok(Value::String(if text.is_empty() { "0 secs".to_owned() } else { text }))
}

fn ticks(array: &dyn Array, row: usize, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
    }
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => NANOS,
    }
}

fn split(ticks: i64, unit: TimeUnit) -> (i64, u32) {
    let per = per_second(unit);
    (ticks.div_euclid(per), u32::try_from(ticks.rem_euclid(per) * (NANOS / per)).unwrap_or(0))
}

fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        days if days == -i32::MAX => "-infinity".to_owned(),
        days => DateTime::from_timestamp(i64::from(days) * 86_400, 0)
            .map_or_else(|| format!("day {days}"), |time| time.format("%Y-%m-%d").to_string()),
    }
}

fn clock(ticks: i64, unit: TimeUnit) -> String {
    let (seconds, nanos) = split(ticks, unit);
    // DuckDB has 24:00:00, which no calendar library does.
    if seconds == 86_400 {
        return "24:00:00".to_owned();
    }
    let time = u32::try_from(seconds)
        .ok()
        .and_then(|seconds| NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos));
    time.map_or_else(
        || format!("tick {ticks}"),
        |time| format!("{}{}", time.format("%H:%M:%S"), fraction(nanos)),
    )
}

fn stamp(ticks: i64, unit: TimeUnit, zone: Option<&str>) -> Result<String> {
    match ticks {
        i64::MAX => return Ok("infinity".to_owned()),
        ticks if ticks == -i64::MAX => return Ok("-infinity".to_owned()),
        _ => {}
    }
    let (seconds, nanos) = split(ticks, unit);
    let Some(time) = DateTime::from_timestamp(seconds, nanos) else { return Ok(format!("tick {ticks}")) };
    let Some(zone) = zone else { return Ok(local(time.naive_utc(), nanos)) };
    let zoned = match zone.parse::<chrono_tz::Tz>() {
        Ok(zone) => offset(zone.from_utc_datetime(&time.naive_utc()).fixed_offset(), nanos),
        Err(_) => match zone.parse::<chrono::FixedOffset>() {
            Ok(fixed) => offset(time.with_timezone(&fixed), nanos),
            Err(_) => return Err(Fault(format!("the server names a time zone nobody knows: {zone}"))),
        },
    };
    Ok(zoned)
}

fn local(time: NaiveDateTime, nanos: u32) -> String {
    format!("{}{}", time.format("%Y-%m-%dT%H:%M:%S"), fraction(nanos))
}

fn offset(time: DateTime<chrono::FixedOffset>, nanos: u32) -> String {
    let zone =
        if time.offset().local_minus_utc() == 0 { "Z".to_owned() } else { time.format("%:z").to_string() };
    format!("{}{zone}", local(time.naive_local(), nanos))
}

/// Nothing, or the shortest exact of 3, 6 or 9 digits.
fn fraction(nanos: u32) -> String {
    match nanos {
        0 => String::new(),
        nanos if nanos % 1_000_000 == 0 => format!(".{:03}", nanos / 1_000_000),
        nanos if nanos % 1_000 == 0 => format!(".{:06}", nanos / 1_000),
        nanos => format!(".{nanos:09}"),
    }
}

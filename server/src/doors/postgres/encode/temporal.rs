//! Dates, times and what lies between them, as PostgreSQL writes them in the styles `ISO` and `postgres`.

use std::io::Write;

use arrow::datatypes::DataType;
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::doors::postgres::report::{Result, SqlReport};

const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;

/// Days from 1970, where DuckDB counts from, to 2000, where PostgreSQL does.
const EPOCH_DAYS: i32 = 10_957;

/// The zone that a column of instants names.
pub(super) fn zone(ty: &DataType) -> Tz {
    match ty {
        DataType::Timestamp(_, Some(zone)) => zone.parse().unwrap_or(Tz::UTC),
        _ => Tz::UTC,
    }
}

/// A day, counted from 1970.
pub(super) fn date(days: i32, out: &mut Vec<u8>) {
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        _ if days == -i32::MAX => out.extend_from_slice(b"-infinity"),
        _ => {
            let is_before_christ = write_day(days.into(), out);
            end(is_before_christ, out);
        }
    }
}

/// Writes a day without its era, and tells whether that is the one before Christ.
fn write_day(days: i64, out: &mut Vec<u8>) -> bool {
    let (year, month, day) = civil(days);
    let is_before_christ = year <= 0;
    let year = if is_before_christ { 1 - year } else { year };
    put(out, format_args!("{year:04}-{month:02}-{day:02}"));
    is_before_christ
}

fn end(is_before_christ: bool, out: &mut Vec<u8>) {
    if is_before_christ {
        out.extend_from_slice(b" BC");
    }
}

/// Year, month and day of a day counted from 1970, in the Gregorian calendar without end: whole eras of 400 years first.
pub(in super::super) fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    let since_march_of_year_zero = days + 719_468;
    let era = since_march_of_year_zero.div_euclid(ERA);
    let day_of_era = since_march_of_year_zero.rem_euclid(ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A time of day in microseconds, with those behind the second that are not zero.
pub(super) fn time(micros: i64, out: &mut Vec<u8>) {
    let seconds = micros / SECOND;
    put(out, format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    fraction(micros % SECOND, out);
}

fn fraction(micros: i64, out: &mut Vec<u8>) {
    if micros != 0 {
        let digits = format!(".{micros:06}");
        out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    }
}

/// A moment without a zone.
pub(super) fn timestamp(micros: i64, out: &mut Vec<u8>) {
    if let Some(name) = infinite(micros) {
        out.extend_from_slice(name);
        return;
    }
    let is_before_christ = write_moment(micros, out);
    end(is_before_christ, out);
}

/// A moment in a zone, with the offset that it has there.
pub(super) fn timestamp_tz(micros: i64, zone: Tz, out: &mut Vec<u8>) {
    if let Some(name) = infinite(micros) {
        out.extend_from_slice(name);
        return;
    }
    let offset = offset(micros, zone);
    let is_before_christ = write_moment(micros.saturating_add(i64::from(offset) * SECOND), out);
    write_offset(offset, out);
    end(is_before_christ, out);
}

fn write_moment(micros: i64, out: &mut Vec<u8>) -> bool {
    let is_before_christ = write_day(micros.div_euclid(DAY), out);
    out.push(b' ');
    time(micros.rem_euclid(DAY), out);
    is_before_christ
}

/// An offset in seconds to the east: hours, and minutes and seconds that are not zero.
fn write_offset(offset: i32, out: &mut Vec<u8>) {
    let distance = offset.abs();
    put(out, format_args!("{}{:02}", if offset < 0 { '-' } else { '+' }, distance / 3600));
    if distance % 3600 != 0 {
        put(out, format_args!(":{:02}", distance / 60 % 60));
    }
    if distance % 60 != 0 {
        put(out, format_args!(":{:02}", distance % 60));
    }
}

/// The offset of a zone at a moment, in seconds to the east; for moments beyond the calendar of the zones, that of its end.
fn offset(micros: i64, zone: Tz) -> i32 {
    let seconds = micros.div_euclid(SECOND).clamp(-60_000_000_000, 250_000_000_000);
    let moment = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    zone.offset_from_utc_datetime(&moment.naive_utc()).fix().local_minus_utc()
}

fn infinite(micros: i64) -> Option<&'static [u8]> {
    match micros {
        i64::MAX => Some(b"infinity"),
        _ if micros == -i64::MAX => Some(b"-infinity"),
        _ => None,
    }
}

/// DuckDB's time with an offset, `01:02:03.500+02:00`, whose zeros behind the last digit PostgreSQL does not write.
pub(super) fn time_tz(text: &str, out: &mut Vec<u8>) {
    let (micros, offset) = read_time_tz(text);
    time(micros, out);
    write_offset(offset, out);
}

/// As [`time_tz`], as bytes: the time, and the distance to the west.
pub(super) fn time_tz_to_binary(text: &str, out: &mut Vec<u8>) {
    let (micros, offset) = read_time_tz(text);
    out.extend_from_slice(&micros.to_be_bytes());
    out.extend_from_slice(&(-offset).to_be_bytes());
}

/// The microseconds of a time and its offset in seconds.
fn read_time_tz(text: &str) -> (i64, i32) {
    let at = text.rfind(['+', '-']).unwrap_or(text.len());
    let (time, offset) = text.split_at(at);
    let number = |text: &str| text.parse::<i64>().unwrap_or_default();
    let sum =
        |text: &str| text.split(':').zip([3600, 60, 1]).map(|(part, unit)| number(part) * unit).sum::<i64>();
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let micros = number(&format!("{fraction:0<6}"));
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let offset = sum(offset.get(1..).unwrap_or_default());
    (sum(time) * SECOND + micros, i32::try_from(sign * offset).unwrap_or_default())
}

/// A day as PostgreSQL counts it.
///
/// # Errors
/// 22008 for one that it has no number for.
pub(super) fn days(days: i32) -> Result<i32> {
    match days {
        i32::MAX => Ok(i32::MAX),
        _ if days == -i32::MAX => Ok(i32::MIN),
        _ => days.checked_sub(EPOCH_DAYS).ok_or_else(|| out_of_range("date")),
    }
}

/// A moment as PostgreSQL counts it.
///
/// # Errors
/// 22008 for one that it has no number for.
pub(super) fn micros(micros: i64) -> Result<i64> {
    match micros {
        i64::MAX => Ok(i64::MAX),
        _ if micros == -i64::MAX => Ok(i64::MIN),
        _ => micros.checked_sub(i64::from(EPOCH_DAYS) * DAY).ok_or_else(|| out_of_range("timestamp")),
    }
}

fn out_of_range(what: &str) -> SqlReport {
    SqlReport::error("22008", format!("{what} out of range"))
}

/// An interval's three parts, none of which is ever carried into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    months: i32,
    days: i32,
    micros: i64,
}

impl Interval {
    /// Reads the engine's exact text, such as `1 mons 2 days 3 hours 4 mins 5.500000000 secs`.
    ///
    /// # Errors
    /// XX000 for another text.
    pub(super) fn read(text: &str) -> Result<Self> {
        Self::parse(text).ok_or_else(|| SqlReport::error("XX000", "an interval cannot be read"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (mut months, mut days, mut micros) = (0, 0, 0_i64);
        let mut words = text.split(' ');
        while let Some(number) = words.next() {
            let times = |unit: i64| number.parse::<i64>().ok()?.checked_mul(unit);
            match words.next()? {
                "mons" => months = number.parse().ok()?,
                "days" => days = number.parse().ok()?,
                "hours" => micros = micros.checked_add(times(3600 * SECOND)?)?,
                "mins" => micros = micros.checked_add(times(60 * SECOND)?)?,
                "secs" => micros = micros.checked_add(seconds(number)?)?,
                _ => return None,
            }
        }
        Some(Self { months, days, micros })
    }

    /// As bytes.
    pub(super) fn binary(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.micros.to_be_bytes());
        out.extend_from_slice(&self.days.to_be_bytes());
        out.extend_from_slice(&self.months.to_be_bytes());
    }

    /// In PostgreSQL's own style, in which a positive part behind a negative one has its sign.
    pub(super) fn text(self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut was_negative = false;
        let parts = [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")];
        for (count, name) in parts.into_iter().filter(|(count, _)| *count != 0) {
            let blank = if out.len() > start { " " } else { "" };
            let sign = if was_negative && count > 0 { "+" } else { "" };
            put(out, format_args!("{blank}{sign}{count} {name}{}", if count == 1 { "" } else { "s" }));
            was_negative = count < 0;
        }
        if self.micros == 0 && out.len() > start {
            return;
        }
        let blank = if out.len() > start { " " } else { "" };
        let sign = match self.micros {
            ..0 => "-",
            _ if was_negative => "+",
            _ => "",
        };
        let distance = self.micros.unsigned_abs();
        let seconds = distance / 1_000_000;
        put(
            out,
            format_args!("{blank}{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        );
        fraction((distance % 1_000_000).cast_signed(), out);
    }
}

/// Seconds with a fraction of nine digits, in microseconds.
fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    let fraction = fraction.get(..6).unwrap_or("0").parse::<i64>().ok()?;
    Some(whole.parse::<i64>().ok()? * SECOND + sign * fraction)
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[rstest]
    #[case(0, "1970-01-01")]
    #[case(-719_163, "0001-12-31 BC")]
    #[case(-719_162, "0001-01-01")]
    #[case(2_932_897, "10000-01-01")]
    #[case(19_782, "2024-02-29")]
    #[case(i32::MAX, "infinity")]
    fn dates(#[case] days: i32, #[case] expected: &str) {
        assert_eq!(written(|out| date(days, out)), expected);
    }

    #[rstest]
    #[case(0, "1970-01-01 00:00:00")]
    #[case(-1, "1969-12-31 23:59:59.999999")]
    #[case(1_500_000, "1970-01-01 00:00:01.5")]
    #[case(-i64::MAX, "-infinity")]
    fn timestamps(#[case] micros: i64, #[case] expected: &str) {
        assert_eq!(written(|out| timestamp(micros, out)), expected);
    }

    #[rstest]
    #[case("UTC", "1970-01-01 00:00:00+00")]
    #[case("Asia/Kolkata", "1970-01-01 05:30:00+05:30")]
    #[case("America/New_York", "1969-12-31 19:00:00-05")]
    fn moments_in_zones(#[case] zone: &str, #[case] expected: &str) {
        assert_eq!(written(|out| timestamp_tz(0, zone.parse().unwrap(), out)), expected);
    }

    #[rstest]
    #[case("01:02:03.500+02:00", "01:02:03.5+02")]
    #[case("00:00:00-05:30", "00:00:00-05:30")]
    #[case("24:00:00+15:59:59", "24:00:00+15:59:59")]
    fn times_with_offsets(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(written(|out| time_tz(text, out)), expected);
    }

    #[rstest]
    #[case("0 secs", "00:00:00")]
    #[case("1 mons 2 days 3 hours 4 mins 5.500000000 secs", "1 mon 2 days 03:04:05.5")]
    #[case("-13 mons", "-1 years -1 mons")]
    #[case("-1 days 1 hours", "-1 days +01:00:00")]
    #[case("-1 mins -30.000000000 secs", "-00:01:30")]
    #[case("-0.000001000 secs", "-00:00:00.000001")]
    fn intervals(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(written(|out| Interval::read(text).unwrap().text(out)), expected);
    }

    #[test]
    fn the_longest_intervals_are_exact() {
        let longest = "2147483647 mons -2147483648 days 2562047788 hours 54.775807000 secs";
        let expected = Interval { months: i32::MAX, days: i32::MIN, micros: i64::MAX };
        assert_eq!(Interval::read(longest), Ok(expected));
        let least = Interval { months: 0, days: 0, micros: i64::MIN };
        assert_eq!(Interval::read("-2562047788 hours -54.775808000 secs"), Ok(least));
    }

    #[test]
    fn moments_that_postgresql_cannot_count_are_errors() {
        assert!(days(-i32::MAX + 1).is_err() && micros(i64::MIN + 2).is_err());
        assert_eq!((days(i32::MAX), micros(-i64::MAX)), (Ok(i32::MAX), Ok(i64::MIN)));
    }
}

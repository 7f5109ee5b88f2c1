//! Dates, times and intervals as text, without quotes (LN-01 to LN-03).

use arrow::datatypes::IntervalMonthDayNano;

use super::number::integer;
use super::zone::Zone;

const DAY_SECONDS: i64 = 86_400;

/// The unit that a column counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

impl Unit {
    fn per_second(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Millisecond => 1_000,
            Self::Microsecond => 1_000_000,
            Self::Nanosecond => 1_000_000_000,
        }
    }

    /// Splits a count into whole seconds and nanoseconds from 0 to 999,999,999.
    fn split(self, value: i64) -> (i64, i64) {
        let per_second = self.per_second();
        (value.div_euclid(per_second), value.rem_euclid(per_second) * (1_000_000_000 / per_second))
    }
}

/// Appends a date counted in days since 1970; DuckDB's two extremes are infinite.
pub(super) fn date(days: i32, out: &mut Vec<u8>) {
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        d if d == -i32::MAX => out.extend_from_slice(b"-infinity"),
        days => {
            let before_christ = calendar_day(i64::from(days), out);
            out.extend_from_slice(before_christ.suffix());
        }
    }
}

/// Appends a time of day; `24:00:00` is one.
pub(super) fn time(value: i64, unit: Unit, out: &mut Vec<u8>) {
    let (seconds, nanos) = unit.split(value);
    clock(seconds, nanos, out);
}

/// Appends a timestamp; DuckDB's two extremes are infinite.
pub(super) fn timestamp(value: i64, unit: Unit, out: &mut Vec<u8>) {
    if infinite(value, out) {
        return;
    }
    let (seconds, nanos) = unit.split(value);
    local(seconds, nanos, out);
}

/// Appends an instant in microseconds as RFC 3339 in `zone`, `Z` for offset zero.
pub(super) fn timestamp_tz(micros: i64, zone: &Zone, out: &mut Vec<u8>) {
    if infinite(micros, out) {
        return;
    }
    let (seconds, nanos) = Unit::Microsecond.split(micros);
    let offset = zone.offset_seconds(seconds);
    local(seconds + i64::from(offset), nanos, out);
    utc_offset(offset, out);
}

/// Appends a TIMETZ given in DuckDB's text (`01:02:03.5+02`), its fraction and offset as LN writes them.
pub(super) fn time_tz(text: &str, out: &mut Vec<u8>) {
    let Some(sign) = text.rfind(['+', '-']) else {
        return out.extend_from_slice(text.as_bytes());
    };
    let (clock, offset) = text.split_at(sign);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    out.extend_from_slice(whole.as_bytes());
    let nanos = format!("{fraction:0<9.9}").parse().unwrap_or(0);
    fractional(nanos, out);
    out.extend_from_slice(offset.as_bytes());
    if !offset.contains(':') {
        out.extend_from_slice(b":00");
    }
}

/// Appends an interval as its non-zero parts (LN-03).
pub(super) fn interval(value: IntervalMonthDayNano, out: &mut Vec<u8>) {
    const NANOS: i64 = 1_000_000_000;
    let start = out.len();
    let seconds = value.nanoseconds / NANOS;
    let parts = [
        (i64::from(value.months), "mons"),
        (i64::from(value.days), "days"),
        (seconds / 3600, "hours"),
        (seconds / 60 % 60, "mins"),
    ];
    for (count, name) in parts.into_iter().filter(|(count, _)| *count != 0) {
        integer(count, out);
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
    }
    let rest = value.nanoseconds % (60 * NANOS);
    if rest != 0 {
        if rest < 0 {
            out.push(b'-');
        }
        integer(rest.unsigned_abs() / 1_000_000_000, out);
        out.push(b'.');
        padded(rest.unsigned_abs() % 1_000_000_000, 9, out);
        out.extend_from_slice(b" secs");
    } else if out.len() == start {
        out.extend_from_slice(b"0 secs");
    } else {
        out.pop();
    }
}

fn infinite(value: i64, out: &mut Vec<u8>) -> bool {
    match value {
        i64::MAX => out.extend_from_slice(b"infinity"),
        v if v == -i64::MAX => out.extend_from_slice(b"-infinity"),
        _ => return false,
    }
    true
}

/// Appends `2024-01-15T13:45:00` with its fraction, and the era at the end where there is one.
fn local(seconds: i64, nanos: i64, out: &mut Vec<u8>) {
    let era = calendar_day(seconds.div_euclid(DAY_SECONDS), out);
    out.push(b'T');
    clock(seconds.rem_euclid(DAY_SECONDS), nanos, out);
    out.extend_from_slice(era.suffix());
}

fn clock(seconds: i64, nanos: i64, out: &mut Vec<u8>) {
    let two = |n: i64| [b'0' + (n / 10).to_le_bytes()[0], b'0' + (n % 10).to_le_bytes()[0]];
    let ([h, i], [m, n], [s, t]) = (two(seconds / 3600), two(seconds / 60 % 60), two(seconds % 60));
    out.extend_from_slice(&[h, i, b':', m, n, b':', s, t]);
    fractional(nanos, out);
}

/// Appends nothing, or the shortest exact of 3, 6 or 9 digits (LN-02).
fn fractional(nanos: i64, out: &mut Vec<u8>) {
    if nanos == 0 {
        return;
    }
    out.push(b'.');
    let nanos = nanos.unsigned_abs();
    if nanos.is_multiple_of(1_000_000) {
        padded(nanos / 1_000_000, 3, out);
    } else if nanos.is_multiple_of(1_000) {
        padded(nanos / 1_000, 6, out);
    } else {
        padded(nanos, 9, out);
    }
}

fn utc_offset(offset: i32, out: &mut Vec<u8>) {
    if offset == 0 {
        return out.push(b'Z');
    }
    out.push(if offset < 0 { b'-' } else { b'+' });
    let seconds = u64::from(offset.unsigned_abs());
    padded(seconds / 3600, 2, out);
    out.push(b':');
    padded(seconds / 60 % 60, 2, out);
    if seconds % 60 != 0 {
        // Local mean times before standard zones; DuckDB writes their seconds too.
        out.push(b':');
        padded(seconds % 60, 2, out);
    }
}

/// Appends `value` with leading zeros up to `width` digits.
fn padded(value: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    out.resize(out.len() + width.saturating_sub(digits.len()), b'0');
    out.extend_from_slice(digits);
}

/// The era of a year, which DuckDB writes after the whole value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Era {
    Common,
    BeforeChrist,
}

impl Era {
    fn suffix(self) -> &'static [u8] {
        match self {
            Self::Common => b"",
            Self::BeforeChrist => b" (BC)",
        }
    }
}

/// Appends `2024-01-15` for a count of days since 1970, and returns the era of its year.
fn calendar_day(days: i64, out: &mut Vec<u8>) -> Era {
    let (year, month, day) = civil(days);
    let (year, era) = if year > 0 { (year, Era::Common) } else { (1 - year, Era::BeforeChrist) };
    padded(year.unsigned_abs(), 4, out);
    out.push(b'-');
    padded(month, 2, out);
    out.push(b'-');
    padded(day, 2, out);
    era
}

/// The proleptic Gregorian year, month and day of a count of days since 1970.
///
/// Years are counted from March, so that the leap day is the last of its year, in eras of 400 years.
fn civil(days: i64) -> (i64, u64, u64) {
    const ERA_DAYS: i64 = 146_097;
    let shifted = days + 719_468;
    let era = shifted.div_euclid(ERA_DAYS);
    let day_of_era = shifted.rem_euclid(ERA_DAYS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month.unsigned_abs(), day.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[rstest]
    #[case(0, "1970-01-01")]
    #[case(19_737, "2024-01-15")]
    #[case(19_782, "2024-02-29")]
    #[case(-1, "1969-12-31")]
    #[case(-719_162, "0001-01-01")]
    #[case(-719_163, "0001-12-31 (BC)")]
    #[case(2_932_897, "10000-01-01")]
    #[case(i32::MAX, "infinity")]
    #[case(-i32::MAX, "-infinity")]
    fn dates(#[case] days: i32, #[case] expected: &str) {
        assert_eq!(text(|out| date(days, out)), expected);
    }

    #[rstest]
    #[case(0, Unit::Second, "1970-01-01T00:00:00")]
    #[case(-1, Unit::Millisecond, "1969-12-31T23:59:59.999")]
    #[case(1_705_326_300_120_000, Unit::Microsecond, "2024-01-15T13:45:00.120")]
    #[case(1_705_326_300_120_001, Unit::Microsecond, "2024-01-15T13:45:00.120001")]
    #[case(1_705_326_300_000_000_001, Unit::Nanosecond, "2024-01-15T13:45:00.000000001")]
    #[case(i64::MAX, Unit::Nanosecond, "infinity")]
    #[case(-i64::MAX, Unit::Second, "-infinity")]
    fn timestamps(#[case] value: i64, #[case] unit: Unit, #[case] expected: &str) {
        assert_eq!(text(|out| timestamp(value, unit, out)), expected);
    }

    #[rstest]
    #[case(3_723_123_456, Unit::Microsecond, "01:02:03.123456")]
    #[case(86_400_000_000, Unit::Microsecond, "24:00:00")]
    #[case(1, Unit::Nanosecond, "00:00:00.000000001")]
    fn times(#[case] value: i64, #[case] unit: Unit, #[case] expected: &str) {
        assert_eq!(text(|out| time(value, unit, out)), expected);
    }

    #[rstest]
    #[case("01:02:03+02", "01:02:03+02:00")]
    #[case("01:02:03.5-05:30", "01:02:03.500-05:30")]
    #[case("01:02:03.123456+00", "01:02:03.123456+00:00")]
    #[case("24:00:00-15:59:59", "24:00:00-15:59:59")]
    fn times_with_zone(#[case] duckdb: &str, #[case] expected: &str) {
        assert_eq!(text(|out| time_tz(duckdb, out)), expected);
    }

    #[rstest]
    #[case("Etc/UTC", 1_705_326_300_000_000, "2024-01-15T13:45:00Z")]
    #[case("Europe/Paris", 1_705_326_300_500_000, "2024-01-15T14:45:00.500+01:00")]
    #[case("Europe/Paris", 1_720_000_000_000_000, "2024-07-03T11:46:40+02:00")]
    #[case("Asia/Kolkata", 0, "1970-01-01T05:30:00+05:30")]
    #[case("America/St_Johns", 0, "1969-12-31T20:30:00-03:30")]
    #[case("Africa/Monrovia", 0, "1969-12-31T23:15:30-00:44:30")]
    #[case("Europe/London", i64::MAX, "infinity")]
    fn instants(#[case] zone: &str, #[case] micros: i64, #[case] expected: &str) {
        let zone = Zone::named(zone);
        assert_eq!(text(|out| timestamp_tz(micros, &zone, out)), expected);
    }

    #[rstest]
    #[case(0, 0, 0, "0 secs")]
    #[case(1, 2, 11_045_500_000_000, "1 mons 2 days 3 hours 4 mins 5.500000000 secs")]
    #[case(-13, 0, 0, "-13 mons")]
    #[case(0, 0, -90_000_000_000, "-1 mins -30.000000000 secs")]
    #[case(0, 1, -1, "1 days -0.000000001 secs")]
    #[case(0, 0, 90_000_000_000_000, "25 hours")]
    fn intervals(#[case] months: i32, #[case] days: i32, #[case] nanos: i64, #[case] expected: &str) {
        let value = IntervalMonthDayNano::new(months, days, nanos);
        assert_eq!(text(|out| interval(value, out)), expected);
    }
}

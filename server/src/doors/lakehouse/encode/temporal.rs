//! Dates and times as text, without quotes (LN-01, LN-02).

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
        days => calendar_day(i64::from(days), out),
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

/// Appends an instant in microseconds as RFC 3339 in `zone`, `Z` for offset zero. Where the zone's offset has seconds, as
/// before standard time, the nearest whole minute stands for it, as RFC 3339 (5.8) has it, in the local time as well.
pub(super) fn timestamp_tz(micros: i64, zone: &Zone, out: &mut Vec<u8>) {
    if infinite(micros, out) {
        return;
    }
    let (seconds, nanos) = Unit::Microsecond.split(micros);
    let offset = (zone.offset_seconds(seconds) + 30).div_euclid(60) * 60;
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

fn infinite(value: i64, out: &mut Vec<u8>) -> bool {
    match value {
        i64::MAX => out.extend_from_slice(b"infinity"),
        v if v == -i64::MAX => out.extend_from_slice(b"-infinity"),
        _ => return false,
    }
    true
}

/// Appends `2024-01-15T13:45:00` with its fraction.
fn local(seconds: i64, nanos: i64, out: &mut Vec<u8>) {
    calendar_day(seconds.div_euclid(DAY_SECONDS), out);
    out.push(b'T');
    clock(seconds.rem_euclid(DAY_SECONDS), nanos, out);
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
}

/// Appends `value` with leading zeros up to `width` digits.
fn padded(value: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    out.resize(out.len() + width.saturating_sub(digits.len()), b'0');
    out.extend_from_slice(digits);
}

/// Appends `2024-01-15` for a count of days since 1970: years before the first as DuckDB writes them, `0044-03-15 (BC)`, and
/// those beyond 9999 with all of their digits.
fn calendar_day(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil(days);
    padded(if year > 0 { year } else { 1 - year }.unsigned_abs(), 4, out);
    out.push(b'-');
    padded(month, 2, out);
    out.push(b'-');
    padded(day, 2, out);
    if year <= 0 {
        out.extend_from_slice(b" (BC)");
    }
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
    #[case("Africa/Monrovia", 0, "1969-12-31T23:16:00-00:44")]
    #[case("America/New_York", -5_364_662_400_000_000, "1799-12-31T19:04:00-04:56")]
    #[case("Asia/Kolkata", -5_364_662_400_000_000, "1800-01-01T05:53:00+05:53")]
    #[case("America/New_York", -63_517_780_800_000_000, "0044-03-15 (BC)T07:04:00-04:56")]
    #[case("Etc/UTC", -62_167_219_200_000_000, "0001-01-01 (BC)T00:00:00Z")]
    #[case("Etc/UTC", 253_402_300_800_000_000, "10000-01-01T00:00:00Z")]
    #[case("Europe/London", i64::MAX, "infinity")]
    fn instants(#[case] zone: &str, #[case] micros: i64, #[case] expected: &str) {
        let zone = Zone::named(zone);
        assert_eq!(text(|out| timestamp_tz(micros, &zone, out)), expected);
    }
}

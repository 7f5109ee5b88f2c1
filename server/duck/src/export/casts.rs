//! Values as text, the way DuckDB casts them to VARCHAR.

use std::fmt::{self, Display, Write};

use libduckdb_sys as ffi;

/// A DATE, such as `2024-01-15` or `0044-03-15 (BC)`.
pub(super) struct Date(pub(super) i32);

impl Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            i32::MAX => f.write_str("infinity"),
            days if days == -i32::MAX => f.write_str("-infinity"),
            days => write_day(f, days.into()),
        }
    }
}

/// Days since 1970 in the proleptic Gregorian calendar; the year before 1 is 1 BC.
fn write_day(f: &mut fmt::Formatter<'_>, days: i64) -> fmt::Result {
    // Counted from March 1st of year 0, leap days are the last of their year, and 400 years are one era.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months = (5 * day_of_year + 2) / 153;
    let (day, month) =
        (day_of_year - (153 * months + 2) / 5 + 1, if months < 10 { months + 3 } else { months - 9 });
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    match year {
        1.. => write!(f, "{year:04}-{month:02}-{day:02}"),
        _ => write!(f, "{:04}-{month:02}-{day:02} (BC)", 1 - year),
    }
}

/// A time of day in `per_second` units, such as `01:02:03.5`.
pub(super) struct Time {
    pub(super) count: i64,
    pub(super) per_second: i64,
}

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, fraction) = (self.count / self.per_second, self.count % self.per_second);
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        write_fraction(f, fraction, self.per_second)
    }
}

/// The digits behind the point, without zeros at their end.
fn write_fraction(f: &mut fmt::Formatter<'_>, fraction: i64, per_second: i64) -> fmt::Result {
    if fraction == 0 {
        return Ok(());
    }
    let digits = per_second.ilog10() as usize;
    let text = format!("{fraction:0digits$}");
    write!(f, ".{}", text.trim_end_matches('0'))
}

/// A timestamp in `per_second` units since 1970, such as `2024-01-15 13:45:00`.
pub(super) struct Timestamp {
    pub(super) count: i64,
    pub(super) per_second: i64,
}

impl Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            i64::MAX => return f.write_str("infinity"),
            count if count == -i64::MAX => return f.write_str("-infinity"),
            _ => {}
        }
        let day = 86_400 * self.per_second;
        write_day(f, self.count.div_euclid(day))?;
        write!(f, " {}", Time { count: self.count.rem_euclid(day), per_second: self.per_second })
    }
}

/// A TIMETZ, such as `01:02:03+02` or `01:02:03-02:30`.
pub(super) struct TimeTz(pub(super) ffi::duckdb_time_tz);

impl Display for TimeTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, offset) = split_time_tz(self.0);
        let (sign, distance) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
        write!(f, "{}{sign}{:02}", Time { count, per_second: 1_000_000 }, distance / 3600)?;
        match (distance / 60 % 60, distance % 60) {
            (0, 0) => Ok(()),
            (minutes, 0) => write!(f, ":{minutes:02}"),
            (0, seconds) => write!(f, ":{seconds:02}"),
            (minutes, seconds) => write!(f, ":{minutes:02}:{seconds:02}"),
        }
    }
}

/// The local time in microseconds, and the offset from UTC in seconds: 40 bits of the one, and 24 bits that
/// count the other down from +15:59:59, so that the values sort by their instant.
pub(super) fn split_time_tz(value: ffi::duckdb_time_tz) -> (i64, i64) {
    const MAX_OFFSET: i64 = 16 * 3600 - 1;
    ((value.bits >> 24).cast_signed(), MAX_OFFSET - (value.bits & 0xff_ffff).cast_signed())
}

/// An INTERVAL, such as `1 year 2 months 3 days 04:05:06.5`.
pub(super) struct Interval(pub(super) ffi::duckdb_interval);

impl Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ffi::duckdb_interval { months, days, micros }) = *self;
        let mut separator = "";
        for (count, unit) in [(months / 12, "year"), (months % 12, "month"), (days, "day")] {
            if count != 0 {
                let plural = if count.abs() == 1 { "" } else { "s" };
                write!(f, "{separator}{count} {unit}{plural}")?;
                separator = " ";
            }
        }
        if micros == 0 && !separator.is_empty() {
            return Ok(());
        }
        let (sign, distance) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
        let (seconds, fraction) = (distance / 1_000_000, (distance % 1_000_000).cast_signed());
        write!(f, "{separator}{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        write_fraction(f, fraction, 1_000_000)
    }
}

/// A DECIMAL from its digits; one without digits before its point starts with the point.
pub(super) struct Decimal {
    pub(super) value: i128,
    pub(super) width: u32,
    pub(super) scale: u32,
}

impl Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u128.saturating_pow(self.scale);
        let (sign, digits) = (if self.value < 0 { "-" } else { "" }, self.value.unsigned_abs());
        f.write_str(sign)?;
        if self.width > self.scale {
            write!(f, "{}", digits / unit)?;
        }
        match self.scale as usize {
            0 => Ok(()),
            scale => write!(f, ".{:0scale$}", digits % unit),
        }
    }
}

/// A BLOB: printable ASCII as it is, all else as `\xAB`.
pub(super) struct Blob<'a>(pub(super) &'a [u8]);

impl Display for Blob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| match byte {
            b'\\' | b'\'' | b'"' => write!(f, "\\x{byte:02X}"),
            b' '..=b'~' => f.write_char(char::from(*byte)),
            _ => write!(f, "\\x{byte:02X}"),
        })
    }
}

/// The shortest digits that give a finite number back, without its sign, and where their point is: `0.digits`
/// times ten to the power of the second. Where two are as close, the even one: so do DuckDB's printers.
pub(super) fn shortest_digits(value: f64) -> (String, i32) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let leading = digits.len() - significant.len();
    // A double's digits and exponent have at most three digits each.
    let point = (whole.len() as i32) - (leading as i32) + exponent.parse::<i32>().unwrap_or_default();
    (significant.trim_end_matches('0').to_owned(), point)
}

/// Digits with a point, as many zeros as that needs before and behind them.
pub(super) fn write_fixed(f: &mut dyn Write, digits: &str, point: i32) -> fmt::Result {
    match usize::try_from(point) {
        Ok(point @ 1..) if point < digits.len() => write!(f, "{}.{}", &digits[..point], &digits[point..]),
        Ok(point @ 1..) => write!(f, "{digits:0<point$}.0"),
        _ => write!(f, "0.{:0>width$}", digits, width = digits.len() + point.unsigned_abs() as usize),
    }
}

/// Digits as a mantissa of one digit before the point.
pub(super) fn write_mantissa(f: &mut dyn Write, digits: &str) -> fmt::Result {
    match digits.split_at(1) {
        (first, "") => f.write_str(first),
        (first, rest) => write!(f, "{first}.{rest}"),
    }
}

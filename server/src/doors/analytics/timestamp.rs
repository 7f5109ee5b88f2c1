//! The timestamps clients send (AT-02), read exactly: no instant passes through a float.

use chrono::NaiveDate;

use engine::events::Micros;

const SECOND: i64 = 1_000_000;
/// The calendar's edges: 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z.
const FIRST: i64 = -62_135_596_800 * SECOND;
const LAST: i64 = 253_402_300_800 * SECOND - 1;

fn in_calendar(micros: i64) -> Option<Micros> {
    (FIRST..=LAST).contains(&micros).then_some(Micros(micros))
}

/// Reads a JSON number: Unix seconds below 1e11 in magnitude, else milliseconds. Parts of a microsecond are cut.
pub(super) fn from_number(text: &str) -> Option<Micros> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some(Micros(0));
    }
    // An exponent beyond 32 bits puts any number we could receive out of range, or makes it zero.
    let exponent = exponent.parse::<i64>().map_or_else(
        |_| if exponent.starts_with('-') { i64::from(i32::MIN) } else { i64::from(i32::MAX) },
        |exponent| exponent.clamp(i32::MIN.into(), i32::MAX.into()),
    );
    let count = |text: &str| i64::try_from(text.len()).ok();
    let whole_digits = count(significant)? - count(fraction)? + exponent;
    let kept = whole_digits + if whole_digits <= 11 { 6 } else { 3 };
    if kept <= 0 {
        return Some(Micros(0));
    }
    if kept > 18 {
        return None;
    }
    let kept = usize::try_from(kept).ok()?;
    let micros = format!("{:0<kept$}", significant.get(..kept).unwrap_or(significant)).parse::<i64>().ok()?;
    in_calendar(sign * micros)
}

/// Reads ISO 8601: a date, or a date and a time with `T` or a blank between them, an offset, `Z` or neither (UTC).
pub(super) fn from_text(text: &str) -> Option<Micros> {
    let mut rest = Reader(text.as_bytes());
    let year = rest.digits(4)?;
    rest.byte(b"-")?;
    let month = rest.digits(2)?;
    rest.byte(b"-")?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, rest.digits(2)?)?;
    let mut micros = date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros();
    if !rest.0.is_empty() {
        rest.byte(b"Tt ")?;
        micros += time(&mut rest)? - offset(&mut rest)?;
    }
    rest.0.is_empty().then_some(micros).and_then(in_calendar)
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.f`, as microseconds since midnight.
fn time(rest: &mut Reader<'_>) -> Option<i64> {
    let minutes = hour_and_minute(rest)?;
    if rest.byte(b":").is_none() {
        return Some(minutes * 60 * SECOND);
    }
    let seconds = i64::from(rest.digits(2).filter(|&seconds| seconds < 60)?);
    let fraction = if rest.byte(b".").is_some() { rest.fraction()? } else { 0 };
    Some((minutes * 60 + seconds) * SECOND + fraction)
}

fn hour_and_minute(rest: &mut Reader<'_>) -> Option<i64> {
    let hour = rest.digits(2).filter(|&hour| hour < 24)?;
    rest.byte(b":")?;
    let minute = rest.digits(2).filter(|&minute| minute < 60)?;
    Some(i64::from(hour * 60 + minute))
}

/// `Z`, `±HH:MM`, `±HHMM`, `±HH` or nothing, as microseconds to subtract.
fn offset(rest: &mut Reader<'_>) -> Option<i64> {
    if rest.0.is_empty() || rest.byte(b"Zz").is_some() {
        return Some(0);
    }
    let sign = if rest.byte(b"+-")? == b'-' { -1 } else { 1 };
    let hour = rest.digits(2).filter(|&hour| hour < 24)?;
    let has_colon = rest.byte(b":").is_some();
    let minute =
        if rest.0.is_empty() && !has_colon { 0 } else { rest.digits(2).filter(|&minute| minute < 60)? };
    Some(sign * i64::from(hour * 60 + minute) * 60 * SECOND)
}

/// What is left of the text.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// Takes the next byte if it is one of `these`.
    fn byte(&mut self, these: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        these.contains(&first).then(|| {
            self.0 = rest;
            first
        })
    }

    /// Takes exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
    }

    /// Takes 1 to 9 digits of a second's fraction, cut to microseconds.
    fn fraction(&mut self) -> Option<i64> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(
            (0..6)
                .fold(0, |value, at| value * 10 + digits.get(at).map_or(0, |digit| i64::from(digit - b'0'))),
        )
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use rstest::rstest;

    use super::*;

    fn shown(instant: Option<Micros>) -> Option<String> {
        let instant = DateTime::from_timestamp_micros(instant?.0)?;
        Some(instant.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
    }

    #[rstest]
    #[case::seconds("1705314600", Some("2024-01-15T10:30:00.000000Z"))]
    #[case::fraction("1705314600.123456", Some("2024-01-15T10:30:00.123456Z"))]
    #[case::cut("1705314600.1234569", Some("2024-01-15T10:30:00.123456Z"))]
    #[case::milliseconds("1705314600123", Some("2024-01-15T10:30:00.123000Z"))]
    #[case::millisecond_fraction("1705314600123.4567", Some("2024-01-15T10:30:00.123456Z"))]
    #[case::exponent("1.7053146e9", Some("2024-01-15T10:30:00.000000Z"))]
    #[case::negative_exponent("17053146001e-1", Some("2024-01-15T10:30:00.100000Z"))]
    #[case::zero("-0.0e99999999999999999999", Some("1970-01-01T00:00:00.000000Z"))]
    #[case::before_the_epoch("-1.5", Some("1969-12-31T23:59:58.500000Z"))]
    #[case::largest_seconds("99999999999", Some("5138-11-16T09:46:39.000000Z"))]
    #[case::just_below("99999999999.999999", Some("5138-11-16T09:46:39.999999Z"))]
    #[case::smallest_milliseconds("100000000000", Some("1973-03-03T09:46:40.000000Z"))]
    #[case::smallest_milliseconds_exponent("1e11", Some("1973-03-03T09:46:40.000000Z"))]
    #[case::negative_milliseconds("-100000000000", Some("1966-10-31T14:13:20.000000Z"))]
    #[case::end_of_year_9999("253402300799999.999999", Some("9999-12-31T23:59:59.999999Z"))]
    #[case::year_10000("253402300800000", None)]
    #[case::start_of_year_1("-62135596800000", Some("0001-01-01T00:00:00.000000Z"))]
    #[case::year_0("-62135596800001", None)]
    #[case::tiny("1e-400", Some("1970-01-01T00:00:00.000000Z"))]
    #[case::huge("1e400", None)]
    #[case::endless("1e99999999999999999999", None)]
    #[case::vanishing("1e-99999999999999999999", Some("1970-01-01T00:00:00.000000Z"))]
    fn numbers(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(shown(from_number(text)).as_deref(), expected);
    }

    #[rstest]
    #[case::utc("2024-01-15T10:30:00Z", Some("2024-01-15T10:30:00.000000Z"))]
    #[case::blank("2024-01-15 10:30:00", Some("2024-01-15T10:30:00.000000Z"))]
    #[case::no_seconds("2024-01-15T10:30Z", Some("2024-01-15T10:30:00.000000Z"))]
    #[case::offset("2024-01-15T10:30:00.5+02:00", Some("2024-01-15T08:30:00.500000Z"))]
    #[case::negative_offset("2024-01-15T10:30:00-0530", Some("2024-01-15T16:00:00.000000Z"))]
    #[case::short_offset("2024-01-15T10:30:00+02", Some("2024-01-15T08:30:00.000000Z"))]
    #[case::nanoseconds("2024-01-15T10:30:00.123456789Z", Some("2024-01-15T10:30:00.123456Z"))]
    #[case::bare_date("2024-02-29", Some("2024-02-29T00:00:00.000000Z"))]
    #[case::first_instant("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00.000000Z"))]
    #[case::last_instant("9999-12-31T23:59:59.999999999Z", Some("9999-12-31T23:59:59.999999Z"))]
    #[case::before_the_first("0001-01-01T00:00:00+00:01", None)]
    #[case::after_the_last("9999-12-31T23:59:59-00:01", None)]
    #[case::year_zero("0000-12-31T23:59:59Z", None)]
    #[case::five_digit_year("10000-01-01T00:00:00Z", None)]
    #[case::signed_year("+2024-01-15T00:00:00Z", None)]
    #[case::no_leap_day("2023-02-29", None)]
    #[case::month_13("2024-13-01", None)]
    #[case::hour_24("2024-01-15T24:00:00Z", None)]
    #[case::second_60("2016-12-31T23:59:60Z", None)]
    #[case::ten_digits("2024-01-15T10:30:00.1234567890Z", None)]
    #[case::no_digits("2024-01-15T10:30:00.Z", None)]
    #[case::half_an_offset("2024-01-15T10:30:00+02:", None)]
    #[case::wide_offset("2024-01-15T10:30:00+24:00", None)]
    #[case::date_with_zone("2024-01-15Z", None)]
    #[case::trailing("2024-01-15T10:30:00Z ", None)]
    #[case::leading(" 2024-01-15", None)]
    #[case::empty("", None)]
    #[case::words("yesterday", None)]
    #[case::digits_in_text("1705314600", None)]
    #[case::other_digits("２０２４-01-15", None)]
    fn texts(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(shown(from_text(text)).as_deref(), expected);
    }

    proptest::proptest! {
        #[test]
        fn every_written_instant_is_read_back(micros in FIRST..=LAST) {
            let text = DateTime::from_timestamp_micros(micros).unwrap().to_rfc3339();
            proptest::prop_assert_eq!(from_text(&text), Some(Micros(micros)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}", number in "-?[0-9]{1,30}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,25})?") {
            let _ = from_text(&text);
            let read = from_number(&number);
            proptest::prop_assert!(read.is_none_or(|Micros(at)| (FIRST..=LAST).contains(&at)));
        }
    }
}

//! Durations as ISO 8601 writes them, or in milliseconds (CK-1).

use chrono::{DateTime, Months, TimeDelta, Utc};
use serde_json::Value;

/// A duration: months by the calendar, and the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lapse {
    months: u32,
    rest: TimeDelta,
}

/// What a letter stands for after `P`, and after the `T`: months, or microseconds.
const DATE: [(char, LapseUnit); 4] = [
    ('Y', LapseUnit::Months(12)),
    ('M', LapseUnit::Months(1)),
    ('W', LapseUnit::Micros(7 * DAY)),
    ('D', LapseUnit::Micros(DAY)),
];
const TIME: [(char, LapseUnit); 3] = [
    ('H', LapseUnit::Micros(DAY / 24)),
    ('M', LapseUnit::Micros(60_000_000)),
    ('S', LapseUnit::Micros(1_000_000)),
];
const DAY: i64 = 86_400_000_000;

#[derive(Debug, Clone, Copy)]
enum LapseUnit {
    Months(u32),
    Micros(i64),
}

impl Lapse {
    /// Reads milliseconds, or a text such as `P31D` or `PT1H30M`; none for anything else, a negative one included.
    pub(super) fn read(given: &Value) -> Option<Self> {
        match given {
            Value::Number(number) => {
                let milliseconds = i64::try_from(number.as_u64()?).ok()?;
                Some(Self { months: 0, rest: TimeDelta::try_milliseconds(milliseconds)? })
            }
            Value::String(text) => Self::parse(text),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('P')?;
        let (date, time) = rest.split_once('T').map_or((rest, None), |(date, time)| (date, Some(time)));
        if time.is_some_and(str::is_empty) || rest.is_empty() {
            return None;
        }
        let lapse = Self::default().with(date, &DATE)?;
        lapse.with(time.unwrap_or_default(), &TIME)
    }

    /// With the parts of a text, each of which is a number and a letter, in the order of `units`.
    fn with(mut self, mut text: &str, mut units: &[(char, LapseUnit)]) -> Option<Self> {
        while !text.is_empty() {
            let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')?;
            let (number, rest) = text.split_at(end);
            let letter = rest.chars().next()?;
            let place = units.iter().position(|(known, _)| *known == letter)?;
            text = &rest[letter.len_utf8()..];
            match units.get(place)?.1 {
                LapseUnit::Months(each) => {
                    self.months = self.months.checked_add(number.parse::<u32>().ok()?.checked_mul(each)?)?;
                }
                LapseUnit::Micros(each) => {
                    // Only the smallest unit of a text may have a fraction.
                    let is_whole = number.bytes().all(|byte| byte.is_ascii_digit());
                    if !is_whole && !text.is_empty() {
                        return None;
                    }
                    self.rest = self.rest.checked_add(&micros(number, each)?)?;
                }
            }
            units = &units[place + 1..];
        }
        Some(self)
    }

    /// The instant so much later, in microseconds since 1970; none beyond all calendars.
    pub(super) fn after(self, micros: i64) -> Option<i64> {
        let at = DateTime::<Utc>::from_timestamp_micros(micros)?;
        let later = at.checked_add_months(Months::new(self.months))?.checked_add_signed(self.rest)?;
        Some(later.timestamp_micros())
    }
}

/// A number with a fraction of at most twelve digits, in units of so many microseconds.
fn micros(number: &str, each: i64) -> Option<TimeDelta> {
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 12 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = u32::try_from(fraction.len()).ok()?;
    let part = i128::from(fraction.parse::<i64>().ok()?) * i128::from(each) / 10_i128.pow(digits);
    let total = i128::from(whole.parse::<i64>().ok()?).checked_mul(i128::from(each))?.checked_add(part)?;
    Some(TimeDelta::microseconds(i64::try_from(total).ok()?))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    const DAY_OF_2024: i64 = 1_706_659_200_000_000; // 2024-01-31

    #[rstest]
    #[case(json!(1500), 1_500_000)]
    #[case(json!("P31D"), 31 * DAY)]
    #[case(json!("P1M"), 29 * DAY)]
    #[case(json!("P1Y"), 366 * DAY)]
    #[case(json!("P1Y2M3W4DT5H6M7.25S"), 366 * DAY + 60 * DAY - DAY + 25 * DAY + 18_367_250_000)]
    #[case(json!("PT0,5H"), 1_800_000_000)]
    #[case(json!("PT0S"), 0)]
    fn durations_are_read(#[case] given: Value, #[case] micros: i64) {
        let later = Lapse::read(&given).unwrap().after(DAY_OF_2024).unwrap();
        assert_eq!(later - DAY_OF_2024, micros);
    }

    #[rstest]
    #[case(json!(-1))]
    #[case(json!(1.5))]
    #[case(json!("-P1D"))]
    #[case(json!("P-1D"))]
    #[case(json!("P"))]
    #[case(json!("PT"))]
    #[case(json!("P1D2Y"))]
    #[case(json!("P1"))]
    #[case(json!("1D"))]
    #[case(json!("PT1.5H2M"))]
    #[case(json!("P1.5M"))]
    #[case(json!("P1é"))]
    #[case(json!("P99999999999999999999D"))]
    #[case(json!(true))]
    fn what_is_no_duration_is_refused(#[case] given: Value) {
        assert_eq!(Lapse::read(&given), None);
    }
}

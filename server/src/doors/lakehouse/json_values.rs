//! JSON values on their way into columns: what kind each is, and its text (LU-10).

use std::borrow::Cow;

use arrow::array::{Int8Builder, StringBuilder};
use chrono::NaiveDate;

use super::append::text;
use engine::ingest::{Kinds, STRING_KIND, Texts};

type Result<T> = std::result::Result<T, serde_json::Error>;

/// What marks a value that is no string.
const OTHER: i8 = 0;

/// Appends a value as text, strings unquoted, and marks strings.
///
/// # Errors
/// A string that is none.
pub(super) fn put(json: &str, texts: &mut StringBuilder, marks: &mut Int8Builder) -> Result<()> {
    match json.as_bytes().first() {
        Some(b'n') => {
            texts.append_null();
            marks.append_null();
        }
        Some(b'"') => {
            texts.append_value(string(json)?);
            marks.append_value(STRING_KIND);
        }
        _ => {
            texts.append_value(json);
            marks.append_value(OTHER);
        }
    }
    Ok(())
}

/// Notes the kind of a value.
///
/// # Errors
/// A string that is none.
pub(super) fn note(json: &str, kinds: &mut Kinds) -> Result<()> {
    match json.as_bytes().first() {
        Some(b'n') => {}
        Some(b'"') => kinds.note_text(what(&string(json)?)),
        Some(b'{' | b'[') => kinds.nested = true,
        Some(b't' | b'f') => kinds.booleans = true,
        _ if json.contains(['.', 'e', 'E']) => {
            kinds.fractions = true;
            kinds.inexact |= !is_kept(json);
        }
        _ => match json.parse::<i128>() {
            Ok(value) => {
                let (least, greatest) = kinds.integers.unwrap_or((value, value));
                kinds.integers = Some((least.min(value), greatest.max(value)));
            }
            Err(_) => kinds.giants = true,
        },
    }
    Ok(())
}

fn string(json: &str) -> Result<Cow<'_, str>> {
    text(&mut serde_json::Deserializer::from_str(json))
}

/// Whether a double keeps the digits of a number: up to 15 always, up to 17 if it prints them again.
fn is_kept(number: &str) -> bool {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0').trim_end_matches('0');
    let Ok(value) = number.parse::<f64>() else { return false };
    let in_range = value.is_finite() && (value != 0.0) != digits.is_empty();
    in_range
        && match digits.len() {
            0..=15 => true,
            count @ 16..=17 => {
                let printed = format!("{value:.*e}", count - 1);
                let printed: String = printed
                    .split('e')
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .filter(char::is_ascii_digit)
                    .collect();
                printed == digits
            }
            _ => false,
        }
}

/// What a string is; `None` for an infinity, which every such type has.
fn what(text: &str) -> Option<Texts> {
    if matches!(text, "infinity" | "-infinity") {
        return None;
    }
    let Some((_, rest)) = text.split_at_checked(10).filter(|(date, _)| is_date(date)) else {
        return Some(Texts::Others);
    };
    Some(match rest.strip_prefix(['T', ' ']) {
        None if rest.is_empty() => Texts::Dates,
        None => Texts::Others,
        Some(time) => of_time(time),
    })
}

fn is_date(text: &str) -> bool {
    let shape = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    shape && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

/// `13:45:00`, with up to six digits behind a point, and a zone if it is that of an instant.
fn of_time(text: &str) -> Texts {
    let Some((time, rest)) = text.split_at_checked(8) else { return Texts::Others };
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let below = |text: &str, limit: u8| digits(text) && text.parse::<u8>().is_ok_and(|part| part < limit);
    let parts: Vec<&str> = time.split(':').collect();
    let [hours, minutes, seconds] = parts[..] else { return Texts::Others };
    if !(below(hours, 24) && below(minutes, 60) && below(seconds, 60)) {
        return Texts::Others;
    }
    let zone = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if !(1..=6).contains(&(fraction.len() - zone.len())) {
                return Texts::Others;
            }
            zone
        }
    };
    let offset = zone.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':'));
    match zone {
        "" => Texts::Timestamps,
        "Z" => Texts::Instants,
        _ if offset.is_some_and(|(hours, minutes)| below(hours, 16) && below(minutes, 60)) => Texts::Instants,
        _ => Texts::Others,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2024-01-15", Some(Texts::Dates))]
    #[case("2023-02-29", Some(Texts::Others))]
    #[case("2024-01-15T13:45:00", Some(Texts::Timestamps))]
    #[case("2024-01-15 13:45:00.123456", Some(Texts::Timestamps))]
    #[case("2024-01-15T13:45:00.1234567", Some(Texts::Others))]
    #[case("2024-01-15T13:45:00Z", Some(Texts::Instants))]
    #[case("2024-01-15T13:45:00.5+02:00", Some(Texts::Instants))]
    #[case("2024-01-15T24:00:00", Some(Texts::Others))]
    #[case("2024-01-15T1:45:000", Some(Texts::Others))]
    #[case("infinity", None)]
    #[case("epoch", Some(Texts::Others))]
    #[case("é234-01-15", Some(Texts::Others))]
    #[case("", Some(Texts::Others))]
    fn dates_and_times_are_told_from_other_texts(#[case] text: &str, #[case] expected: Option<Texts>) {
        assert_eq!(what(text), expected);
    }

    #[rstest]
    #[case("0.1", true)]
    #[case("1e3", true)]
    #[case("0.30000000000000004", true)]
    #[case("0.10000000000000001", true)]
    #[case("9007199254740993.0", false)]
    #[case("1.2345678901234567890", false)]
    #[case("1e400", false)]
    #[case("1e-400", false)]
    #[case("0.000", true)]
    #[case("-0.0", true)]
    fn digits_that_a_double_keeps_are_told_from_others(#[case] number: &str, #[case] kept: bool) {
        assert_eq!(is_kept(number), kept);
    }
}

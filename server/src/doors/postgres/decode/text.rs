//! Parameters in the text format.

use bytes::Bytes;

use super::array;
use super::{Parameter, ParameterType, plain};
use crate::doors::postgres::report::{Result, SqlReport};
use crate::doors::postgres::types;
use duck::types::LogicalType;

/// Reads a value.
///
/// # Errors
/// 22P02 or 22003 for one that is none of its type, 22021 for bytes that are no text.
pub(super) fn read(wanted: ParameterType<'_>, value: &[u8]) -> Result<Parameter> {
    let text = plain(value)?;
    if wanted.oid == types::NUMERIC && !matches!(wanted.resolved, LogicalType::Decimal { .. }) {
        return number(text, wanted);
    }
    literal(text, wanted.literal())
}

/// A text as the literal of a type, in DuckDB's notation where PostgreSQL has another.
fn literal(text: &str, ty: Option<LogicalType>) -> Result<Parameter> {
    let Some(ty) = ty else { return Ok(Parameter::Literal(Some(text.to_owned()), None)) };
    let trimmed = text.trim();
    let text = match &ty {
        LogicalType::Boolean => boolean(trimmed)?.to_owned(),
        LogicalType::Blob => return bytea(text).map(Parameter::Blob),
        LogicalType::List(_) | LogicalType::Array(..) if trimmed.starts_with('{') => {
            array::from_text(trimmed)?
        }
        LogicalType::Date | LogicalType::Timestamp | LogicalType::TimestampTz => era(&with_offset(trimmed)),
        ty if ty.is_integer() => {
            check_integer(trimmed, ty)?;
            trimmed.to_owned()
        }
        _ => text.to_owned(),
    };
    Ok(Parameter::Literal(Some(text), Some(ty)))
}

/// A day before Christ as DuckDB has it: the era behind the day, not behind all.
fn era(text: &str) -> String {
    let Some(rest) = text.strip_suffix("BC").map(str::trim_end) else { return text.to_owned() };
    match rest.split_once(' ') {
        Some((day, time)) => format!("{day} (BC) {time}"),
        None => format!("{rest} (BC)"),
    }
}

/// A time with its distance from UTC right behind it, where DuckDB takes what stands apart for the name of a zone.
fn with_offset(text: &str) -> String {
    let is_offset = |zone: &str| {
        let digits = zone.strip_prefix(['+', '-']);
        digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b':'))
    };
    match text.rsplit_once(' ') {
        Some((time, offset)) if is_offset(offset) => format!("{}{offset}", time.trim_end()),
        _ => text.to_owned(),
    }
}

/// A number as the narrowest decimal that has its digits; another number as what is wanted, or a double.
///
/// # Errors
/// 22003 for one that a double has no room for.
pub(super) fn number(text: &str, wanted: ParameterType<'_>) -> Result<Parameter> {
    let digits = text.trim().trim_start_matches(['+', '-']);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = whole.trim_start_matches('0');
    let width = whole.len() + fraction.len();
    let is_plain = are_digits(whole) && are_digits(fraction) && !digits.is_empty();
    let ty = match (u8::try_from(width.max(1)), u8::try_from(fraction.len())) {
        (Ok(width @ ..=38), Ok(scale)) if is_plain => LogicalType::Decimal { width, scale },
        _ if wanted.resolved.is_number() => wanted.resolved.clone(),
        _ if is_plain && text.trim().parse::<f64>().is_ok_and(f64::is_infinite) => {
            return Err(SqlReport::error(
                "22003",
                "a number of so many digits is out of range for type double precision",
            ));
        }
        _ => LogicalType::Double,
    };
    Ok(Parameter::Literal(Some(text.to_owned()), Some(ty)))
}

/// A text that is JSON.
///
/// # Errors
/// 22P02 for one that is not.
pub(super) fn json(text: &str) -> Result<&str> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(text),
        Err(_) => Err(invalid("json", text)),
    }
}

/// PostgreSQL's words for truth, whole or cut as long as they are not both.
fn boolean(text: &str) -> Result<&'static str> {
    let lower = text.to_ascii_lowercase();
    let begins = |word: &str, least: usize| lower.len() >= least && word.starts_with(&lower);
    if lower == "1" || begins("true", 1) || begins("yes", 1) || lower == "on" {
        return Ok("true");
    }
    if lower == "0" || begins("false", 1) || begins("no", 1) || begins("off", 2) {
        return Ok("false");
    }
    Err(invalid("boolean", text))
}

fn check_integer(text: &str, ty: &LogicalType) -> Result<()> {
    let name = match ty {
        LogicalType::SmallInt | LogicalType::TinyInt | LogicalType::UTinyInt => "smallint",
        LogicalType::Integer | LogicalType::USmallInt => "integer",
        LogicalType::BigInt | LogicalType::UInteger => "bigint",
        _ => return Ok(()),
    };
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid(name, text));
    }
    let fits = match ty {
        LogicalType::TinyInt => text.parse::<i8>().is_ok(),
        LogicalType::UTinyInt => text.parse::<u8>().is_ok(),
        LogicalType::SmallInt => text.parse::<i16>().is_ok(),
        LogicalType::USmallInt => text.parse::<u16>().is_ok(),
        LogicalType::Integer => text.parse::<i32>().is_ok(),
        LogicalType::UInteger => text.parse::<u32>().is_ok(),
        _ => text.parse::<i64>().is_ok(),
    };
    match fits {
        true => Ok(()),
        false => Err(SqlReport::error("22003", format!("value \"{text}\" is out of range for type {name}"))),
    }
}

/// Bytes as `\x` and their digits, or with a backslash before three octal digits.
pub(super) fn bytea(text: &str) -> Result<Bytes> {
    let wrong = || invalid("bytea", text);
    if let Some(digits) = text.strip_prefix("\\x") {
        let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        return bytes.map(Bytes::from).ok_or_else(wrong);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match (first, behind) {
            (b'\\', [b'\\', behind @ ..]) => {
                bytes.push(b'\\');
                rest = behind;
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', behind @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = behind;
            }
            (b'\\', _) => return Err(wrong()),
            (byte, _) => bytes.push(*byte),
        }
    }
    Ok(bytes.into())
}

fn invalid(ty: &str, text: &str) -> SqlReport {
    SqlReport::error("22P02", format!("invalid input syntax for type {ty}: \"{text}\""))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(" t ", true)]
    #[case("YES", true)]
    #[case("on", true)]
    #[case("of", false)]
    #[case("n", false)]
    fn words_for_truth(#[case] text: &str, #[case] expected: bool) {
        let read = literal(text, Some(LogicalType::Boolean)).unwrap();
        assert_eq!(read, Parameter::Literal(Some(expected.to_string()), Some(LogicalType::Boolean)));
    }

    #[rstest]
    #[case("o", LogicalType::Boolean, "22P02")]
    #[case("abc", LogicalType::Integer, "22P02")]
    #[case("1.5", LogicalType::Integer, "22P02")]
    #[case("", LogicalType::BigInt, "22P02")]
    #[case("2147483648", LogicalType::Integer, "22003")]
    #[case("\\x0", LogicalType::Blob, "22P02")]
    #[case("\\9", LogicalType::Blob, "22P02")]
    fn values_of_no_type(#[case] text: &str, #[case] ty: LogicalType, #[case] code: &str) {
        assert_eq!(literal(text, Some(ty)).unwrap_err().code, code);
    }

    #[rstest]
    #[case("2024-02-29 12:34:56.789 +00:00", "2024-02-29 12:34:56.789+00:00")]
    #[case("2024-02-29 12:34:56 -0530", "2024-02-29 12:34:56-0530")]
    #[case("2024-02-29 12:34:56 Europe/Paris", "2024-02-29 12:34:56 Europe/Paris")]
    #[case("0044-03-15 BC", "0044-03-15 (BC)")]
    fn times_in_postgresqls_notation(#[case] text: &str, #[case] expected: &str) {
        let read = literal(text, Some(LogicalType::TimestampTz)).unwrap();
        assert_eq!(read, Parameter::Literal(Some(expected.to_owned()), Some(LogicalType::TimestampTz)));
    }

    #[test]
    fn bytes_in_both_notations() {
        assert_eq!(bytea("\\xDE ad").unwrap().as_ref(), [0xde, 0xad]);
        assert_eq!(bytea("a\\\\\\001").unwrap().as_ref(), b"a\\\x01");
    }

    #[rstest]
    #[case("12.50", LogicalType::Decimal { width: 4, scale: 2 })]
    #[case("-0012", LogicalType::Decimal { width: 2, scale: 0 })]
    #[case("0", LogicalType::Decimal { width: 1, scale: 0 })]
    #[case("NaN", LogicalType::Double)]
    #[case("1e5", LogicalType::Double)]
    #[case("123456789012345678901234567890123456789", LogicalType::Double)]
    fn numbers_take_the_narrowest_type(#[case] text: &str, #[case] expected: LogicalType) {
        let wanted = ParameterType { oid: types::NUMERIC, resolved: &LogicalType::Unknown };
        assert_eq!(number(text, wanted).unwrap(), Parameter::Literal(Some(text.to_owned()), Some(expected)));
    }
}

//! Numbers as PostgreSQL writes them.

use crate::doors::postgres::report::{Result, SqlReport};

/// The bits of a scale.
const SCALE: u16 = 0x3fff;

const POSITIVE: u16 = 0;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;

/// The shortest digits of a FLOAT, with an exponent where PostgreSQL has one.
pub(super) fn float4(value: f32, out: &mut Vec<u8>) {
    match special(value.into()) {
        Some(name) => out.extend_from_slice(name),
        None => shortest(&format!("{value:e}"), 6, out),
    }
}

/// The shortest digits of a DOUBLE, with an exponent where PostgreSQL has one.
pub(super) fn float8(value: f64, out: &mut Vec<u8>) {
    match special(value) {
        Some(name) => out.extend_from_slice(name),
        None => shortest(&format!("{value:e}"), 15, out),
    }
}

fn special(value: f64) -> Option<&'static [u8]> {
    match value {
        _ if value.is_nan() => Some(b"NaN"),
        f64::INFINITY => Some(b"Infinity"),
        f64::NEG_INFINITY => Some(b"-Infinity"),
        _ => None,
    }
}

/// Rust's `-1.25e-7` as PostgreSQL writes it: without an exponent from -4 on and below `digits`, else with two digits of it.
fn shortest(text: &str, digits: i32, out: &mut Vec<u8>) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    out.extend_from_slice(sign.as_bytes());
    if !(-4..digits).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("{mantissa}e{sign}{:02}", exponent.abs()).as_bytes());
        return;
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    match usize::try_from(exponent) {
        Ok(exponent) if all.len() > exponent + 1 => {
            let (whole, fraction) = all.split_at(exponent + 1);
            out.extend_from_slice(format!("{whole}.{fraction}").as_bytes());
        }
        Ok(exponent) => {
            out.extend_from_slice(all.as_bytes());
            out.resize(out.len() + exponent + 1 - all.len(), b'0');
        }
        Err(_) => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-exponent - 1).unsigned_abs() as usize, b'0');
            out.extend_from_slice(all.as_bytes());
        }
    }
}

/// A decimal, with as many digits behind the point as its scale says.
pub(super) fn decimal(value: i128, scale: u8, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value.unsigned_abs()).as_bytes();
    let scale = usize::from(scale);
    if scale == 0 {
        out.extend_from_slice(digits);
        return;
    }
    let whole = digits.len().saturating_sub(scale);
    out.extend_from_slice(if whole == 0 { b"0" } else { &digits[..whole] });
    out.push(b'.');
    out.resize(out.len() + scale.saturating_sub(digits.len()), b'0');
    out.extend_from_slice(&digits[whole..]);
}

/// A decimal as bytes.
pub(super) fn decimal_to_binary(value: i128, scale: u8, out: &mut Vec<u8>) {
    let mut text = Vec::with_capacity(42);
    decimal(value, scale, &mut text);
    groups(&text, out);
}

/// A number in digits as bytes.
pub(super) fn to_binary(text: &str, out: &mut Vec<u8>) {
    groups(text.as_bytes(), out);
}

/// Digits in groups of four from the point on: how many groups, the power of 10,000 of the first, the sign, how many digits
/// are shown behind the point, and the groups, without those of zeros at either end.
fn groups(text: &[u8], out: &mut Vec<u8>) {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (NEGATIVE, rest),
        _ => (POSITIVE, text),
    };
    let point = memchr::memchr(b'.', text).unwrap_or(text.len());
    let (whole, fraction) = (&text[..point], text.get(point + 1..).unwrap_or_default());
    let lead = (4 - whole.len() % 4) % 4;
    let padded = std::iter::repeat_n(0, lead)
        .chain(whole.iter().chain(fraction).map(|digit| u16::from(digit - b'0')))
        .chain(std::iter::repeat_n(0, (4 - fraction.len() % 4) % 4));
    let digits: Vec<u16> = padded.collect();
    let groups: Vec<u16> =
        digits.chunks(4).map(|group| group.iter().fold(0, |sum, digit| sum * 10 + digit)).collect();
    let first = groups.iter().position(|group| *group != 0).unwrap_or(groups.len());
    let last = groups.iter().rposition(|group| *group != 0).map_or(first, |last| last + 1);
    let kept = &groups[first..last];
    let weight = if kept.is_empty() {
        0
    } else {
        i16::try_from(whole.len().div_ceil(4)).unwrap_or(i16::MAX) - 1 - i16::try_from(first).unwrap_or(0)
    };
    let sign = if kept.is_empty() { POSITIVE } else { sign };
    let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
    out.extend_from_slice(&count(kept.len()).to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&count(fraction.len()).to_be_bytes());
    kept.iter().for_each(|group| out.extend_from_slice(&group.to_be_bytes()));
}

/// The digits of a number in bytes.
///
/// # Errors
/// 22P03 for bytes that are none.
pub(in super::super) fn from_binary(bytes: &[u8]) -> Result<String> {
    let wrong = || SqlReport::error("22P03", "invalid binary numeric value");
    let mut words = bytes.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]]));
    let mut word = || words.next().ok_or_else(wrong);
    let (count, weight, sign, scale) = (word()?, word()?.cast_signed(), word()?, word()?);
    let groups: Vec<u16> = words.collect();
    if groups.len() != usize::from(count)
        || !bytes.len().is_multiple_of(2)
        || groups.iter().any(|group| *group > 9999)
    {
        return Err(wrong());
    }
    let mut text = match sign {
        NAN => return Ok("NaN".to_owned()),
        INFINITY => return Ok("Infinity".to_owned()),
        NEGATIVE_INFINITY => return Ok("-Infinity".to_owned()),
        POSITIVE => String::new(),
        NEGATIVE => "-".to_owned(),
        _ => return Err(wrong()),
    };
    if scale & !SCALE != 0 {
        return Err(SqlReport::error("22P03", "invalid scale in external \"numeric\" value"));
    }
    let weight = i32::from(weight);
    let group = |at: i32| usize::try_from(at).ok().and_then(|at| groups.get(at)).copied().unwrap_or(0);
    let whole: String = (0..=weight).map(|at| format!("{:04}", group(at))).collect();
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    let scale = usize::from(scale);
    if scale > 0 {
        let last = weight + 1 + i32::try_from(scale.div_ceil(4)).unwrap_or(0);
        let fraction: String = (weight + 1..last).map(|at| format!("{:04}", group(at))).collect();
        text.push('.');
        text.push_str(&fraction[..scale]);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0.0, "0")]
    #[case(-0.0, "-0")]
    #[case(1.5, "1.5")]
    #[case(1e14, "100000000000000")]
    #[case(1e15, "1e+15")]
    #[case(123_456_789_012_345.6, "123456789012345.6")]
    #[case(0.0001, "0.0001")]
    #[case(0.00001, "1e-05")]
    #[case(1.25e-7, "1.25e-07")]
    #[case(1.797_693_134_862_315_7e308, "1.7976931348623157e+308")]
    #[case(f64::NAN, "NaN")]
    #[case(f64::NEG_INFINITY, "-Infinity")]
    fn doubles(#[case] value: f64, #[case] expected: &str) {
        let mut out = Vec::new();
        float8(value, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[rstest]
    #[case(1_000_000.0, "1e+06")]
    #[case(999_999.0, "999999")]
    #[case(0.1, "0.1")]
    fn floats(#[case] value: f32, #[case] expected: &str) {
        let mut out = Vec::new();
        float4(value, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[rstest]
    #[case("0", &[0, 0, 0, 0])]
    #[case("12345.678", &[3, 1, 0, 3, 1, 2345, 6780])]
    #[case("-0.0001", &[1, 0xffff, 0x4000, 4, 1])]
    #[case("10000", &[1, 1, 0, 0, 1])]
    #[case("0.00", &[0, 0, 0, 2])]
    fn groups_of_digits(#[case] text: &str, #[case] words: &[u16]) {
        let mut out = Vec::new();
        to_binary(text, &mut out);
        let expected: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        assert_eq!(out, expected);
    }

    proptest! {
        #[test]
        fn a_decimal_comes_back_from_its_bytes(value: i128, scale in 0_u8..38) {
            let (mut text, mut bytes) = (Vec::new(), Vec::new());
            decimal(value, scale, &mut text);
            decimal_to_binary(value, scale, &mut bytes);
            prop_assert_eq!(from_binary(&bytes).unwrap().into_bytes(), text);
        }

        #[test]
        fn no_bytes_are_too_wrong(bytes: Vec<u8>) {
            drop(from_binary(&bytes));
        }
    }
}

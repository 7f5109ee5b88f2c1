//! Numbers with every digit (LN-04).

/// Appends an integer.
#[inline]
pub(super) fn integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends `unscaled / 10^scale` with exactly `scale` digits after the point.
pub(super) fn decimal(unscaled: i128, scale: u8, out: &mut Vec<u8>) {
    if scale == 0 {
        return integer(unscaled, out);
    }
    if unscaled < 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(unscaled.unsigned_abs()).as_bytes();
    let scale = usize::from(scale);
    match digits.len().checked_sub(scale) {
        Some(whole) if whole > 0 => {
            out.extend_from_slice(&digits[..whole]);
            out.push(b'.');
            out.extend_from_slice(&digits[whole..]);
        }
        _ => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + scale - digits.len(), b'0');
            out.extend_from_slice(digits);
        }
    }
}

/// Appends a finite double as its shortest round-trip digits, with a point or an exponent (`1.0`, `1e300`).
#[inline]
pub(super) fn double(value: f64, out: &mut Vec<u8>) {
    if !short_double(value, out) {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    }
}

/// Appends a finite float as its shortest round-trip digits.
pub(super) fn float(value: f32, out: &mut Vec<u8>) {
    out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
}

/// Appends a double that has at most three decimals and 15 digits; false if it is not of that kind.
///
/// Decimals of up to 15 digits map to distinct doubles, so the one that divides back to `value` is its shortest.
/// Such values are the bulk of real columns, and this takes a quarter of the general algorithm's time.
#[inline]
fn short_double(value: f64, out: &mut Vec<u8>) -> bool {
    const MOST: f64 = 1e15;
    let thousandths = value.abs() * 1000.0;
    if thousandths >= MOST || value == 0.0 {
        return false;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 < thousandths < 1e15")]
    let whole = thousandths as u64;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let back = whole as f64;
    if back != thousandths || back / 1000.0 != value.abs() {
        return false;
    }
    if value < 0.0 {
        out.push(b'-');
    }
    integer(whole / 1000, out);
    out.push(b'.');
    fraction(whole % 1000, out);
    true
}

/// Appends thousandths without trailing zeros, one digit at least.
#[inline]
fn fraction(thousandths: u64, out: &mut Vec<u8>) {
    let digit = |n: u64| b'0' + n.to_le_bytes()[0];
    let digits = [digit(thousandths / 100), digit(thousandths / 10 % 10), digit(thousandths % 10)];
    let keep = match digits {
        [_, b'0', b'0'] => 1,
        [_, _, b'0'] => 2,
        _ => 3,
    };
    out.extend_from_slice(&digits[..keep]);
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    #[rstest]
    #[case(1.0, "1.0")]
    #[case(-0.0, "-0.0")]
    #[case(0.1, "0.1")]
    #[case(-2.5, "-2.5")]
    #[case(1234.567, "1234.567")]
    #[case(1234.5678, "1234.5678")]
    #[case(0.30000000000000004, "0.30000000000000004")]
    #[case(999_999_999_999.999, "999999999999.999")]
    #[case(9_007_199_254_740_993.0, "9007199254740992.0")]
    #[case(1e300, "1e300")]
    #[case(5e-324, "5e-324")]
    #[case(f64::MAX, "1.7976931348623157e308")]
    fn doubles_are_shortest(#[case] value: f64, #[case] expected: &str) {
        let mut out = Vec::new();
        super::double(value, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[rstest]
    #[case(150, 2, "1.50")]
    #[case(-150, 2, "-1.50")]
    #[case(5, 2, "0.05")]
    #[case(-5, 3, "-0.005")]
    #[case(0, 3, "0.000")]
    #[case(42, 0, "42")]
    #[case(10, 1, "1.0")]
    #[case(i128::MIN, 0, "-170141183460469231731687303715884105728")]
    #[case(i128::MIN, 38, "-1.70141183460469231731687303715884105728")]
    fn decimals_keep_their_scale(#[case] unscaled: i128, #[case] scale: u8, #[case] expected: &str) {
        let mut out = Vec::new();
        super::decimal(unscaled, scale, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    proptest::proptest! {
        #[test]
        fn short_cut_agrees_with_the_general_algorithm(thousandths in -2_000_000_000_000_000i64..2_000_000_000_000_000) {
            let value = thousandths as f64 / 1000.0;
            let mut out = Vec::new();
            super::double(value, &mut out);
            let expected = ryu::Buffer::new().format_finite(value).to_owned();
            proptest::prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}

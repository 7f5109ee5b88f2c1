//! Text as JSON: escaped strings, JSON columns passed through, bytes as hex.

use serde::de::IgnoredAny;

/// For each byte: 0 if it stands for itself in a JSON string, else the letter of its short escape, or `u`.
static ESCAPES: [u8; 256] = escapes();

const fn escapes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = b'u';
        control += 1;
    }
    table[0x08] = b'b';
    table[b'\t' as usize] = b't';
    table[b'\n' as usize] = b'n';
    table[0x0c] = b'f';
    table[b'\r' as usize] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `text` as a JSON string, quotes included.
#[inline]
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    if needs_escape(bytes) {
        escaped(bytes, out);
    } else {
        out.extend_from_slice(bytes);
    }
    out.push(b'"');
}

/// Whether any byte must be escaped, eight bytes at a time.
#[inline]
fn needs_escape(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().any(|word| special_in(u64::from_le_bytes(*word)))
        || rest.iter().any(|byte| ESCAPES[usize::from(*byte)] != 0)
}

/// Whether one of eight bytes is a quote, a backslash or a control character.
#[inline]
fn special_in(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero = |v: u64| v.wrapping_sub(ONES) & !v & HIGH;
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    (control | quote | backslash) != 0
}

fn escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let mut plain_from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(*byte)];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[plain_from..at]);
        plain_from = at + 1;
        match escape {
            b'u' => {
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
            short => out.extend_from_slice(&[b'\\', short]),
        }
    }
    out.extend_from_slice(&bytes[plain_from..]);
}

/// Appends the value of a JSON column as it is, but on one line; false, and nothing, if it does not parse (LN-01).
///
/// The text is copied, so numbers in it keep every digit (LN-04).
pub(super) fn json(text: &str, out: &mut Vec<u8>) -> bool {
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return false;
    }
    // In valid JSON a raw line break is white space between tokens: a string cannot hold one.
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    true
}

/// Appends bytes as lowercase hex, without prefix or quotes (LN-01).
pub(super) fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    #[rstest]
    #[case::plain("plain", r#""plain""#)]
    #[case::empty("", r#""""#)]
    #[case::quote_in_a_long_text("eight or more \" bytes", r#""eight or more \" bytes""#)]
    #[case::backslash_at_the_end("c:\\", r#""c:\\""#)]
    #[case::short_escapes("\u{8}\t\n\u{c}\r", r#""\b\t\n\f\r""#)]
    #[case::other_controls("\0\u{1f}\u{7f}", "\"\\u0000\\u001f\u{7f}\"")]
    #[case::multi_byte("über 日本 🦆 ü", "\"über 日本 🦆 ü\"")]
    fn strings_are_escaped(#[case] text: &str, #[case] expected: &str) {
        let mut out = Vec::new();
        super::string(text, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
        assert_eq!(serde_json::from_slice::<String>(&out).ok().as_deref(), Some(text));
    }

    #[rstest]
    #[case::passed_through(r#"{"a": 12345678901234567890.10}"#, Some(r#"{"a": 12345678901234567890.10}"#))]
    #[case::line_breaks_between_tokens("{\n \"a\":\r\n 1\n}", Some(r#"{ "a": 1}"#))]
    #[case::escaped_line_break_in_a_string(r#""a\nb""#, Some(r#""a\nb""#))]
    #[case::not_json("{nope", None)]
    #[case::duck_db_lets_nan_in("[NaN]", None)]
    fn json_columns_pass_through(#[case] text: &str, #[case] expected: Option<&str>) {
        let mut out = Vec::new();
        let parsed = super::json(text, &mut out);
        assert_eq!(parsed.then(|| String::from_utf8(out).unwrap()).as_deref(), expected);
    }

    proptest::proptest! {
        #[test]
        fn any_string_reads_back(text in "\\PC*|[\\x00-\\xff]*") {
            let mut out = Vec::new();
            super::string(&text, &mut out);
            proptest::prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}

//! JSON as text: checking what a syntax scan lets pass, and dropping the blanks between tokens.

use std::borrow::Cow;

use serde::Deserialize;

/// How deep properties and traits may nest, as JSON parsers commonly allow; deeper is `invalid-json`.
pub(super) const MAX_DEPTH: usize = 128;

/// An object's key, borrowed where it holds no escape.
#[derive(Deserialize)]
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Whether the syntactically valid `raw` nests at most [`MAX_DEPTH`] levels.
pub(super) fn is_shallow(raw: &str) -> bool {
    let bytes = raw.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            b'"' => string_end(bytes, at).0,
            _ => at + 1,
        };
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth > MAX_DEPTH {
            return false;
        }
    }
    true
}

/// Looks in the syntactically valid `text` for half of a surrogate pair, which a syntax scan lets pass and which
/// DuckDB's JSON functions would stumble over later.
pub(super) fn check_surrogates(text: &str) -> Result<(), String> {
    let bytes = text.as_bytes();
    if memchr::memmem::find(bytes, b"\\u").is_none() {
        return Ok(());
    }
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'"', bytes.get(at..).unwrap_or_default()) {
        let start = at + next;
        let (end, has_escape) = string_end(bytes, start);
        if has_escape && serde_json::from_str::<Cow<'_, str>>(&text[start..end]).is_err() {
            return Err(format!("half of a surrogate pair in the string at byte {start}"));
        }
        at = end;
    }
    Ok(())
}

/// Where the string that starts at `start` ends, quote included, and whether it holds an escape.
fn string_end(bytes: &[u8], start: usize) -> (usize, bool) {
    let (mut at, mut has_escape) = (start + 1, false);
    while let Some(next) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        at += next;
        if bytes[at] == b'"' {
            return (at + 1, has_escape);
        }
        has_escape = true;
        at += 2;
    }
    (bytes.len(), has_escape)
}

/// `raw` without the blanks between its tokens; every token stays as it was sent (AT-05).
pub(super) fn compact(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut out = String::with_capacity(raw.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'"' => string_end(bytes, at).0,
            _ => bytes[at..]
                .iter()
                .position(|byte| matches!(byte, b'"' | b' ' | b'\t' | b'\r' | b'\n'))
                .map_or(bytes.len(), |next| at + next),
        };
        out.push_str(&raw[at..end]);
        at = end;
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1.50", "1.50")]
    #[case("{ \"a b\" : [ 1 , 2.0e5 ] ,\n\t\"c\" : \" \\\" \" }", "{\"a b\":[1,2.0e5],\"c\":\" \\\" \"}")]
    #[case("\"  \"", "\"  \"")]
    #[case("[ ]", "[]")]
    #[case("\"\\\\\" ", "\"\\\\\"")]
    fn only_blanks_between_tokens_go(#[case] raw: &str, #[case] expected: &str) {
        assert_eq!(compact(raw), expected);
    }

    #[rstest]
    #[case::pair("\"\\ud83d\\ude00\"", true)]
    #[case::half("{\"a\":\"\\ud83d\"}", false)]
    #[case::escaped_backslash("\"\\\\ud83d\"", true)]
    #[case::after_a_pair("[\"\\ud83d\\ude00\", {\"\\ude00\": 1}]", false)]
    fn halves_of_surrogate_pairs_are_refused(#[case] raw: &str, #[case] fine: bool) {
        assert_eq!(check_surrogates(raw).is_ok(), fine);
    }

    #[test]
    fn nesting_ends_at_its_limit() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_shallow(&nested(MAX_DEPTH)));
        assert!(!is_shallow(&nested(MAX_DEPTH + 1)));
        assert!(!is_shallow(&nested(1_000)));
        assert!(is_shallow(&format!("\"{}\"", nested(1_000))), "brackets in a string are text");
    }

    proptest::proptest! {
        #[test]
        fn compacting_keeps_the_value(text in "[a-z \\\\\"\\n]{0,12}", number in proptest::num::f64::NORMAL) {
            let value = serde_json::json!({"a": [text, number, null], "b": {"c": {}, "d": []}});
            let compacted = compact(&serde_json::to_string_pretty(&value).unwrap());
            proptest::prop_assert_eq!(compacted, serde_json::to_string(&value).unwrap());
        }
    }
}

//! Texts of JSON values, character by character.

/// Why a value does not fit.
pub(in crate::ingest) type Refusal = String;

/// Bytes as DuckDB's cast from text reads them: hexadecimal pairs, as answers spell a BLOB, are those bytes; any other text is
/// its own.
pub(super) fn bytes(text: &str) -> String {
    let is_hex = !text.is_empty()
        && text.len().is_multiple_of(2)
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hex {
        return text.to_owned();
    }
    text.as_bytes().as_chunks::<2>().0.iter().fold(
        String::with_capacity(text.len() * 2),
        |mut out, [high, low]| {
            out.extend(['\\', 'x', char::from(*high), char::from(*low)]);
            out
        },
    )
}

/// JSON without the blanks between its tokens.
pub(super) fn minified(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut quotes = Quotes::default();
    out.extend(json.chars().filter(|c| quotes.hold(*c) || !c.is_ascii_whitespace()));
    out
}

/// Which characters of a JSON text are in strings, told one after another.
#[derive(Default)]
pub(super) struct Quotes {
    /// Whether a string is open behind the latest.
    pub(super) is_open: bool,
    is_escaped: bool,
}

impl Quotes {
    /// Whether the next character is in a string, its quotes included.
    pub(super) fn hold(&mut self, c: char) -> bool {
        let was_open = self.is_open;
        self.is_open ^= c == '"' && !self.is_escaped;
        self.is_escaped = self.is_open && c == '\\' && !self.is_escaped;
        was_open || self.is_open
    }
}

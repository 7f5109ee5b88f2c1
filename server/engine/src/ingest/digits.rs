//! Numbers of a JSON file that DuckDB's reader would send through a double.
//!
//! The reader parses every number with a fraction as a double, which has 15 to 17 digits, and casts that to the column's
//! type. It casts a string exactly. So before a file goes into exact columns, the long numbers in their values are put
//! in quotes; nothing else of the file changes.

use std::io::{self, BufRead, Write};

use duck::types::LogicalType;

/// The longest token that a double keeps whatever it is: a sign, a point and 15 digits would be longer.
const SAFE: usize = 15;

/// Whether a column of this type takes more of a number than a double holds.
pub(super) fn is_exact(ty: &LogicalType) -> bool {
    Quoting::of(ty) != Quoting::Nothing
}

/// Copies JSON rows, the numbers that go into exact columns in quotes.
///
/// # Errors
/// The reader's and the writer's.
pub(super) fn quote(
    input: impl BufRead,
    output: impl Write,
    columns: &[(String, LogicalType)],
) -> io::Result<()> {
    let columns = columns.iter().map(|(name, ty)| (name.as_bytes(), Quoting::of(ty))).collect();
    let mut copy =
        Copy { output, columns, depth: 0, row: 0, place: Place::Value, key: Vec::new(), token: Vec::new() };
    input.bytes().try_for_each(|byte| copy.byte(byte?))?;
    copy.end_token()?;
    copy.output.flush()
}

/// Which numbers of a column's values are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Nothing,
    /// Those that are the value itself: text keeps them as they are written, and objects in text stay objects.
    Whole,
    /// Those at any depth.
    Deep,
}

impl Quoting {
    fn of(ty: &LogicalType) -> Self {
        use LogicalType as T;
        match ty {
            T::Varchar | T::BigNum => Self::Whole,
            T::Decimal { width, .. } if usize::from(*width) > SAFE => Self::Deep,
            T::List(child) | T::Array(child, _) => Self::of_children([child.as_ref()]),
            // A map's keys are strings of the file already.
            T::Map(_, value) => Self::of_children([value.as_ref()]),
            T::Struct(fields) => Self::of_children(fields.iter().map(|(_, ty)| ty)),
            _ => Self::Nothing,
        }
    }

    /// Deep if any child is exact, and none would take the quotes for its value's own.
    fn of_children<'a>(children: impl IntoIterator<Item = &'a LogicalType> + Clone) -> Self {
        let is_deep = children.clone().into_iter().any(|ty| Self::of(ty) == Self::Deep);
        let is_safe = children.into_iter().all(|ty| !keeps_quotes(ty));
        if is_deep && is_safe { Self::Deep } else { Self::Nothing }
    }
}

/// Whether a quoted number would become a string here.
fn keeps_quotes(ty: &LogicalType) -> bool {
    use LogicalType as T;
    match ty {
        T::Varchar | T::Json | T::Variant | T::Union(_) | T::Other(_) => true,
        T::List(child) | T::Array(child, _) => keeps_quotes(child),
        T::Map(_, value) => keeps_quotes(value),
        T::Struct(fields) => fields.iter().any(|(_, ty)| keeps_quotes(ty)),
        _ => false,
    }
}

/// Where in the text the copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between tokens where a value may begin, or in a token without quotes.
    Value,
    /// Where a key may begin.
    Key,
    /// In a string; whether it is a row's key, and whether the byte before was a backslash.
    Text { is_key: bool, escaped: bool },
}

struct Copy<'a, W> {
    output: W,
    columns: Vec<(&'a [u8], Quoting)>,
    /// How many objects and arrays are open.
    depth: usize,
    /// The depth inside of a row.
    row: usize,
    place: Place,
    /// The latest key of the row.
    key: Vec<u8>,
    /// A number, or another word without quotes, held back until its end.
    token: Vec<u8>,
}

impl<W: Write> Copy<'_, W> {
    fn byte(&mut self, byte: u8) -> io::Result<()> {
        if let Place::Text { is_key, escaped } = self.place {
            self.text(byte, is_key, escaped);
            return self.output.write_all(&[byte]);
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.') {
            self.token.push(byte);
            return Ok(());
        }
        self.end_token()?;
        match byte {
            b'"' => {
                let is_key = self.place == Place::Key && self.depth == self.row;
                if is_key {
                    self.key.clear();
                }
                self.place = Place::Text { is_key, escaped: false };
            }
            b'{' => self.open(Place::Key, 1),
            b'[' => self.open(Place::Value, 2),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            // In an array deeper than a row's own object no key follows, and none is looked for there.
            b',' if self.depth == self.row => self.place = Place::Key,
            b':' => self.place = Place::Value,
            _ => {}
        }
        self.output.write_all(&[byte])
    }

    /// An object or array begins; at the top its kind says at which depth rows are.
    fn open(&mut self, place: Place, row: usize) {
        if self.depth == 0 {
            self.row = row;
        }
        self.depth += 1;
        self.place = place;
    }

    fn text(&mut self, byte: u8, is_key: bool, escaped: bool) {
        match byte {
            b'"' if !escaped => self.place = Place::Value,
            _ => {
                if is_key {
                    self.key.push(byte);
                }
                self.place = Place::Text { is_key, escaped: byte == b'\\' && !escaped };
            }
        }
    }

    fn end_token(&mut self) -> io::Result<()> {
        if self.token.is_empty() {
            return Ok(());
        }
        if self.is_quoted() {
            self.output.write_all(b"\"")?;
            self.output.write_all(&self.token)?;
            self.output.write_all(b"\"")?;
        } else {
            self.output.write_all(&self.token)?;
        }
        self.token.clear();
        Ok(())
    }

    fn is_quoted(&self) -> bool {
        let is_number = matches!(self.token[0], b'-' | b'0'..=b'9');
        // A key with escapes is spelled otherwise than its column; its numbers go the way of all others.
        let column = self.columns.iter().find(|(name, _)| *name == self.key);
        is_number
            && self.depth >= self.row
            && match column.map_or(Quoting::Nothing, |(_, quoting)| *quoting) {
                Quoting::Nothing => false,
                Quoting::Whole => self.depth == self.row,
                Quoting::Deep => self.token.len() > SAFE,
            }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const LONG: &str = "1.2345678901234567890";

    fn quoted(json: &str) -> String {
        let decimal = LogicalType::Decimal { width: 38, scale: 20 };
        let list = LogicalType::List(Box::new(decimal.clone()));
        let mixed =
            LogicalType::Struct(vec![("x".to_owned(), decimal.clone()), ("j".to_owned(), LogicalType::Json)]);
        let columns = [
            ("d", decimal),
            ("l", list),
            ("t", LogicalType::Varchar),
            ("f", LogicalType::Double),
            ("j", LogicalType::Json),
            ("m", mixed),
        ];
        let columns = columns.map(|(name, ty)| (name.to_owned(), ty));
        let mut out = Vec::new();
        quote(json.as_bytes(), &mut out, &columns).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[rstest]
    #[case::an_object(r#"{"d":~}"#, r#"{"d":"~"}"#)]
    #[case::an_array(r#" [ {"d": ~ } , {"f":~,"d":-~}]"#, r#" [ {"d": "~" } , {"f":~,"d":"-~"}]"#)]
    #[case::lines("{\"d\":~}\n{\"d\":~}\n", "{\"d\":\"~\"}\n{\"d\":\"~\"}\n")]
    #[case::both(r#"[{"d":~}]{"d":~}"#, r#"[{"d":"~"}]{"d":"~"}"#)]
    #[case::in_a_list(r#"{"l":[~,1,null,~]}"#, r#"{"l":["~",1,null,"~"]}"#)]
    #[case::text_as_it_is_written(r#"{"t":1.50}"#, r#"{"t":"1.50"}"#)]
    #[case::words(r#"{"t":true,"d":null}"#, r#"{"t":true,"d":null}"#)]
    #[case::objects_in_text(r#"{"t":{"d":~}}"#, r#"{"t":{"d":~}}"#)]
    #[case::inexact_columns(
        r#"{"f":~,"j":{"d":~},"m":{"x":~},"other":~}"#,
        r#"{"f":~,"j":{"d":~},"m":{"x":~},"other":~}"#
    )]
    #[case::short_numbers(r#"{"d":1.5,"l":[12345678901234]}"#, r#"{"d":1.5,"l":[12345678901234]}"#)]
    #[case::strings(r#"{"d":"~","f":"\"d\":~,\\","d":~}"#, r#"{"d":"~","f":"\"d\":~,\\","d":"~"}"#)]
    #[case::keys_of_other_depths(
        r#"{"j":{"d":~},"f":[{"d":~}],"d":~}"#,
        r#"{"j":{"d":~},"f":[{"d":~}],"d":"~"}"#
    )]
    #[case::nothing("", "")]
    fn long_numbers_of_exact_columns_are_quoted(#[case] json: &str, #[case] expected: &str) {
        assert_eq!(quoted(&json.replace('~', LONG)), expected.replace('~', LONG));
    }
}

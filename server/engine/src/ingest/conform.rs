//! JSON values made to fit a column before DuckDB casts them (LU-10).
//!
//! DuckDB's own casts from JSON send numbers through a double, round fractions, take booleans for numbers, and know no bytes.
//! So a value is read along with its column's type: what the type does not take is refused, exact numbers go in quotes, which
//! DuckDB casts digit by digit, and bytes are spelled as its casts from text read them.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::Int8Type;

use crate::json::push_string;
use crate::sql::append::STRING_KIND;
use duck::types::LogicalType;

/// Why a value does not fit.
pub(super) type Refusal = String;

/// Whether texts that go into a column of this type are looked at one by one: `strings` if any of them is a JSON string,
/// `nested` if any is an object or array.
pub(super) fn is_needed(ty: &LogicalType, strings: bool, nested: bool) -> bool {
    use LogicalType as T;
    match ty {
        T::Blob => strings,
        T::Varchar | T::Struct(_) | T::List(_) | T::Array(..) | T::Map(..) => nested,
        _ => false,
    }
}

/// The texts of some columns of `rows`, fitted: each at its place, with its type. Behind the `width` columns of texts come as
/// many of marks, [`STRING_KIND`] for a string.
///
/// # Errors
/// The place of the first column that does not take a value, and why.
pub(super) fn fit_columns(
    rows: &RecordBatch,
    width: usize,
    columns: &[(usize, LogicalType)],
) -> Result<RecordBatch, (usize, Refusal)> {
    if columns.is_empty() {
        return Ok(rows.clone());
    }
    let mut arrays = rows.columns().to_vec();
    for (at, ty) in columns {
        let texts = rows.column(*at).as_string::<i32>();
        let marks = rows.column(width + at).as_primitive::<Int8Type>();
        let fitted = texts
            .iter()
            .zip(marks)
            .map(|(text, mark)| text.map(|text| fit(text, mark == Some(STRING_KIND), ty)).transpose());
        let fitted: StringArray = fitted.collect::<Result<_, _>>().map_err(|refusal| (*at, refusal))?;
        arrays[*at] = Arc::new(fitted);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(rows.schema(), arrays, &options).map_err(|fault| (0, fault.to_string()))
}

/// A value as the cast of its column reads it; `is_string` tells a string, which comes without quotes.
///
/// # Errors
/// Says what the column does not take.
pub(super) fn fit(value: &str, is_string: bool, ty: &LogicalType) -> Result<String, Refusal> {
    match ty {
        LogicalType::Blob => Ok(bytes(value)),
        _ if is_string => Ok(value.to_owned()),
        LogicalType::Varchar => Ok(minified(value)),
        _ => {
            let mut walk = Walk { rest: value, out: String::with_capacity(value.len() + 16) };
            walk.value(ty)?;
            Ok(walk.out)
        }
    }
}

/// Bytes as DuckDB's cast from text reads them: hexadecimal pairs, as answers spell a BLOB, are those bytes; any other text is
/// its own.
fn bytes(text: &str) -> String {
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
fn minified(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut quotes = Quotes::default();
    out.extend(json.chars().filter(|c| quotes.hold(*c) || !c.is_ascii_whitespace()));
    out
}

/// Which characters of a JSON text are in strings, told one after another.
#[derive(Default)]
struct Quotes {
    /// Whether a string is open behind the latest.
    is_open: bool,
    is_escaped: bool,
}

impl Quotes {
    /// Whether the next character is in a string, its quotes included.
    fn hold(&mut self, c: char) -> bool {
        let was_open = self.is_open;
        self.is_open ^= c == '"' && !self.is_escaped;
        self.is_escaped = self.is_open && c == '\\' && !self.is_escaped;
        was_open || self.is_open
    }
}

/// A walk over well-formed JSON, along with a type.
struct Walk<'a> {
    rest: &'a str,
    out: String,
}

impl<'a> Walk<'a> {
    fn value(&mut self, ty: &LogicalType) -> Result<(), Refusal> {
        use LogicalType as T;
        self.skip_blanks();
        match (self.rest.as_bytes().first(), ty) {
            (_, T::Json | T::Variant | T::Union(_) | T::Other(_) | T::Null) => self.copy(),
            (Some(b'n'), _) => self.copy(),
            (Some(b'"'), T::Blob) => {
                let text = self.token();
                let inner = bytes(text.trim_matches('"')).replace('\\', "\\\\");
                match inner.starts_with("\\\\x") {
                    true => self.out.extend(["\"", &inner, "\""]),
                    false => self.out.push_str(text),
                }
                Ok(())
            }
            (Some(b'"'), _) => self.copy(),
            (_, T::Varchar) => {
                let text = minified(self.token());
                push_string(&mut self.out, &text);
                Ok(())
            }
            (Some(b'{'), T::Struct(fields)) => self.object(fields),
            (Some(b'{'), T::Map(_, values)) => self.map(values),
            (Some(b'['), T::List(child) | T::Array(child, _)) => self.array(child),
            (Some(b't' | b'f'), T::Boolean) => self.copy(),
            (Some(b'-' | b'0'..=b'9'), number) if number.is_number() => self.number(number),
            _ => Err(format!("{ty} does not take {}", shortened(self.token()))),
        }
    }

    fn number(&mut self, ty: &LogicalType) -> Result<(), Refusal> {
        let token = self.token();
        if ty.is_integer() && token.contains(['.', 'e', 'E']) {
            return Err(format!("{ty} does not take the fraction {token}"));
        }
        let is_float = matches!(ty, LogicalType::Float | LogicalType::Double);
        let mark = if is_float { "" } else { "\"" };
        self.out.extend([mark, token, mark]);
        Ok(())
    }

    fn array(&mut self, child: &LogicalType) -> Result<(), Refusal> {
        self.step();
        self.skip_blanks();
        while !self.rest.starts_with(']') {
            self.value(child)?;
            self.separator();
        }
        self.step();
        Ok(())
    }

    /// An object with the fields of a struct, absent ones NULL, which its cast wants told.
    fn object(&mut self, fields: &[(String, LogicalType)]) -> Result<(), Refusal> {
        let mut seen = vec![false; fields.len()];
        self.step();
        self.skip_blanks();
        while !self.rest.starts_with('}') {
            let key = unescaped(self.token());
            let exact = fields.iter().position(|(name, _)| *name == key);
            let found = exact.or_else(|| fields.iter().position(|(name, _)| name.eq_ignore_ascii_case(&key)));
            let at = found.ok_or_else(|| format!("there is no field \"{key}\""))?;
            let (name, ty) = &fields[at];
            if std::mem::replace(&mut seen[at], true) {
                return Err(format!("the field \"{name}\" is there twice"));
            }
            push_string(&mut self.out, name);
            self.colon();
            self.value(ty)?;
            self.separator();
        }
        let mut comma = seen.contains(&true);
        for ((name, _), _) in fields.iter().zip(&seen).filter(|(_, seen)| !**seen) {
            if comma {
                self.out.push(',');
            }
            comma = true;
            push_string(&mut self.out, name);
            self.out.push_str(":null");
        }
        self.step();
        Ok(())
    }

    fn map(&mut self, values: &LogicalType) -> Result<(), Refusal> {
        let mut seen = std::collections::HashSet::new();
        self.step();
        self.skip_blanks();
        while !self.rest.starts_with('}') {
            let key = self.token();
            if !seen.insert(key) {
                return Err(format!("the key {key} is there twice"));
            }
            self.out.push_str(key);
            self.colon();
            self.value(values)?;
            self.separator();
        }
        self.step();
        Ok(())
    }

    /// Copies a value as it is.
    #[expect(clippy::unnecessary_wraps, reason = "one of the ways to take a value")]
    fn copy(&mut self) -> Result<(), Refusal> {
        let token = self.token();
        self.out.push_str(token);
        Ok(())
    }

    /// Takes the next value whole, a string with its quotes.
    fn token(&mut self) -> &'a str {
        let (mut depth, mut quotes) = (0_usize, Quotes::default());
        let mut end = self.rest.len();
        for (at, byte) in self.rest.bytes().enumerate() {
            if quotes.hold(char::from(byte)) {
                if !quotes.is_open && depth == 0 {
                    end = at + 1;
                    break;
                }
                continue;
            }
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 1 => depth -= 1,
                b'}' | b']' => {
                    end = if depth == 1 { at + 1 } else { at };
                    break;
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token
    }

    fn colon(&mut self) {
        self.skip_blanks();
        self.step();
    }

    /// A comma, if there is one.
    fn separator(&mut self) {
        self.skip_blanks();
        if self.rest.starts_with(',') {
            self.step();
            self.skip_blanks();
        }
    }

    /// Copies one mark.
    fn step(&mut self) {
        let (mark, rest) = self.rest.split_at(self.rest.len().min(1));
        self.out.push_str(mark);
        self.rest = rest;
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }
}

/// A key without its quotes and escapes; half of a character is U+FFFD.
fn unescaped(token: &str) -> String {
    let inner = token.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(token);
    let mut units = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let c = match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => '\n',
            ('\\', Some('t')) => '\t',
            ('\\', Some('r')) => '\r',
            ('\\', Some('b')) => '\u{8}',
            ('\\', Some('f')) => '\u{c}',
            ('\\', Some('u')) => {
                let code: String = chars.by_ref().take(4).collect();
                units.extend(u16::from_str_radix(&code, 16));
                continue;
            }
            (_, Some(escaped)) => escaped,
            (c, None) => c,
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&units)
}

fn shortened(token: &str) -> String {
    token.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use LogicalType as T;
    use rstest::rstest;

    use super::*;

    /// A struct with the one field `name`.
    fn structure(name: &str, ty: T) -> T {
        T::Struct(vec![(name.to_owned(), ty)])
    }

    fn decimal() -> T {
        T::Decimal { width: 38, scale: 20 }
    }

    fn map() -> T {
        T::Map(Box::new(T::Varchar), Box::new(T::HugeInt))
    }

    fn list(ty: T) -> T {
        T::List(Box::new(ty))
    }

    #[rstest]
    #[case(structure("i", T::Integer), r#"{"I" : 1}"#, r#"{"i":"1"}"#)]
    #[case(structure("d", decimal()), r#"{"d": -1.50 }"#, r#"{"d":"-1.50"}"#)]
    #[case(structure("f", T::Double), r#"{"f":1.5}"#, r#"{"f":1.5}"#)]
    #[case(structure("t", T::Varchar), r#"{"t":"a\"b"}"#, r#"{"t":"a\"b"}"#)]
    #[case(structure("t", T::Varchar), r#"{"t":1.50}"#, r#"{"t":"1.50"}"#)]
    #[case(structure("t", T::Varchar), r#"{"t":{"a": "\"}"}}"#, r#"{"t":"{\"a\":\"\\\"}\"}"}"#)]
    #[case(structure("j", T::Json), r#"{"j":{"x": 1.50}}"#, r#"{"j":{"x": 1.50}}"#)]
    #[case(structure("b", T::Blob), r#"{"b":"00ff"}"#, r#"{"b":"\\x00\\xff"}"#)]
    #[case(structure("b", T::Blob), r#"{"b":"text"}"#, r#"{"b":"text"}"#)]
    #[case(structure("i", T::Integer), r#"{"\u0069":5}"#, r#"{"i":"5"}"#)]
    #[case(structure("😀", T::Integer), r#"{"\ud83d\ude00":5}"#, r#"{"😀":"5"}"#)]
    #[case(structure("i", T::Integer), "{ }", r#"{"i":null}"#)]
    #[case(structure("i", T::Integer), "null", "null")]
    #[case(list(T::Boolean), "[ true ,null,false]", "[true,null,false]")]
    #[case(list(T::Boolean), "[ ]", "[]")]
    #[case(map(), r#"{"a b":1,"c":null}"#, r#"{"a b":"1","c":null}"#)]
    fn what_fits_is_spelled_for_the_cast(#[case] ty: T, #[case] json: &str, #[case] expected: &str) {
        assert_eq!(fit(json, false, &ty).as_deref(), Ok(expected));
    }

    #[rstest]
    #[case(structure("i", T::Integer), r#"{"x":1}"#, "no field \"x\"")]
    #[case(structure("i", T::Integer), r#"{"i":1,"I":2}"#, "twice")]
    #[case(structure("i", T::Integer), r#"{"i":1.5}"#, "fraction")]
    #[case(structure("i", T::Integer), r#"{"i":true}"#, "does not take true")]
    #[case(structure("d", decimal()), r#"{"d":false}"#, "does not take false")]
    #[case(list(T::Boolean), "[1]", "BOOLEAN does not take 1")]
    #[case(map(), r#"{"a":1,"a":2}"#, "twice")]
    #[case(structure("i", T::Integer), "[1]", "does not take [1]")]
    #[case(structure("b", T::Blob), r#"{"b":1}"#, "BLOB does not take 1")]
    fn what_does_not_fit_is_refused(#[case] ty: T, #[case] json: &str, #[case] expected: &str) {
        let refusal = fit(json, false, &ty).unwrap_err();
        assert!(refusal.contains(expected), "{refusal}");
    }

    #[test]
    fn texts_are_bytes_or_hexadecimal() {
        assert_eq!(fit("00ff", true, &T::Blob).as_deref(), Ok("\\x00\\xff"));
        assert_eq!(fit("abc", true, &T::Blob).as_deref(), Ok("abc"));
        assert_eq!(fit(r#"{"a": [1, " x "]}"#, false, &T::Varchar).as_deref(), Ok(r#"{"a":[1," x "]}"#));
    }
}

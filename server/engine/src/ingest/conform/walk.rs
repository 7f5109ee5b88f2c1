//! A walk over a JSON value along with the type of its column.

use std::borrow::Cow;

use super::texts::{Quotes, Refusal, bytes, minified};
use crate::json::push_string;
use duck::types::LogicalType;

/// The most bytes of a value in which structs name all of their fields.
const LARGEST: usize = 256 << 20;

/// A value as the cast of its column reads it.
///
/// # Errors
/// Says what the column does not take.
pub(super) fn along(json: &str, ty: &LogicalType) -> Result<String, Refusal> {
    let mut walk = TypedWalk { rest: json, out: String::with_capacity(json.len() + 16) };
    walk.value(ty)?;
    Ok(walk.out)
}

/// A walk over well-formed JSON, along with a type.
struct TypedWalk<'a> {
    rest: &'a str,
    out: String,
}

impl<'a> TypedWalk<'a> {
    fn value(&mut self, ty: &LogicalType) -> Result<(), Refusal> {
        use LogicalType as T;
        self.skip_blanks();
        if self.out.len() > LARGEST {
            return Err("with the fields that its objects lack, it is larger than 256 MiB".to_owned());
        }
        match (self.rest.as_bytes().first(), ty) {
            (Some(b'n'), _) | (_, T::Variant | T::Union(_) | T::Other(_) | T::Null) => self.copy(),
            (_, T::Json) => {
                let text = self.token();
                push_string(&mut self.out, text);
                Ok(())
            }
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
        let (mut seen, mut next) = (vec![false; fields.len()], 0);
        self.step();
        self.skip_blanks();
        while !self.rest.starts_with('}') {
            let key = unescaped(self.token());
            let at = find(fields, next, &key).ok_or_else(|| format!("there is no field \"{key}\""))?;
            next = at + 1;
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

/// The field that a key names, most often the `next` one.
fn find(fields: &[(String, LogicalType)], next: usize, key: &str) -> Option<usize> {
    let is_exact = |(name, _): &(String, LogicalType)| name == key;
    if fields.get(next).is_some_and(is_exact) {
        return Some(next);
    }
    let alike = || fields.iter().position(|(name, _)| name.eq_ignore_ascii_case(key));
    fields.iter().position(is_exact).or_else(alike)
}

/// A key without its quotes and escapes; half of a character is U+FFFD.
fn unescaped(token: &str) -> Cow<'_, str> {
    let inner = token.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(token);
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
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
    Cow::Owned(String::from_utf16_lossy(&units))
}

fn shortened(token: &str) -> String {
    token.chars().take(40).collect()
}

//! The objects of a JSON text one by one, each as its bytes: what is between them is looked at here, what is in them not.

use std::io::BufRead;

use engine::{Error, ErrorKind, Result};

/// The most bytes of one object.
const LARGEST: usize = 256 << 20;

/// The objects of a text: at the top of it, or in arrays there.
pub(super) struct Objects<R> {
    text: R,
    place: Place,
    line: u64,
}

/// Between which tokens the text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the top.
    Top,
    /// Behind the bracket of an array.
    Open,
    /// Behind an object in an array.
    Object,
    /// Behind a comma in an array.
    Comma,
}

impl<R: BufRead> Objects<R> {
    pub(super) fn new(text: R) -> Self {
        Self { text, place: Place::Top, line: 1 }
    }

    /// The line on which the text stands, the first being 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Puts the next object into `object`; false at the end.
    ///
    /// # Errors
    /// InvalidData where the text is neither.
    pub(super) fn next(&mut self, object: &mut Vec<u8>) -> Result<bool> {
        object.clear();
        loop {
            let Some(byte) = self.peek()? else {
                return match self.place {
                    Place::Top => Ok(false),
                    _ => Err(self.invalid("it breaks off in an array")),
                };
            };
            self.place = match (self.place, byte) {
                (_, b' ' | b'\t' | b'\r') => self.place,
                (_, b'\n') => {
                    self.line += 1;
                    self.place
                }
                (place @ (Place::Top | Place::Open | Place::Comma), b'{') => {
                    self.object(object)?;
                    self.place = if place == Place::Top { Place::Top } else { Place::Object };
                    return Ok(true);
                }
                (Place::Top, b'[') => Place::Open,
                (Place::Open | Place::Object, b']') => Place::Top,
                (Place::Object, b',') => Place::Comma,
                (Place::Top, byte) => return Err(self.unexpected(byte, "an object or an array of objects")),
                (Place::Object, byte) => return Err(self.unexpected(byte, "`,` or `]`")),
                (_, byte) => return Err(self.unexpected(byte, "an object")),
            };
            self.text.consume(1);
        }
    }

    /// Takes an object whole, brackets in its strings aside.
    fn object(&mut self, object: &mut Vec<u8>) -> Result<()> {
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        loop {
            let bytes = self.text.fill_buf().map_err(|fault| unreadable(&fault))?;
            if bytes.is_empty() {
                return Err(self.invalid("it breaks off in an object"));
            }
            let mut end = None;
            for (at, byte) in bytes.iter().enumerate() {
                match byte {
                    b'\n' => self.line += 1,
                    b'"' if !escaped => quoted = !quoted,
                    b'{' | b'[' if !quoted => depth += 1,
                    b'}' | b']' if !quoted => depth -= 1,
                    _ => {}
                }
                escaped = quoted && *byte == b'\\' && !escaped;
                if depth == 0 {
                    end = Some(at + 1);
                    break;
                }
            }
            let taken = end.unwrap_or(bytes.len());
            object.extend_from_slice(&bytes[..taken]);
            self.text.consume(taken);
            if object.len() > LARGEST {
                return Err(self.invalid("an object is larger than 256 MiB"));
            }
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn peek(&mut self) -> Result<Option<u8>> {
        Ok(self.text.fill_buf().map_err(|fault| unreadable(&fault))?.first().copied())
    }

    fn unexpected(&self, found: u8, expected: &str) -> Error {
        self.invalid(&format!("expected {expected}, found `{}`", char::from(found)))
    }

    /// The fault of an object, which ends on this line.
    pub(super) fn malformed(&self, fault: &serde_json::Error) -> Error {
        let text = fault.to_string();
        self.invalid(text.split(" at line").next().unwrap_or_default())
    }

    fn invalid(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::InvalidData,
            format!("the body is not JSON rows: {what}, on line {}", self.line),
        )
    }
}

fn unreadable(fault: &std::io::Error) -> Error {
    Error::internal(format!("cannot read an upload: {fault}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn objects(text: &str) -> Result<Vec<String>> {
        // A small buffer, so that objects lie across its ends.
        let mut objects = Objects::new(std::io::BufReader::with_capacity(3, text.as_bytes()));
        let (mut all, mut object) = (Vec::new(), Vec::new());
        while objects.next(&mut object)? {
            all.push(String::from_utf8(object.clone()).unwrap());
        }
        Ok(all)
    }

    #[rstest]
    #[case("", &[])]
    #[case("[]", &[])]
    #[case(r#" {"a":1} "#, &[r#"{"a":1}"#])]
    #[case("[{\"a\":[{}]},\n {}]", &[r#"{"a":[{}]}"#, "{}"])]
    #[case("{}\n{}{}[{}]\n[]", &["{}", "{}", "{}", "{}"])]
    #[case(r#"{"a":"}\"]{"}"#, &[r#"{"a":"}\"]{"}"#])]
    #[case(r#"{"a\\":"{"}"#, &[r#"{"a\\":"{"}"#])]
    fn objects_are_found(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(objects(text).unwrap(), expected);
    }

    #[rstest]
    #[case("5", "expected an object or an array of objects, found `5`, on line 1")]
    #[case("[\n5]", "expected an object, found `5`, on line 2")]
    #[case("[{},]", "expected an object, found `]`")]
    #[case("[{} {}]", "expected `,` or `]`, found `{`")]
    #[case("[[{}]]", "expected an object, found `[`")]
    #[case("[{}", "breaks off in an array")]
    #[case("{\"a\":", "breaks off in an object")]
    #[case("{}]", "found `]`")]
    fn what_is_none_is_told(#[case] text: &str, #[case] expected: &str) {
        let fault = objects(text).unwrap_err().to_string();
        assert!(fault.contains(expected), "{fault}");
    }
}

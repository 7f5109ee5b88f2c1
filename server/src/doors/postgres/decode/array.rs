//! PostgreSQL's arrays as the text of DuckDB's lists.

use crate::doors::postgres::report::{Result, SqlReport};

/// An element, or NULL.
pub(super) type Element = Option<String>;

/// The text of a list: every element in quotes, so that none is read as another.
pub(super) fn list(elements: impl IntoIterator<Item = Element>) -> String {
    let mut text = String::from("[");
    for (at, element) in elements.into_iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        match element {
            None => text.push_str("NULL"),
            Some(element) => {
                text.push('"');
                for c in element.chars() {
                    if matches!(c, '"' | '\\') {
                        text.push('\\');
                    }
                    text.push(c);
                }
                text.push('"');
            }
        }
    }
    text.push(']');
    text
}

/// An array in PostgreSQL's notation, `{1,"a b",NULL}`, as the text of a list. Of several dimensions it is a list of lists.
///
/// # Errors
/// 22P02 for a text that is none.
pub(super) fn from_text(text: &str) -> Result<String> {
    let wrong = || SqlReport::error("22P02", format!("malformed array literal: \"{text}\""));
    let mut reader = ArrayReader { rest: text };
    let list = reader.array(0).ok_or_else(wrong)?;
    if reader.rest.trim().is_empty() { Ok(list) } else { Err(wrong()) }
}

/// How deep arrays may contain each other, as in PostgreSQL.
const MAX_DEPTH: usize = 6;

struct ArrayReader<'a> {
    rest: &'a str,
}

impl ArrayReader<'_> {
    fn array(&mut self, depth: usize) -> Option<String> {
        self.eat('{')?;
        if depth == MAX_DEPTH {
            return None;
        }
        let mut parts = Vec::new();
        if self.eat('}').is_some() {
            return Some(list([]));
        }
        loop {
            self.rest = self.rest.trim_start();
            parts.push(match self.rest.chars().next()? {
                '{' => self.array(depth + 1)?,
                '"' => one(Some(self.quoted()?)),
                _ => one(self.bare()?),
            });
            if self.eat('}').is_some() {
                return Some(format!("[{}]", parts.join(", ")));
            }
            self.eat(',')?;
        }
    }

    fn eat(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(c)?;
        Some(())
    }

    fn quoted(&mut self) -> Option<String> {
        let mut element = String::new();
        let mut chars = self.rest[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 2..];
                    return Some(element);
                }
                '\\' => element.push(chars.next()?.1),
                _ => element.push(c),
            }
        }
        None
    }

    /// An element without quotes, which may be NULL; an empty one is none.
    fn bare(&mut self) -> Option<Element> {
        let (mut element, mut end) = (String::new(), None);
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                ',' | '}' => {
                    end = Some(at);
                    break;
                }
                '{' | '"' => return None,
                '\\' => element.push(chars.next()?.1),
                _ => element.push(c),
            }
        }
        self.rest = &self.rest[end?..];
        let element = element.trim_end();
        match element {
            "" => None,
            _ if element.eq_ignore_ascii_case("null") => Some(None),
            _ => Some(Some(element.to_owned())),
        }
    }
}

/// One element as it stands in a list.
fn one(element: Element) -> String {
    let list = list([element]);
    list[1..list.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arrays_become_lists() {
        for (array, expected) in [
            ("{}", "[]"),
            ("{1, 2 ,NULL}", r#"["1", "2", NULL]"#),
            (r#"{"a \"b\"","NULL",c\,d}"#, r#"["a \"b\"", "NULL", "c,d"]"#),
            ("{{1},{2}}", r#"[["1"], ["2"]]"#),
        ] {
            assert_eq!(from_text(array).unwrap(), expected, "{array}");
        }
    }

    #[test]
    fn what_is_no_array_is_refused() {
        for text in ["", "1", "{", "{1", "{1,}", "{,1}", "{1}2", "{\"a}", "{a{}}", "{{{{{{{1}}}}}}}"] {
            assert_eq!(from_text(text).unwrap_err().code, "22P02", "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_wrong(text in "[{},\"\\\\a ]{0,20}") {
            drop(from_text(&text));
        }
    }
}

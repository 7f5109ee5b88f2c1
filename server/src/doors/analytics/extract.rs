//! From a body to items: one object or an array of objects, whatever the Content-Type (AX-06).
//!
//! The body is taken apart as raw JSON texts, so that no value loses a digit, no nesting is followed by recursion,
//! and a syntax error anywhere in it is told apart from a schema violation.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::{Fault, Invalid};
use super::fields::RequestFields;
use super::json;
use engine::events::Item;

/// What one route accepts.
pub(super) trait Payload: Into<Item> + Send + 'static {
    /// The fields it reads; others are ignored.
    const FIELDS: &'static [&'static str];

    /// Reads one item.
    fn read(fields: &RequestFields<'_>) -> Result<Self, Wrong>;
}

/// Why an item cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A text that only a closer look shows to be no JSON.
    Json(String),
    Schema(Invalid),
}

/// Every item of `body`.
pub(super) fn batch<T: Payload>(body: &[u8]) -> Result<Vec<Item>, Fault> {
    let text = std::str::from_utf8(body).map_err(|error| Fault::Json(error.to_string()))?;
    let mut batch = Batch::<T>::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    if text.trim_start().starts_with('[') {
        reader.deserialize_seq(&mut batch).map_err(syntax)?;
    } else {
        let raw: &RawValue = serde::Deserialize::deserialize(&mut reader).map_err(syntax)?;
        batch.add(raw);
    }
    reader.end().map_err(syntax)?;
    json::check_surrogates(text).map_err(Fault::Json)?;
    batch.finish()
}

/// Items read so far, and the first fault of each rank: syntax anywhere goes before schema anywhere.
struct Batch<T> {
    items: Vec<Item>,
    seen: usize,
    syntax: Option<String>,
    schema: Option<(usize, Invalid)>,
    payload: std::marker::PhantomData<T>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { items: Vec::new(), seen: 0, syntax: None, schema: None, payload: std::marker::PhantomData }
    }
}

impl<T: Payload> Batch<T> {
    fn add(&mut self, raw: &RawValue) {
        let read = RequestFields::parse(T::FIELDS, raw).and_then(|fields| T::read(&fields));
        match read {
            Ok(item) if self.schema.is_none() => self.items.push(item.into()),
            Ok(_) => {}
            Err(Wrong::Json(reason)) => {
                self.syntax.get_or_insert_with(|| format!("item {}: {reason}", self.seen));
            }
            Err(Wrong::Schema(invalid)) => {
                self.schema.get_or_insert((self.seen, invalid));
            }
        }
        self.seen += 1;
    }

    fn finish(self) -> Result<Vec<Item>, Fault> {
        if let Some(reason) = self.syntax {
            return Err(Fault::Json(reason));
        }
        match self.schema {
            Some((index, invalid)) => Err(Fault::Payload { index, invalid }),
            None => Ok(self.items),
        }
    }
}

impl<'de, T: Payload> Visitor<'de> for &mut Batch<T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while let Some(raw) = array.next_element::<&RawValue>()? {
            self.add(raw);
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn syntax(error: serde_json::Error) -> Fault {
    Fault::Json(error.to_string())
}

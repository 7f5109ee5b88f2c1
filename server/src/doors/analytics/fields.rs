//! The fields of one item, read by type (AT-01). `null` equals absent everywhere.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::Invalid;
use super::extract::Wrong;
use super::{json, timestamp};
use engine::events::{Members, Micros};

/// The fields a route knows, in step with its list of names.
#[derive(Debug)]
pub(super) struct RequestFields<'a> {
    names: &'static [&'static str],
    values: Vec<Option<&'a str>>,
}

/// The place of a field that is checked and described, and has no effect.
#[derive(Debug)]
pub(super) struct Checked;

impl<'a> RequestFields<'a> {
    /// Finds `names` in the object `raw`; of a repeated key the last counts.
    pub(super) fn parse(names: &'static [&'static str], raw: &'a RawValue) -> Result<Self, Wrong> {
        let mut fields = Self { names, values: vec![None; names.len()] };
        if !raw.get().starts_with('{') {
            let message = "every item must be a JSON object.".to_owned();
            return Err(Wrong::Schema(Invalid { field: None, message }));
        }
        visit_object(raw.get(), |name, value| {
            if let Some(place) = names.iter().position(|known| *known == name) {
                fields.values[place] = (value != "null").then_some(value);
            }
        })?;
        Ok(fields)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.names.iter().zip(&self.values).find_map(|(known, value)| (*known == name).then_some(*value)?)
    }

    /// A string, empty ones included.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<Box<str>>, Wrong> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        if !raw.starts_with('"') {
            return Err(invalid(name, "must be a string or null."));
        }
        Ok(Some(decode(raw)?))
    }

    /// A string that must be there and not be empty.
    pub(super) fn required(&self, name: &'static str) -> Result<Box<str>, Wrong> {
        let text =
            if self.get(name).is_some_and(|raw| raw.starts_with('"')) { self.text(name)? } else { None };
        text.filter(|text| !text.is_empty()).ok_or_else(|| invalid(name, "must be a non-empty string."))
    }

    /// An id that may be missing: `""` is none.
    pub(super) fn id(&self, name: &'static str) -> Result<Option<Box<str>>, Wrong> {
        Ok(self.text(name)?.filter(|id| !id.is_empty()))
    }

    /// An object, `{}` if absent. Of a repeated key the last value counts, at the first one's place.
    pub(super) fn object(&self, name: &'static str) -> Result<Members, Wrong> {
        let Some(raw) = self.get(name) else { return Ok(Members::new()) };
        if !raw.starts_with('{') {
            return Err(invalid(name, "must be an object or null."));
        }
        if !json::is_shallow(raw) {
            return Err(Wrong::Json(format!("`{name}` is nested deeper than {} levels", json::MAX_DEPTH)));
        }
        let mut members = Members::new();
        let mut places = HashMap::<Cow<'_, str>, usize>::new();
        visit_object(raw, |key, value| {
            let value = json::compact(value).into_boxed_str();
            match places.get(&key) {
                Some(&place) => members[place].1 = value,
                None => {
                    members.push((key.as_ref().into(), value));
                    places.insert(key, members.len() - 1);
                }
            }
        })?;
        Ok(members)
    }

    /// An instant (AT-02).
    pub(super) fn timestamp(&self, name: &'static str) -> Result<Option<Micros>, Wrong> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        let instant = match raw.as_bytes().first() {
            Some(b'"') => timestamp::from_text(&decode(raw)?),
            Some(b'-' | b'0'..=b'9') => timestamp::from_number(raw),
            _ => None,
        };
        instant.map(Some).ok_or_else(|| {
            invalid(
                name,
                "must be ISO 8601 text or a Unix time in seconds or milliseconds, from year 1 to 9999.",
            )
        })
    }
}

fn invalid(field: &'static str, rule: &str) -> Wrong {
    Wrong::Schema(Invalid { field: Some(field), message: format!("`{field}` {rule}") })
}

fn decode(raw: &str) -> Result<Box<str>, Wrong> {
    serde_json::from_str(raw).map_err(|error| Wrong::Json(error.to_string()))
}

/// Calls `each` with the decoded name and the raw value of every member of the object `raw`.
fn visit_object<'a>(raw: &'a str, each: impl FnMut(Cow<'a, str>, &'a str)) -> Result<(), Wrong> {
    struct Members<F>(F);
    impl<'de, F: FnMut(Cow<'de, str>, &'de str)> Visitor<'de> for Members<F> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some(json::Name(name)) = map.next_key()? {
                self.0(name, map.next_value::<&RawValue>()?.get());
            }
            Ok(())
        }
    }
    let read = serde_json::Deserializer::from_str(raw).deserialize_map(Members(each));
    read.map_err(|error| Wrong::Json(error.to_string()))
}

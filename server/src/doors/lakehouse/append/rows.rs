//! An append's body: which rows it has, and which keys each row (LP-01).

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::columns::Builder;
use crate::doors::lakehouse::response::{ApiError, Result};
use engine::ingest::{Append, IngestTarget};
use engine::{Error, ErrorKind};

/// What a body that is JSON holds.
pub(super) enum Read {
    /// Rows.
    Rows(Append),
    /// Something that is no row, as `invalid-data` (LP-05).
    NoRows(Error),
}

/// The members of an object in order, their values unread.
pub(in crate::doors::lakehouse) struct RowMembers<'a>(
    pub(in crate::doors::lakehouse) Vec<(Cow<'a, str>, &'a RawValue)>,
);

/// Reads the rows of a body, which may have so many different keys.
///
/// # Errors
/// `bad-request` for a body that is not JSON.
pub(super) fn read(body: &[u8], key_limit: usize, target: IngestTarget) -> Result<Read> {
    let top: &RawValue = serde_json::from_slice(body).map_err(|fault| malformed(&fault))?;
    let mut builder = Builder::new(key_limit);
    let added = match unwrap(top)? {
        Body::One(members) => builder.add(&members),
        Body::Many(rows) => rows.into_iter().try_for_each(|row| match members(row)? {
            Some(members) => builder.add(&members),
            None => Err(no_row(row).into()),
        }),
        Body::None(value) => return Ok(Read::NoRows(no_row(value))),
    };
    match added {
        Ok(()) => Ok(Read::Rows(builder.finish(target)?)),
        Err(RowsFault::NoRow(error)) => Ok(Read::NoRows(error)),
        Err(RowsFault::Malformed(error)) => Err(error),
    }
}

/// What ends the reading of rows.
pub(super) enum RowsFault {
    NoRow(Error),
    Malformed(ApiError),
}

impl From<Error> for RowsFault {
    fn from(error: Error) -> Self {
        Self::NoRow(error)
    }
}

impl From<ApiError> for RowsFault {
    fn from(error: ApiError) -> Self {
        Self::Malformed(error)
    }
}

enum Body<'a> {
    One(RowMembers<'a>),
    Many(Vec<&'a RawValue>),
    None(&'a RawValue),
}

/// Tells one row from many, without the `Single` or `Batch` around them that older clients send.
fn unwrap(top: &RawValue) -> Result<Body<'_>> {
    if let Some(rows) = elements(top)? {
        return Ok(Body::Many(rows));
    }
    let Some(row) = members(top)? else { return Ok(Body::None(top)) };
    if let [(key, value)] = row.0.as_slice() {
        match key.as_ref() {
            "Single" => {
                if let Some(inner) = members(value)? {
                    return Ok(Body::One(inner));
                }
            }
            "Batch" => {
                if let Some(rows) = elements(value)? {
                    return Ok(Body::Many(rows));
                }
            }
            _ => {}
        }
    }
    Ok(Body::One(row))
}

fn elements(value: &RawValue) -> Result<Option<Vec<&RawValue>>> {
    if !value.get().starts_with('[') {
        return Ok(None);
    }
    serde_json::from_str(value.get()).map(Some).map_err(|fault| malformed(&fault))
}

fn members(value: &RawValue) -> Result<Option<RowMembers<'_>>> {
    if !value.get().starts_with('{') {
        return Ok(None);
    }
    serde_json::from_str(value.get()).map(Some).map_err(|fault| malformed(&fault))
}

fn no_row(value: &RawValue) -> Error {
    let text: String = value.get().chars().take(40).collect();
    Error::new(ErrorKind::InvalidData, format!("a row must be a JSON object, not `{text}`"))
}

pub(super) fn malformed(fault: &serde_json::Error) -> ApiError {
    ApiError::bad_request(format!("the body is not JSON: {fault}"))
}

impl<'de: 'a, 'a> Deserialize<'de> for RowMembers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = RowMembers<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<RowMembers<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            members.push((key, value));
        }
        Ok(RowMembers(members))
    }
}

/// A key, borrowed unless it has escapes.
pub(in crate::doors::lakehouse) struct Key<'a>(pub(in crate::doors::lakehouse) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        text(deserializer).map(Self)
    }
}

/// A string, borrowed unless it has escapes.
pub(in crate::doors::lakehouse) fn text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Cow<'de, str>, D::Error> {
    struct Text;

    impl<'de> Visitor<'de> for Text {
        type Value = Cow<'de, str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_str<E>(self, text: &str) -> std::result::Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
    }

    deserializer.deserialize_str(Text)
}

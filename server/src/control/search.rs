//! What the routes that list and wait have in common: parts of time, pages, and how long to wait.

use std::collections::HashSet;

use axum::extract::FromRequestParts;
use chrono::DateTime;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use super::Plane;
use super::answer::{PlaneRefusal, PlaneResult};
use engine::{Moment, Span, clock};

/// How many entries a page has at most, and if nothing is said.
const MOST: usize = 10_000;
const USUAL: usize = 1_000;

/// How long a wait may be.
const LONGEST_MS: u64 = 600_000;
const USUAL_MS: u64 = 5_000;

/// The parameters that say whose, rather than which.
const SCOPES: [&str; 3] = ["tenant", "project", "environment"];

/// A part of the past: each end is the id of an entry, or an RFC 3339 time.
pub(super) fn span(since: Option<&str>, until: Option<&str>) -> PlaneResult<Span> {
    Ok(Span { since: moment("since", since)?, until: moment("until", until)? })
}

fn moment(field: &str, given: Option<&str>) -> PlaneResult<Option<Moment>> {
    let Some(given) = given else { return Ok(None) };
    if let Ok(id) = Uuid::try_parse(given) {
        return Ok(Some(Moment::Entry(id)));
    }
    match DateTime::parse_from_rfc3339(given) {
        Ok(time) => Ok(Some(Moment::Time(time.into()))),
        Err(_) => Err(PlaneRefusal::bad_request(format!(
            "`{field}` has to be the id of an entry or an RFC 3339 time"
        ))),
    }
}

/// How many to wait for, and until when.
pub(super) fn patience(count: Option<usize>, timeout_ms: Option<u64>) -> PlaneResult<(usize, Instant)> {
    let count = count.unwrap_or(1);
    if !(1..=MOST).contains(&count) {
        return Err(PlaneRefusal::bad_request(format!("`count` has to be 1 to {MOST}")));
    }
    let timeout_ms = timeout_ms.unwrap_or(USUAL_MS);
    if timeout_ms > LONGEST_MS {
        return Err(PlaneRefusal::bad_request(format!("`timeout_ms` may be at most {LONGEST_MS}")));
    }
    Ok((count, Instant::from_std(clock::moment()) + Duration::from_millis(timeout_ms)))
}

/// What a list asks for in its query string; a parameter that it does not know is refused.
pub(super) struct Page<T> {
    pub(super) matching: T,
    pub(super) span: Span,
    pub(super) cut: Cut,
}

/// How many, and from which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    limit: usize,
    latest_first: bool,
}

impl Cut {
    pub(super) fn of<T>(self, mut found: Vec<T>) -> Vec<T> {
        if self.latest_first {
            found.reverse();
        }
        found.truncate(self.limit);
        found
    }
}

impl<T: DeserializeOwned> FromRequestParts<Plane> for Page<T> {
    type Rejection = PlaneRefusal;

    async fn from_request_parts(parts: &mut Parts, _: &Plane) -> PlaneResult<Self> {
        Self::read(parts.uri.query().unwrap_or_default())
    }
}

impl<T: DeserializeOwned> Page<T> {
    fn read(query: &str) -> PlaneResult<Self> {
        let (mut since, mut until, mut cut) = (None, None, Cut { limit: USUAL, latest_first: false });
        let (mut rest, mut seen) = (Map::new(), HashSet::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !seen.insert(name.clone()) {
                return Err(PlaneRefusal::bad_request(format!(
                    "the query parameter `{name}` is given twice"
                )));
            }
            match &*name {
                "since" => since = Some(value.into_owned()),
                "until" => until = Some(value.into_owned()),
                "limit" => cut.limit = limit(&value)?,
                "order" => cut.latest_first = is_descending(&value)?,
                name if SCOPES.contains(&name) => {}
                _ => drop(rest.insert(name.into_owned(), Value::String(value.into_owned()))),
            }
        }
        let matching = serde_json::from_value(Value::Object(rest)).map_err(|fault| {
            PlaneRefusal::bad_request(format!("a query parameter is not as expected: {fault}"))
        })?;
        Ok(Self { matching, span: span(since.as_deref(), until.as_deref())?, cut })
    }
}

fn limit(given: &str) -> PlaneResult<usize> {
    let read = given.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    read.ok_or_else(|| {
        PlaneRefusal::bad_request(format!("the query parameter `limit` has to be 1 to {MOST}"))
    })
}

fn is_descending(given: &str) -> PlaneResult<bool> {
    match given {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(PlaneRefusal::bad_request("the query parameter `order` has to be `asc` or `desc`")),
    }
}

//! Which entries are meant.

use std::sync::Arc;
use std::time::SystemTime;

use regex::{Regex, RegexBuilder};
use uuid::Uuid;

use super::entry::JournalEntry;
use crate::error::{Error, Result};

/// How much a compiled pattern may take: its engine is linear, so that this also bounds the time per byte.
const PATTERN_BYTES: usize = 1 << 20;

/// How long a pattern may be.
const LONGEST_PATTERN: usize = 16 << 10;

/// A regular expression, found anywhere in a text.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// InvalidArgument for one that is malformed or too large.
    pub fn new(pattern: &str) -> Result<Self> {
        if pattern.len() > LONGEST_PATTERN {
            return Err(Error::invalid(format!("a pattern has {LONGEST_PATTERN} bytes at most")));
        }
        let built =
            RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
        built.map(Self).map_err(|fault| Error::invalid(format!("no regular expression: {fault}")))
    }

    /// Whether it is found in a text.
    pub(crate) fn is_in(&self, text: Option<&str>) -> bool {
        text.is_some_and(|text| self.0.is_match(text))
    }
}

/// The conditions that an entry has to meet; those that are not given are met (RJ-2).
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// The door's name.
    pub door: Option<String>,
    /// What was asked for, such as `POST /query`.
    pub operation: Option<String>,
    /// The status as its door writes it: `404`, `NOT_FOUND`.
    pub status: Option<String>,
    /// What the statement holds.
    pub statement: Option<Pattern>,
    /// What the error's text holds.
    pub error: Option<Pattern>,
    /// The table that rows were loaded into.
    pub table: Option<String>,
    /// The name of an event that it brought.
    pub event: Option<String>,
    /// The session.
    pub session: Option<Uuid>,
}

impl CallFilter {
    /// Whether an entry meets every condition.
    pub fn matches(&self, entry: &JournalEntry) -> bool {
        self.judged(entry).all(|(_, met)| met)
    }

    /// The names of the conditions that an entry does not meet.
    pub fn failed(&self, entry: &JournalEntry) -> Vec<&'static str> {
        self.judged(entry).filter(|(_, met)| !met).map(|(name, _)| name).collect()
    }

    /// Each condition in turn with its name, and whether it is met; the cheapest come first.
    fn judged<'a>(&'a self, entry: &'a JournalEntry) -> impl Iterator<Item = (&'static str, bool)> + 'a {
        CONDITIONS.iter().map(move |(name, is_met)| (*name, is_met(self, entry)))
    }
}

type Condition = fn(&CallFilter, &JournalEntry) -> bool;

const CONDITIONS: [(&str, Condition); 8] = [
    ("door", |wanted, entry| is(wanted.door.as_deref(), Some(entry.door))),
    ("operation", |wanted, entry| is(wanted.operation.as_deref(), Some(&entry.operation))),
    ("status", |wanted, entry| wanted.status.as_deref().is_none_or(|status| entry.status.is(status))),
    ("session", |wanted, entry| wanted.session.is_none_or(|session| entry.session == Some(session))),
    ("table", |wanted, entry| is(wanted.table.as_deref(), entry.table.as_deref())),
    ("event", |wanted, entry| {
        wanted.event.as_deref().is_none_or(|event| entry.events.iter().any(|name| **name == *event))
    }),
    ("statement", |wanted, entry| {
        holds(wanted.statement.as_ref(), entry.statement.as_ref().map(|kept| &*kept.text))
    }),
    ("error", |wanted, entry| holds(wanted.error.as_ref(), entry.error.as_deref())),
];

fn is(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_none() || wanted == found
}

fn holds(wanted: Option<&Pattern>, text: Option<&str>) -> bool {
    wanted.is_none_or(|pattern| pattern.is_in(text))
}

/// A point in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The end of the call with this id.
    Entry(Uuid),
    /// A time.
    Time(SystemTime),
}

/// A part of the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Where it begins: after that entry, or with the first call that began then.
    pub since: Option<Moment>,
    /// Where it ends: with that entry, or before the first call that began then.
    pub until: Option<Moment>,
}

impl Span {
    /// The place of its first entry. An entry that was forgotten is told by its id, which has a time in it.
    pub(super) fn start<'a>(&self, entries: impl IntoIterator<Item = &'a Arc<JournalEntry>>) -> usize {
        let Some(Moment::Entry(id)) = self.since else { return 0 };
        let (mut count, mut later) = (0, None);
        for (place, entry) in entries.into_iter().enumerate() {
            if entry.id == id {
                return place + 1;
            }
            if entry.id > id {
                later.get_or_insert(place);
            }
            count = place + 1;
        }
        later.unwrap_or(count)
    }

    /// Whether an entry from its start on is within it.
    pub(super) fn has(&self, entry: &JournalEntry) -> bool {
        let since = match self.since {
            Some(Moment::Time(time)) => entry.time >= time,
            Some(Moment::Entry(_)) | None => true,
        };
        since
            && match self.until {
                Some(Moment::Time(time)) => entry.time < time,
                Some(Moment::Entry(id)) => entry.id <= id,
                None => true,
            }
    }
}

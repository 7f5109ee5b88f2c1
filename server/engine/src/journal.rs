//! What a tenant ran lately, whichever door it came through, and what went wrong: for whoever runs the server, such as
//! the report of a failed test. Unlike the query log (LG) no client sees it.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::clock;
use crate::error::Error;

/// How many entries are kept per tenant.
const KEPT: usize = 50;

/// How many bytes of a statement are kept.
const LONGEST: usize = 2_000;

/// How many bytes of an error are kept: more, since it is read to its end.
const LONGEST_ERROR: usize = 16 << 10;

/// What an entry takes beside its texts.
const ENTRY: usize = 256;

/// The latest work of one tenant.
#[derive(Debug)]
pub struct Journal {
    entries: Mutex<VecDeque<Arc<JournalEntry>>>,
    limit: usize,
}

/// One statement or load.
#[derive(Debug)]
pub struct JournalEntry {
    /// The statement, cut if it is long, or the load in words.
    pub what: String,
    /// When it began.
    pub started: SystemTime,
    failure: OnceLock<Error>,
}

impl Journal {
    /// An empty journal that may take `limit` bytes.
    pub(crate) fn new(limit: u64) -> Self {
        Self { entries: Mutex::default(), limit: usize::try_from(limit).unwrap_or(usize::MAX) }
    }

    /// Notes that `what` begins.
    pub(crate) fn begin(&self, what: &str) -> Arc<JournalEntry> {
        let entry = Arc::new(JournalEntry {
            what: cut(what, LONGEST.min(self.limit / 2)).to_owned(),
            started: clock::now(),
            failure: OnceLock::new(),
        });
        let mut entries = self.entries.lock();
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(Arc::clone(&entry));
        self.trim(&mut entries);
        entry
    }

    /// Forgets the oldest until the rest fits. Errors come later than their entries, so that all are counted anew.
    fn trim(&self, entries: &mut VecDeque<Arc<JournalEntry>>) {
        while size(entries) > self.limit && entries.pop_front().is_some() {}
    }

    /// Forgets every entry.
    pub(crate) fn clear(&self) {
        self.entries.lock().clear();
    }

    /// How many bytes the entries take.
    pub(crate) fn bytes(&self) -> usize {
        size(&self.entries.lock())
    }

    /// Notes something that failed before it began.
    pub(crate) fn fail(&self, what: &str, error: &Error) {
        self.begin(what).fail(error);
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> Vec<Arc<JournalEntry>> {
        let mut entries = self.entries.lock();
        self.trim(&mut entries);
        entries.iter().cloned().collect()
    }
}

impl JournalEntry {
    /// Notes the failure; the first one counts.
    pub(crate) fn fail(&self, error: &Error) {
        // A later failure is a consequence of the first.
        let _ = self.failure.set(Error::new(error.kind(), cut(error.message(), LONGEST_ERROR)));
    }

    fn size(&self) -> usize {
        ENTRY + self.what.len() + self.failure().map_or(0, |error| error.message().len())
    }

    /// What went wrong, or `None` so far.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.get()
    }
}

fn size(entries: &VecDeque<Arc<JournalEntry>>) -> usize {
    entries.iter().map(|entry| entry.size()).sum()
}

/// The beginning of `text`, in whole characters.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_entries_are_kept_and_long_ones_cut_between_characters() {
        let journal = Journal::new(1 << 20);
        for number in 0..KEPT + 3 {
            journal.begin(&format!("SELECT {number}"));
        }
        journal.fail(&"é".repeat(LONGEST), &Error::invalid("too long"));
        let entries = journal.entries();
        assert_eq!((entries.len(), entries[0].what.as_str()), (KEPT, "SELECT 4"));
        let last = &entries[KEPT - 1];
        assert_eq!(last.what.len(), LONGEST);
        assert_eq!(last.failure().map(Error::message), Some("too long"));
    }

    #[test]
    fn the_first_failure_counts() {
        let entry = Journal::new(1 << 20).begin("SELECT 1");
        assert_eq!(entry.failure(), None);
        entry.fail(&Error::invalid("first"));
        entry.fail(&Error::invalid("second"));
        assert_eq!(entry.failure().map(Error::message), Some("first"));
    }

    #[test]
    fn texts_and_errors_stay_within_the_limit() {
        let journal = Journal::new(40_000);
        for _ in 0..KEPT {
            journal.fail(&"x".repeat(1 << 20), &Error::invalid("y".repeat(1 << 20)));
        }
        let entries = journal.entries();
        assert_eq!(entries.len(), 2);
        assert!(journal.bytes() <= 40_000);
        assert_eq!(entries[1].failure().map(|error| error.message().len()), Some(LONGEST_ERROR));
    }
}

//! What a tenant ran lately, whichever door it came through, and what went wrong: for whoever runs the server, such as
//! the report of a failed test. Unlike the query log (LG) no client sees it.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::error::Error;

/// How many entries are kept per tenant.
const KEPT: usize = 50;

/// How many bytes of a statement are kept.
const LONGEST: usize = 2_000;

/// The latest work of one tenant.
#[derive(Debug, Default)]
pub struct Journal {
    entries: Mutex<VecDeque<Arc<JournalEntry>>>,
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
    /// Notes that `what` begins.
    pub(super) fn begin(&self, what: &str) -> Arc<JournalEntry> {
        let entry = Arc::new(JournalEntry {
            what: cut(what).to_owned(),
            started: SystemTime::now(),
            failure: OnceLock::new(),
        });
        let mut entries = self.entries.lock();
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(Arc::clone(&entry));
        entry
    }

    /// Notes something that failed before it began.
    pub(super) fn fail(&self, what: &str, error: &Error) {
        self.begin(what).fail(error);
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> Vec<Arc<JournalEntry>> {
        self.entries.lock().iter().cloned().collect()
    }
}

impl JournalEntry {
    /// Notes the failure; the first one counts.
    pub(super) fn fail(&self, error: &Error) {
        // A later failure is a consequence of the first.
        let _ = self.failure.set(error.clone());
    }

    /// What went wrong, or `None` so far.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.get()
    }
}

/// The beginning of `text`, in whole characters.
fn cut(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_entries_are_kept_and_long_ones_cut_between_characters() {
        let journal = Journal::default();
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
        let entry = Journal::default().begin("SELECT 1");
        assert_eq!(entry.failure(), None);
        entry.fail(&Error::invalid("first"));
        entry.fail(&Error::invalid("second"));
        assert_eq!(entry.failure().map(Error::message), Some("first"));
    }
}

//! What a tenant's calls were, on every door (RJ): one entry each, made when the call has ended, the latest kept.
//!
//! An entry is put together from what is at hand, without formatting anything; whoever reads it does that.

mod entry;
mod filter;
mod text;

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

pub use self::entry::{CallStatus, JournalEntry, SqlState};
pub use self::filter::{CallFilter, Moment, Pattern, Span};
pub use self::text::KeptText;
pub(crate) use self::text::cut;
use crate::bell::Bell;
use crate::blocking;
use crate::error::Result;

/// How many entries are kept, whatever they take.
const KEPT: usize = 10_000;

/// How many of the entries that match least badly are told (RJ-3).
const NEAREST: usize = 3;

/// How many entries are looked at between two calls.
const FEW: usize = 64;

/// The latest calls of one tenant, or of nobody.
#[derive(Debug)]
pub struct Journal {
    ring: Mutex<Ring>,
    most: usize,
    limit: usize,
    /// Rung for each entry.
    bell: Bell,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Arc<JournalEntry>>,
    bytes: usize,
    /// The number of the first entry, counted from the first that there ever was.
    first: u64,
}

/// What came of a wait (RJ-3).
#[derive(Debug)]
pub struct Waited {
    /// The entries that match, oldest first, as many as were asked for at most.
    pub matched: Vec<Arc<JournalEntry>>,
    /// Whether they are as many as were asked for.
    pub is_enough: bool,
    /// How many entries were forgotten before they were looked at.
    pub missed: u64,
}

/// An entry that does not match, and the conditions that it fails.
#[derive(Debug)]
pub struct NearMiss {
    /// The entry.
    pub entry: Arc<JournalEntry>,
    /// The names of the conditions.
    pub failed: Vec<&'static str>,
}

impl Journal {
    /// An empty journal that may take `limit` bytes.
    pub(crate) fn new(limit: u64) -> Self {
        Self::of(KEPT, limit)
    }

    /// An empty journal of `most` entries within `limit` bytes.
    pub(crate) fn of(most: usize, limit: u64) -> Self {
        Self {
            ring: Mutex::default(),
            most,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            bell: Bell::default(),
        }
    }

    /// Adds an entry, and forgets the oldest until the rest fits.
    pub fn push(&self, entry: Arc<JournalEntry>) {
        let mut ring = self.ring.lock();
        ring.bytes += entry.size();
        ring.entries.push_back(entry);
        let mut forgotten = None;
        while ring.entries.len() > self.most || ring.bytes > self.limit {
            let Some(oldest) = ring.pop() else { break };
            forgotten = Some(oldest);
        }
        drop(ring);
        // Freed without anybody waiting for the lock.
        drop(forgotten);
        self.bell.ring();
    }

    /// Forgets every entry; how many there were.
    pub fn clear(&self) -> usize {
        let mut ring = self.ring.lock();
        let former = std::mem::take(&mut ring.entries);
        ring.first += former.len() as u64;
        ring.bytes = 0;
        drop(ring);
        former.len()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.ring.lock().entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the entries take.
    pub(crate) fn bytes(&self) -> usize {
        self.ring.lock().bytes
    }

    /// Every entry, oldest first.
    pub fn entries(&self) -> Vec<Arc<JournalEntry>> {
        self.ring.lock().entries.iter().cloned().collect()
    }

    /// The entries of a span that match, oldest first.
    ///
    /// # Errors
    /// Internal when the server fails at it.
    pub async fn find(&self, span: Span, filter: &Arc<CallFilter>) -> Result<Vec<Arc<JournalEntry>>> {
        let mut entries = self.entries();
        entries.drain(..span.start(&entries));
        sift(entries, span, filter).await
    }

    /// Waits until `count` entries of a span match, those that are there included, until `deadline` at most.
    ///
    /// # Errors
    /// Internal when the server fails at it.
    pub async fn wait(
        &self,
        span: Span,
        filter: &Arc<CallFilter>,
        count: usize,
        deadline: Instant,
    ) -> Result<Waited> {
        let listener = self.bell.listen();
        let mut waited = Waited { matched: Vec::new(), is_enough: false, missed: 0 };
        let mut seen = None;
        loop {
            let rung = listener.next();
            let fresh = self.after(span, &mut seen, &mut waited.missed);
            waited.matched.extend(sift(fresh, span, filter).await?);
            waited.matched.truncate(count);
            waited.is_enough = waited.matched.len() >= count;
            if waited.is_enough || timeout_at(deadline, rung).await.is_err() {
                return Ok(waited);
            }
        }
    }

    /// The entries that were not seen yet; `seen` counts on.
    fn after(&self, span: Span, seen: &mut Option<u64>, missed: &mut u64) -> Vec<Arc<JournalEntry>> {
        let ring = self.ring.lock();
        let from = match *seen {
            Some(seen) => {
                *missed += ring.first.saturating_sub(seen);
                usize::try_from(seen.saturating_sub(ring.first)).unwrap_or(usize::MAX)
            }
            None => span.start(&ring.entries),
        };
        *seen = Some(ring.first + ring.entries.len() as u64);
        ring.entries.iter().skip(from).cloned().collect()
    }

    /// The entries of a span that fail the fewest conditions, the latest of them first.
    ///
    /// # Errors
    /// Internal when the server fails at it.
    pub async fn nearest(&self, span: Span, filter: &Arc<CallFilter>) -> Result<Vec<NearMiss>> {
        let mut entries = self.entries();
        entries.drain(..span.start(&entries));
        let filter = Arc::clone(filter);
        blocking::run(move |_| {
            let misses = entries.into_iter().rev().filter(|entry| span.has(entry));
            let misses = misses.map(|entry| NearMiss { failed: filter.failed(&entry), entry });
            let mut misses: Vec<_> = misses.filter(|miss| !miss.failed.is_empty()).collect();
            misses.sort_by_key(|miss| miss.failed.len());
            misses.truncate(NEAREST);
            Ok(misses)
        })
        .await
    }
}

/// Those that match. Patterns may take their time over many statements, so that they are then looked for on a thread that
/// may block.
async fn sift(
    mut entries: Vec<Arc<JournalEntry>>,
    span: Span,
    filter: &Arc<CallFilter>,
) -> Result<Vec<Arc<JournalEntry>>> {
    let filter = Arc::clone(filter);
    let is_long = entries.len() > FEW;
    let work = move || {
        entries.retain(|entry| span.has(entry) && filter.matches(entry));
        Ok(entries)
    };
    if is_long { blocking::run(move |_| work()).await } else { work() }
}

impl Ring {
    fn pop(&mut self) -> Option<Arc<JournalEntry>> {
        let oldest = self.entries.pop_front()?;
        self.bytes -= oldest.size();
        self.first += 1;
        Some(oldest)
    }
}

#[cfg(test)]
mod tests;

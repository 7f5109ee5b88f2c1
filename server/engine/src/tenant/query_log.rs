//! The log of a tenant's REST queries: what ran, how it went, and the handle that cancels it (LG, LC).

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;
use uuid::Uuid;

use crate::clock;
use crate::journal::cut;
use crate::session::CancelToken;
use crate::sql::secrets;
use crate::tenant_clock::TenantClock;

/// How many entries are kept per tenant at most (LG-05).
const KEPT: usize = 10_000;

/// How many bytes of a statement or an error are kept.
const LONGEST: usize = 64 << 10;

/// How many bytes are kept of what a client says of itself.
const LONGEST_NAME: usize = 1 << 10;

/// What an entry takes beside its texts: itself, its token, and its places in the log.
const ENTRY: usize = 512;

/// The latest queries of one tenant.
#[derive(Debug)]
pub struct QueryLog {
    state: Arc<Mutex<Entries>>,
    clock: Arc<TenantClock>,
}

#[derive(Debug)]
struct Entries {
    entries: HashMap<Uuid, Arc<QueryEntry>>,
    order: VecDeque<Arc<QueryEntry>>,
    /// The sum over `order`.
    bytes: usize,
    limit: usize,
}

/// What a query was asked with.
#[derive(Debug, Clone)]
pub struct QueryFacts {
    /// The query's id, the client's or a new one (LQ-20).
    pub id: Uuid,
    /// The session it runs in, spelled as its client does, who names it again to cancel the query (LC-02).
    pub session: String,
    /// The trimmed statement; its beginning, in an entry that would otherwise be too large.
    pub statement: String,
    /// Whether it is to be shown in lists.
    pub visible: bool,
    /// By which door it came, in the words of LG-04.
    pub interface: &'static str,
    /// Who asked, as the client says.
    pub requested_by: Option<String>,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
}

/// One logged query; running until it has an end time.
#[derive(Debug)]
pub struct QueryEntry {
    /// What it was asked with.
    pub facts: QueryFacts,
    /// The bytes of the whole statement.
    pub query_length: usize,
    /// When it began.
    pub started: SystemTime,
    /// From when its duration is measured, which no change of a clock touches.
    began: Instant,
    /// Cancels it.
    pub cancel: CancelToken,
    rows: AtomicU64,
    outcome: Mutex<Option<Outcome>>,
    log: Weak<Mutex<Entries>>,
}

/// How a query ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// When it ended.
    pub ended: SystemTime,
    /// The error text if it failed or was cancelled.
    pub error: Option<String>,
}

/// How far a query is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// 0 to 100.
    pub percentage: f64,
    /// Rows delivered, or processed while DuckDB computes.
    pub rows: u64,
    /// Rows to process in total, as far as DuckDB knows.
    pub total: u64,
}

impl QueryLog {
    /// An empty log that may take `limit` bytes, and tells the times of that clock.
    pub fn new(limit: u64, clock: Arc<TenantClock>) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let state = Entries { entries: HashMap::new(), order: VecDeque::new(), bytes: 0, limit };
        Self { state: Arc::new(Mutex::new(state)), clock }
    }

    /// Logs a query as running; an earlier entry of the same id is replaced (LQ-20).
    pub fn start(&self, facts: QueryFacts, cancel: CancelToken) -> Arc<QueryEntry> {
        let query_length = facts.statement.len();
        let facts = without_secrets(facts);
        let mut state = self.state.lock();
        let facts = state.make_room(facts);
        let entry = Arc::new(QueryEntry {
            facts,
            query_length,
            started: self.clock.now(),
            began: clock::moment(),
            cancel,
            rows: AtomicU64::new(0),
            outcome: Mutex::new(None),
            log: Arc::downgrade(&self.state),
        });
        state.bytes += entry.facts.size();
        state.entries.insert(entry.facts.id, Arc::clone(&entry));
        state.order.push_back(Arc::clone(&entry));
        entry
    }

    /// The entry of an id.
    pub fn get(&self, id: Uuid) -> Option<Arc<QueryEntry>> {
        self.state.lock().entries.get(&id).cloned()
    }

    /// How many bytes the entries take.
    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
    }
}

impl Entries {
    /// Forgets old entries until a new one fits, and cuts its statement to what is left beside running ones.
    fn make_room(&mut self, facts: QueryFacts) -> QueryFacts {
        let cut_name = |text: Option<String>| text.map(|text| shortened(text, LONGEST_NAME));
        let facts = QueryFacts {
            statement: shortened(facts.statement, LONGEST),
            requested_by: cut_name(facts.requested_by),
            user_agent: cut_name(facts.user_agent),
            ..facts
        };
        self.trim(KEPT - 1, self.limit.saturating_sub(facts.size()));
        let rest = facts.size() - facts.statement.len();
        let room = self.limit.saturating_sub(self.bytes + rest);
        QueryFacts { statement: shortened(facts.statement, room), ..facts }
    }

    /// Forgets the oldest finished entries beyond a limit; running ones stay cancellable.
    fn trim(&mut self, most: usize, most_bytes: usize) {
        for _ in 0..self.order.len() {
            if self.order.len() <= most && self.bytes <= most_bytes {
                return;
            }
            let Some(oldest) = self.order.pop_front() else { return };
            let Some(size) = oldest.finished_size() else {
                self.order.push_back(oldest);
                continue;
            };
            self.bytes -= size;
            let id = oldest.facts.id;
            if self.entries.get(&id).is_some_and(|entry| Arc::ptr_eq(entry, &oldest)) {
                self.entries.remove(&id);
            }
        }
    }
}

impl QueryFacts {
    fn size(&self) -> usize {
        let optional = [&self.requested_by, &self.user_agent];
        let optional: usize = optional.into_iter().flatten().map(String::len).sum();
        ENTRY + self.session.len() + self.statement.len() + optional
    }
}

/// The beginning of a text, in whole characters, without the room that its end took.
fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(cut(&text, most).len());
    }
    text.shrink_to_fit();
    text
}

impl QueryEntry {
    /// Counts rows that were handed to the client.
    pub fn count_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Notes the end; the first call counts.
    pub fn finish(&self, error: Option<String>) {
        let error = error.map(|error| shortened(error, LONGEST));
        let log = self.log.upgrade();
        let mut state = log.as_ref().map(|log| log.lock());
        let mut outcome = self.outcome.lock();
        if outcome.is_some() {
            return;
        }
        let more = error.as_ref().map_or(0, String::len);
        *outcome = Some(Outcome { ended: self.started + self.began.elapsed(), error });
        drop(outcome);
        if let Some(state) = &mut state {
            state.bytes += more;
            let limit = state.limit;
            state.trim(KEPT, limit);
        }
    }

    /// What the entry takes, once it has ended.
    fn finished_size(&self) -> Option<usize> {
        let outcome = self.outcome.lock();
        outcome.as_ref().map(|outcome| self.facts.size() + outcome.error.as_ref().map_or(0, String::len))
    }

    /// How it ended, or `None` while it runs.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.lock().clone()
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let rows = self.rows.load(Ordering::Relaxed);
        if self.outcome().is_some() {
            return Progress { percentage: 100.0, rows, total: rows };
        }
        match self.cancel.progress() {
            Some((percentage, processed, total)) => Progress {
                percentage: percentage.clamp(0.0, 100.0),
                rows: processed.max(rows),
                total: total.max(rows),
            },
            None => Progress { percentage: 0.0, rows, total: rows },
        }
    }
}

/// The same with the secrets of the statement masked (LG-03).
fn without_secrets(mut facts: QueryFacts) -> QueryFacts {
    if let Cow::Owned(masked) = secrets::masked(&facts.statement).text {
        facts.statement = masked;
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(id: Uuid, statement: &str) -> QueryFacts {
        QueryFacts {
            id,
            session: Uuid::nil().to_string(),
            statement: statement.to_owned(),
            visible: true,
            interface: "HttpQuery",
            requested_by: None,
            user_agent: None,
        }
    }

    fn log() -> QueryLog {
        QueryLog::new(8 << 20, Arc::default())
    }

    #[test]
    fn a_reused_id_replaces_the_earlier_entry() {
        let log = log();
        let id = Uuid::now_v7();
        log.start(facts(id, "first"), CancelToken::new()).finish(None);
        log.start(facts(id, "second"), CancelToken::new());
        assert_eq!(log.get(id).unwrap().facts.statement, "second");
    }

    #[test]
    fn the_latest_ten_thousand_entries_are_kept_and_running_ones_longer() {
        let log = log();
        let running = Uuid::now_v7();
        log.start(facts(running, "running"), CancelToken::new());
        let ids: Vec<Uuid> = (0..KEPT + 5).map(|_| Uuid::now_v7()).collect();
        for id in &ids {
            log.start(facts(*id, "done"), CancelToken::new()).finish(None);
        }
        assert!(log.get(running).is_some());
        assert!(log.get(ids[0]).is_none());
        assert!(log.get(ids[KEPT + 4]).is_some());
        assert!(log.state.lock().entries.len() <= KEPT);
    }

    #[test]
    fn long_texts_are_cut_and_their_bytes_limited() {
        let log = log();
        let long = "é".repeat(1 << 19);
        let mut last = Uuid::nil();
        for _ in 0..200 {
            last = Uuid::now_v7();
            let facts = QueryFacts { user_agent: Some(long.clone()), ..facts(last, &long) };
            log.start(facts, CancelToken::new()).finish(Some(long.clone()));
            assert!(log.bytes() <= 8 << 20);
        }
        let entry = log.get(last).unwrap();
        assert_eq!((entry.facts.statement.len(), entry.query_length), (LONGEST, 1 << 20));
        assert_eq!(entry.facts.statement.capacity(), LONGEST);
        assert_eq!(entry.outcome().unwrap().error.map(|error| error.len()), Some(LONGEST));
        assert_eq!(entry.facts.user_agent.as_ref().map(String::len), Some(LONGEST_NAME));
    }

    #[test]
    fn running_entries_leave_a_new_one_what_room_there_is() {
        let log = QueryLog::new(4 * ENTRY as u64, Arc::default());
        let text = "x".repeat(ENTRY);
        let first = log.start(facts(Uuid::now_v7(), &text), CancelToken::new());
        let second = log.start(facts(Uuid::now_v7(), &text), CancelToken::new());
        assert_eq!(first.facts.statement.len(), ENTRY);
        assert!(second.facts.statement.len() < ENTRY && log.bytes() == 4 * ENTRY);
        let third = log.start(facts(Uuid::now_v7(), &text), CancelToken::new());
        assert_eq!((third.facts.statement.as_str(), third.query_length), ("", ENTRY));
        // Once they end they go, the oldest first.
        [first, second, third].iter().for_each(|entry| entry.finish(None));
        assert!(log.bytes() <= 4 * ENTRY);
    }

    #[test]
    fn the_first_outcome_counts() {
        let log = log();
        let entry = log.start(facts(Uuid::now_v7(), "x"), CancelToken::new());
        entry.finish(Some("cancelled".to_owned()));
        entry.finish(None);
        assert_eq!(entry.outcome().unwrap().error.as_deref(), Some("cancelled"));
        assert!((entry.progress().percentage - 100.0).abs() < f64::EPSILON);
    }
}

//! The log of a tenant's REST queries: what ran, how it went, and the handle that cancels it (LG, LC).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use uuid::Uuid;

use super::cancel::CancelToken;

/// How many entries are kept per tenant (LG-05).
const KEPT: usize = 10_000;

/// The latest queries of one tenant.
#[derive(Debug, Default)]
pub struct QueryLog {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Uuid, Arc<QueryEntry>>,
    order: VecDeque<Arc<QueryEntry>>,
}

/// What a query was asked with.
#[derive(Debug, Clone)]
pub struct QueryFacts {
    /// The query's id, the client's or a new one (LQ-20).
    pub id: Uuid,
    /// The session it runs in, spelled as its client does, who names it again to cancel the query (LC-02).
    pub session: String,
    /// The trimmed statement.
    pub statement: String,
    /// Whether it is to be shown in lists.
    pub visible: bool,
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
    /// When it began.
    pub started: SystemTime,
    /// Cancels it.
    pub cancel: CancelToken,
    rows: AtomicU64,
    outcome: Mutex<Option<Outcome>>,
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
    /// Logs a query as running; an earlier entry of the same id is replaced (LQ-20).
    pub fn start(&self, facts: QueryFacts, cancel: CancelToken) -> Arc<QueryEntry> {
        let id = facts.id;
        let entry = Arc::new(QueryEntry {
            facts,
            started: SystemTime::now(),
            cancel,
            rows: AtomicU64::new(0),
            outcome: Mutex::new(None),
        });
        let mut state = self.state.lock();
        state.entries.insert(id, Arc::clone(&entry));
        state.order.push_back(Arc::clone(&entry));
        state.trim();
        entry
    }

    /// The entry of an id.
    pub fn get(&self, id: Uuid) -> Option<Arc<QueryEntry>> {
        self.state.lock().entries.get(&id).cloned()
    }

    /// The latest entries, newest first.
    pub fn latest(&self, limit: usize) -> Vec<Arc<QueryEntry>> {
        self.state.lock().order.iter().rev().take(limit).cloned().collect()
    }
}

impl State {
    /// Forgets the oldest finished entries beyond the limit; running ones stay cancellable.
    fn trim(&mut self) {
        while self.order.len() > KEPT {
            let Some(oldest) = self.order.pop_front() else { return };
            if oldest.outcome().is_none() {
                self.order.push_back(oldest);
                return;
            }
            let id = oldest.facts.id;
            if self.entries.get(&id).is_some_and(|entry| Arc::ptr_eq(entry, &oldest)) {
                self.entries.remove(&id);
            }
        }
    }
}

impl QueryEntry {
    /// Counts rows that were handed to the client.
    pub fn count_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Notes the end; the first call counts.
    pub fn finish(&self, error: Option<String>) {
        self.outcome.lock().get_or_insert_with(|| Outcome { ended: SystemTime::now(), error });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(id: Uuid, statement: &str) -> QueryFacts {
        QueryFacts {
            id,
            session: Uuid::nil().to_string(),
            statement: statement.to_owned(),
            visible: true,
            requested_by: None,
            user_agent: None,
        }
    }

    #[test]
    fn a_reused_id_replaces_the_earlier_entry() {
        let log = QueryLog::default();
        let id = Uuid::now_v7();
        log.start(facts(id, "first"), CancelToken::new()).finish(None);
        log.start(facts(id, "second"), CancelToken::new());
        assert_eq!(log.get(id).unwrap().facts.statement, "second");
    }

    #[test]
    fn the_latest_ten_thousand_entries_are_kept_and_running_ones_longer() {
        let log = QueryLog::default();
        let running = Uuid::now_v7();
        log.start(facts(running, "running"), CancelToken::new());
        let ids: Vec<Uuid> = (0..KEPT + 5).map(|_| Uuid::now_v7()).collect();
        for id in &ids {
            log.start(facts(*id, "done"), CancelToken::new()).finish(None);
        }
        assert!(log.get(running).is_some());
        assert!(log.get(ids[0]).is_none());
        assert!(log.get(ids[KEPT + 4]).is_some());
        assert!(log.state.lock().entries.len() <= KEPT + 1);
    }

    #[test]
    fn the_first_outcome_counts() {
        let log = QueryLog::default();
        let entry = log.start(facts(Uuid::now_v7(), "x"), CancelToken::new());
        entry.finish(Some("cancelled".to_owned()));
        entry.finish(None);
        assert_eq!(entry.outcome().unwrap().error.as_deref(), Some("cancelled"));
        assert!((entry.progress().percentage - 100.0).abs() < f64::EPSILON);
    }
}

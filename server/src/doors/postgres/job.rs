//! One thing that a client asks, from the moment it comes in until it is answered: the call that logs, metrics and limits
//! know, and its entry in the query log.

use std::sync::Arc;

use http::Response;
use uuid::Uuid;

use super::fault::Halt;
use super::report::SqlReport;
use crate::doors::calls::{Ending, Manner};
use crate::doors::metrics::Metrics;
use engine::{Call, CallHead, CallStatus, QueryEntry, QueryFacts, Session, SqlState, Tenant};

/// Calls of this door come otherwise than by HTTP: no more than their beginning and end is told to what all doors share.
const MANNER: Manner = Manner {
    door: "postgres",
    operation: |_| "".into(),
    is_probe: |_| false,
    panicked: || Response::new(axum::body::Body::empty()),
    broken: || None,
    verdict: |_| None,
    is_journalled: true,
    untold: CallStatus::Unanswered,
    faults: None,
};

/// Something under way. Dropped before it is done, its client has gone.
pub(super) struct Job {
    ending: Ending,
    entry: Option<Arc<QueryEntry>>,
}

impl Job {
    /// Something begins that concerns no database yet.
    pub(super) fn new(operation: &'static str, metrics: &Arc<Metrics>) -> Self {
        let call = Arc::new(Call::new(MANNER.door, operation, &Uuid::new_v4().to_string()));
        Self { ending: Ending::new(call, MANNER, Arc::clone(metrics), None), entry: None }
    }

    /// It is of this user, whose client calls itself so.
    pub(super) fn admit(&self, tenant: &Tenant, client: &str) {
        tenant.admit(self.call());
        self.call().begins(|| {
            let fields = vec![("application_name".to_owned(), client.to_owned())];
            CallHead { path: String::new(), fields }
        });
    }

    /// It runs a statement, which the query log tells (LG).
    pub(super) fn log(&mut self, tenant: &Tenant, session: &Session, sql: &str, client: &str) {
        self.ending.is_of(client);
        let facts = QueryFacts {
            id: Uuid::now_v7(),
            session: session.id().to_string(),
            statement: sql.trim().to_owned(),
            visible: true,
            interface: "Postgres",
            requested_by: None,
            user_agent: Some(client.to_owned()).filter(|name| !name.is_empty()),
        };
        self.entry = Some(tenant.queries().start(facts, self.call().cancel().clone()));
    }

    /// The call.
    pub(super) fn call(&self) -> &Arc<Call> {
        self.ending.call()
    }

    /// It is kept in the journal only if it fails.
    pub(super) fn is_no_news(&mut self) {
        self.ending.is_no_news();
    }

    /// So many rows went to the client.
    pub(super) fn count_rows(&self, rows: usize) {
        self.call().count_rows(rows as u64);
        if let Some(entry) = &self.entry {
            entry.count_rows(rows);
        }
    }

    /// It has come to its end, with so many bytes of an answer; without one if the client has gone.
    pub(super) fn ended<T>(mut self, outcome: &Result<T, Halt>, bytes: u64) {
        self.ending.sends(bytes);
        match outcome {
            Err(Halt::Gone) => {}
            Err(Halt::Told(report)) => self.done(Some(report)),
            Ok(_) => self.done(None),
        }
    }

    /// It is answered, with an error if there is one.
    pub(super) fn done(mut self, failure: Option<&SqlReport>) {
        if let Some(report) = failure {
            self.call().fail(&report.message);
        }
        if let Some(entry) = self.entry.take() {
            entry.finish(failure.map(|report| report.message.clone()));
        }
        self.ending.told(CallStatus::SqlState(failure.map_or(SqlState::SUCCESS, SqlReport::sqlstate)));
        self.ending.ended();
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            entry.finish(Some("the client went away".to_owned()));
        }
    }
}

//! A query under way: its session, its log entry, and what becomes of them when the response ends.

use std::sync::Arc;

use http::HeaderMap;
use http::header::USER_AGENT;

use super::request::QueryRequest;
use crate::doors::lakehouse::extract::Caller;
use crate::doors::lakehouse::response;
use crate::doors::lakehouse::session::{RequestSession, SentId};
use duck::types::Fidelity;
use engine::{Call, Error, Execute, QueryEntry, QueryFacts, Result, ResultStream, Script, Statement};

/// The log's word on a query whose client broke off (LQ-07).
const CLIENT_GONE: &str = "the client disconnected before the end of the result";

/// A logged query. Dropped before its end, it is cancelled and logged as failed.
#[derive(Debug)]
pub(super) struct RunningQuery {
    /// What was asked.
    pub(super) request: QueryRequest,
    /// Where it runs.
    pub(super) session: RequestSession,
    entry: Arc<QueryEntry>,
    call: Arc<Call>,
}

impl RunningQuery {
    /// Opens or finds the session and logs the query as running (LG-03).
    ///
    /// # Errors
    /// `limit-exceeded` for a statement that is too long, or one session too many; `internal` when no database can be
    /// opened.
    pub(super) async fn start(
        caller: &Caller,
        request: QueryRequest,
        headers: &HeaderMap,
    ) -> response::Result<Self> {
        let (tenant, call) = (&caller.0, &caller.1);
        if request.bind.is_some() {
            call.binds_values();
        }
        tenant.limits().check_statement(&request.statement)?;
        let session = match request.ephemeral {
            true => RequestSession::ephemeral(tenant).await?,
            false => RequestSession::named(tenant, request.session.as_ref().map(SentId::id)).await?,
        };
        let facts = QueryFacts {
            id: request.id.id(),
            session: match &request.session {
                Some(sent) if sent.id() == session.id() => sent.text().to_owned(),
                _ => session.id().to_string(),
            },
            statement: request.statement.clone(),
            visible: request.visible,
            interface: "HttpQuery",
            requested_by: request.requested_by.clone(),
            user_agent: headers
                .get(USER_AGENT)
                .map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned()),
        };
        let entry = tenant.queries().start(facts, call.cancel().clone());
        Ok(Self { request, session, entry, call: Arc::clone(call) })
    }

    /// The session's id in its client's spelling.
    pub(super) fn session_text(&self) -> &str {
        &self.entry.facts.session
    }

    /// Starts the statement, or the statements.
    ///
    /// # Errors
    /// DuckDB's, and the engine's own.
    pub(super) async fn execute(&self, fidelity: Fidelity) -> Result<ResultStream> {
        let execute = Execute {
            statement: Statement::Script(Script::new(
                self.request.statement.clone(),
                self.request.lines_before,
            )),
            target: self.request.target.clone(),
            bind: self.request.bind.clone(),
            window: self.request.window(),
            fidelity,
            finish_writes: false,
            early_shape: false,
            ahead: true,
        };
        self.session.execute(execute, &self.call).await
    }

    /// Counts rows handed to the client.
    pub(super) fn count_rows(&self, rows: usize) {
        self.entry.count_rows(rows);
        self.call.count_rows(rows as u64);
    }

    /// Logs the end.
    pub(super) fn finish(&self, outcome: Result<(), &Error>) {
        match outcome {
            Ok(()) => self.call.count_rows(0),
            Err(error) => self.call.fail(error.message()),
        }
        self.entry.finish(outcome.err().map(|error| error.message().to_owned()));
    }
}

impl Drop for RunningQuery {
    fn drop(&mut self) {
        if self.entry.outcome().is_none() {
            self.entry.cancel.cancel(CLIENT_GONE);
            self.entry.finish(Some(CLIENT_GONE.to_owned()));
        }
    }
}

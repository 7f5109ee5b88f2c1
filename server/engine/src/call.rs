//! A call: one thing that a client asks of one door, from the moment it comes in until its answer has ended.

mod meeting;
mod notes;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

pub use self::notes::{CallEnd, Notes};
use self::notes::{CallFacts, kind_of, without_secrets};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::faults::FacedRules;
use crate::journal::{JournalEntry, cut};
use crate::session::CancelToken;

/// How many bytes of an error a call keeps: enough to read what happened.
const LONGEST_FAILURE: usize = 2_000;

/// How many bytes of a client's own words a call keeps, its id and its user's name: lines of the log wait in memory.
const LONGEST_NAME: usize = 200;

/// The beginnings of DuckDB's errors that are about the statement's text, which holds no parameter.
const OF_THE_TEXT: &[&str] =
    &["Parser Error:", "Binder Error:", "Catalog Error:", "Permission Error:", "INTERRUPT Error:"];

/// What is known of a call; it becomes more while the call goes on.
#[derive(Debug)]
pub struct Call {
    door: &'static str,
    request_id: String,
    started: Instant,
    operation: Mutex<Cow<'static, str>>,
    tenant: OnceLock<Arc<str>>,
    session: OnceLock<Uuid>,
    rows: AtomicU64,
    counts_rows: AtomicBool,
    binds_values: AtomicBool,
    failure: OnceLock<String>,
    notes: Notes,
    /// The rules for faults that it may meet, where there are any.
    faced: OnceLock<Box<FacedRules>>,
    cancel: CancelToken,
}

impl Call {
    /// A call that comes in now. `operation` is what it asks for, of a list that no client makes longer.
    pub fn new(door: &'static str, operation: impl Into<Cow<'static, str>>, request_id: &str) -> Self {
        Self {
            door,
            request_id: cut(request_id, LONGEST_NAME).to_owned(),
            started: clock::moment(),
            operation: Mutex::new(operation.into()),
            tenant: OnceLock::new(),
            session: OnceLock::new(),
            rows: AtomicU64::new(0),
            counts_rows: AtomicBool::new(false),
            binds_values: AtomicBool::new(false),
            failure: OnceLock::new(),
            notes: Notes::default(),
            faced: OnceLock::new(),
            cancel: CancelToken::new(),
        }
    }

    /// What the server does by itself, such as storing the appends of several calls together.
    pub fn of_server(operation: &'static str) -> Arc<Self> {
        Arc::new(Self::new("server", operation, ""))
    }

    /// The door's name.
    pub fn door(&self) -> &'static str {
        self.door
    }

    /// What it asks for, such as `POST /query` or `DoGet`.
    pub fn operation(&self) -> Cow<'static, str> {
        self.operation.lock().clone()
    }

    /// Says more exactly what it asks for; of a list that no client makes longer.
    pub fn refine(&self, operation: impl Into<Cow<'static, str>>) {
        *self.operation.lock() = operation.into();
    }

    /// The id by which client and log name it.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// How long it has taken so far.
    pub fn elapsed(&self) -> Duration {
        clock::moment().duration_since(self.started)
    }

    /// It is of this user, whose credentials were checked.
    pub fn admit(&self, tenant: &Arc<str>) {
        let _ = self.tenant.set(Arc::clone(tenant));
    }

    /// The user's name, cut if it is long, once known.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.get().map(|tenant| cut(tenant, LONGEST_NAME))
    }

    /// Whether it may ask something of this user's database.
    ///
    /// # Errors
    /// Unauthenticated if it is of another user.
    pub(crate) fn check(&self, tenant: &str) -> Result<()> {
        match self.tenant.get() {
            Some(own) if **own != *tenant => {
                Err(Error::new(ErrorKind::Unauthenticated, "the session belongs to another user"))
            }
            _ => Ok(()),
        }
    }

    /// It is about to run in this session of this user.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub(crate) fn enter(&self, tenant: &str, session: Uuid) -> Result<()> {
        self.in_session(session);
        self.check(tenant)
    }

    /// Cancels what it runs.
    pub fn cancel(&self) -> &CancelToken {
        &self.cancel
    }

    /// It runs in this session.
    pub fn in_session(&self, id: Uuid) {
        let _ = self.session.set(id);
    }

    /// The session, if it has one.
    pub fn session(&self) -> Option<Uuid> {
        self.session.get().copied()
    }

    /// So many more rows were handed to the client, or taken from it.
    pub fn count_rows(&self, rows: u64) {
        self.counts_rows.store(true, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// How many rows went over the wire; `None` for a call that is not about rows.
    pub fn rows(&self) -> Option<u64> {
        self.counts_rows.load(Ordering::Relaxed).then(|| self.rows.load(Ordering::Relaxed))
    }

    /// It brings parameters, which DuckDB may quote in an error.
    pub fn binds_values(&self) {
        self.binds_values.store(true, Ordering::Relaxed);
    }

    /// What is noted of it for the journal.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// It has ended, and becomes an entry in the journals that it belongs to, or else is handed to `strangers`.
    pub fn end(&self, end: CallEnd<'_>, strangers: impl FnOnce(Arc<JournalEntry>)) {
        let facts = CallFacts {
            door: self.door,
            operation: self.operation(),
            tenant: self.tenant.get().cloned(),
            session: self.session(),
            rows: self.rows(),
            duration: self.elapsed(),
            fault: self.struck_by(),
        };
        self.notes.end(facts, end, strangers);
    }

    /// It fails. The first failure counts: a later one is its consequence.
    pub fn fail(&self, message: &str) {
        self.notes.fail(message);
        // DuckDB shows the place in the statement last.
        let message = message.split_once("\n\nLINE ").map_or(message, |(text, _)| text);
        let kept = if self.binds_values.load(Ordering::Relaxed) { without_values(message) } else { message };
        let _ = self.failure.set(cut(kept, LONGEST_FAILURE).to_owned());
    }

    /// What went wrong, without any parameter's value; of a statement that holds a secret, the error's type.
    pub fn failure(&self) -> Option<&str> {
        let failure = self.failure.get()?;
        Some(if self.notes.has_secret() { without_secrets(failure) } else { failure })
    }
}

/// As much of an error as holds no parameter's value: all of one about the statement's text, of others their type.
fn without_values(message: &str) -> &str {
    if OF_THE_TEXT.iter().any(|beginning| message.starts_with(beginning)) {
        return message;
    }
    kind_of(message).unwrap_or("an error that may quote a parameter")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Conversion Error: Could not convert string 'topsecret' to INT32", "Conversion Error")]
    #[case(
        "Catalog Error: Table with name t does not exist!",
        "Catalog Error: Table with name t does not exist!"
    )]
    #[case("topsecret", "an error that may quote a parameter")]
    fn a_parameter_never_shows(#[case] message: &str, #[case] kept: &str) {
        let call = Call::new("flight", "DoGet", "");
        call.binds_values();
        call.fail(message);
        call.fail("later");
        assert_eq!(call.failure(), Some(kept));
    }

    #[test]
    fn no_secret_of_a_statement_shows() {
        let call = Call::new("lakehouse", "POST /query", "");
        call.notes().states("CREATE SECRET s (TYPE S3, SECRET 'topsecret");
        call.fail("Parser Error: unterminated quoted string at or near \"'topsecret\"");
        assert_eq!(call.failure(), Some("Parser Error"));
    }

    #[test]
    fn the_place_in_the_statement_is_left_out() {
        let call = Call::new("lakehouse", "POST /query", "");
        call.fail("Binder Error: Referenced column \"x\" not found\n\nLINE 1: SELECT x, 'topsecret'\n               ^");
        assert_eq!(call.failure(), Some("Binder Error: Referenced column \"x\" not found"));
    }

    #[test]
    fn the_first_failure_counts_and_is_kept_short() {
        let call = Call::new("lakehouse", "POST /query", "");
        call.fail(&"é".repeat(LONGEST_FAILURE));
        call.fail("second");
        assert_eq!(call.failure().map(str::len), Some(LONGEST_FAILURE));
    }

    #[test]
    fn a_clients_words_are_kept_short() {
        let long = "é".repeat(LONGEST_NAME);
        let call = Call::new("flight", "DoGet", &long);
        call.admit(&long.as_str().into());
        assert_eq!(
            (call.request_id().len(), call.tenant().map(str::len)),
            (LONGEST_NAME, Some(LONGEST_NAME))
        );
    }

    #[test]
    fn rows_are_told_of_calls_that_have_some_or_none() {
        let call = Call::new("flight", "DoGet", "");
        assert_eq!(call.rows(), None);
        call.count_rows(0);
        assert_eq!(call.rows(), Some(0));
        call.count_rows(3);
        assert_eq!(call.rows(), Some(3));
    }
}

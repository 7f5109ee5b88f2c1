//! What a call says of itself for the journal, while it goes on, and the entry that it becomes (RJ-1).

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use uuid::Uuid;

use crate::clock;
use crate::journal::{CallStatus, Journal, JournalEntry, KeptText, cut};
use crate::session::Bind;
use crate::sql::secrets;

/// How many bytes of a statement are kept.
const LONGEST_STATEMENT: usize = 16 << 10;

/// How many bytes of a parameter's value are kept.
const LONGEST_VALUE: usize = 1 << 10;

/// How many parameters are kept.
const MOST_VALUES: usize = 100;

/// How many names of events are kept, and how many bytes of each.
const MOST_EVENTS: usize = 100;
const LONGEST_EVENT: usize = 200;

/// How many bytes of an error are kept: more than in the log, since it is read to its end.
const LONGEST_ERROR: usize = 16 << 10;

/// How many bytes of a client's name for itself are kept.
const LONGEST_CLIENT: usize = 200;

/// What is noted of a call beyond what the log tells.
#[derive(Debug, Default)]
pub struct Notes {
    id: OnceLock<Uuid>,
    /// Where its entry goes.
    journals: OnceLock<Journals>,
    statement: OnceLock<Noted>,
    table: OnceLock<Box<str>>,
    events: OnceLock<Box<[Box<str>]>>,
    parameters: OnceLock<Box<[Option<KeptText>]>>,
    error: OnceLock<Box<str>>,
    bytes_in: AtomicU64,
}

#[derive(Debug)]
enum Journals {
    /// That of the tenant whose credentials the call has.
    Own(Arc<Journal>),
    /// Those of the tenants who see what it writes.
    Viewers(Box<[Arc<Journal>]>),
}

#[derive(Debug)]
struct Noted {
    text: KeptText,
    /// Whether it holds a secret, or one is bound to it, so that neither its errors nor its parameters are shown.
    has_secret: bool,
}

/// How a call ended, as only its door knows.
#[derive(Debug, Clone, Copy)]
pub struct CallEnd<'a> {
    /// How its answer was marked.
    pub status: CallStatus,
    /// The bytes of its answer's body.
    pub bytes_out: u64,
    /// What its client calls itself.
    pub client: Option<&'a str>,
}

/// What is known of a call beside its notes.
#[derive(Debug)]
pub(super) struct CallFacts {
    pub(super) door: &'static str,
    pub(super) operation: Cow<'static, str>,
    pub(super) tenant: Option<Arc<str>>,
    pub(super) session: Option<Uuid>,
    pub(super) rows: Option<u64>,
    pub(super) duration: Duration,
    pub(super) fault: Option<Uuid>,
}

impl Notes {
    /// As much of an error as is read by the user whose call it was.
    pub(super) fn fail(&self, message: &str) {
        let _ = self.error.set(cut(message, LONGEST_ERROR).into());
    }

    /// Its id, a UUIDv7, made when it is first asked for.
    pub fn id(&self) -> Uuid {
        *self.id.get_or_init(Uuid::now_v7)
    }

    /// Its entry goes into that journal: the tenant's whose credentials it has.
    pub(crate) fn is_kept_in(&self, journal: &Arc<Journal>) {
        let _ = self.journals.set(Journals::Own(Arc::clone(journal)));
    }

    /// Its entry goes into those journals: of the tenants who see what it writes.
    pub fn is_seen_by(&self, journals: Vec<Arc<Journal>>) {
        let _ = self.journals.set(Journals::Viewers(journals.into()));
    }

    /// It is about this statement; the first one counts.
    pub fn states(&self, sql: &str) {
        self.statement.get_or_init(|| {
            // Before it is masked, for a lexer reads all that it is given.
            let beginning = cut(sql, LONGEST_STATEMENT);
            let secrets::Masked { text: shown, has_secret } = secrets::masked(beginning);
            let has_secret = has_secret || secrets::may_hold_secret(&sql[beginning.len()..]);
            let text = KeptText { text: cut(&shown, LONGEST_STATEMENT).into(), length: sql.len() };
            Noted { text, has_secret }
        });
    }

    /// Its statement so far, as it is kept.
    pub(super) fn statement(&self) -> Option<&str> {
        self.statement.get().map(|noted| &*noted.text.text)
    }

    /// The table that it loads rows into, if that is known.
    pub(super) fn table(&self) -> Option<&str> {
        self.table.get().map(|table| &**table)
    }

    /// The names of the events that it brings.
    pub(super) fn events(&self) -> &[Box<str>] {
        self.events.get().map_or(&[], |events| events)
    }

    /// Whether its statement holds a secret, which an error may quote.
    pub(super) fn has_secret(&self) -> bool {
        self.statement.get().is_some_and(|noted| noted.has_secret)
    }

    /// It binds these values.
    pub(crate) fn states_parameters(&self, bind: &Bind) {
        self.parameters.get_or_init(|| shown(bind));
    }

    /// It loads rows into that table.
    pub fn loads_into(&self, table: &str) {
        let _ = self.table.set(cut(table, LONGEST_EVENT).into());
    }

    /// It brings events of these names.
    pub fn brings<'a>(&self, events: impl Iterator<Item = &'a str>) {
        let names = events.take(MOST_EVENTS).map(|name| cut(name, LONGEST_EVENT).into());
        let _ = self.events.set(names.collect());
    }

    /// So many more bytes of its request were read.
    pub fn count_bytes_in(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Puts the entry of a call that has ended into the journals that it belongs to, or else into that of calls which
    /// are nobody's.
    pub(super) fn end(&self, facts: CallFacts, end: CallEnd<'_>, strangers: impl FnOnce(Arc<JournalEntry>)) {
        let entry = Arc::new(self.entry(facts, end));
        match self.journals.get() {
            Some(Journals::Own(journal)) => journal.push(entry),
            Some(Journals::Viewers(journals)) if !journals.is_empty() => {
                journals.iter().for_each(|journal| journal.push(Arc::clone(&entry)));
            }
            Some(Journals::Viewers(_)) | None => strangers(entry),
        }
    }

    fn entry(&self, facts: CallFacts, end: CallEnd<'_>) -> JournalEntry {
        let statement = self.statement.get();
        // A text of DuckDB's may quote the statement.
        let error = match statement {
            Some(noted) if noted.has_secret => self.error.get().map(|error| without_secrets(error).into()),
            _ => self.error.get().cloned(),
        };
        JournalEntry {
            id: self.id(),
            time: clock::now() - facts.duration,
            door: facts.door,
            operation: facts.operation,
            tenant: facts.tenant,
            session: facts.session,
            statement: statement.map(|noted| noted.text.clone()),
            table: self.table.get().cloned(),
            events: self.events.get().cloned().unwrap_or_default(),
            parameters: self.shown_parameters(),
            status: end.status,
            error,
            rows: facts.rows,
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: end.bytes_out,
            duration: facts.duration,
            client: end.client.map(|client| cut(client, LONGEST_CLIENT).into()),
            fault: facts.fault,
        }
    }

    /// Its parameters; of a statement that holds a secret, how many there are.
    fn shown_parameters(&self) -> Box<[Option<KeptText>]> {
        let parameters = self.parameters.get().cloned().unwrap_or_default();
        if !self.has_secret() {
            return parameters;
        }
        let hidden = || KeptText { text: secrets::HIDDEN.into(), length: secrets::HIDDEN.len() };
        parameters.iter().map(|parameter| parameter.as_ref().map(|_| hidden())).collect()
    }
}

/// The type of an error, such as `Conversion Error`, without what it is about.
pub(super) fn kind_of(error: &str) -> Option<&str> {
    error.split_once(": ").map(|(kind, _)| kind).filter(|kind| kind.ends_with(" Error"))
}

/// As much of an error as holds no secret of its statement: its type.
pub(super) fn without_secrets(error: &str) -> &str {
    kind_of(error).unwrap_or("an error that may quote a secret")
}

/// The values of the first row as texts.
fn shown(bind: &Bind) -> Box<[Option<KeptText>]> {
    let options = FormatOptions::default();
    let columns = bind.rows.columns().iter().take(MOST_VALUES);
    let values = columns.map(|column| {
        let has_value = !column.is_empty() && column.is_valid(0);
        let formatter = has_value.then(|| ArrayFormatter::try_new(column, &options).ok()).flatten()?;
        let mut text = Beginning::default();
        // It says when it has enough.
        let _ = std::fmt::write(&mut text, format_args!("{}", formatter.value(0)));
        Some(KeptText { length: text.length, text: text.kept.into() })
    });
    values.collect()
}

/// The beginning of what is written, and how much that is.
#[derive(Default)]
struct Beginning {
    kept: String,
    length: usize,
}

impl std::fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.length += text.len();
        self.kept.push_str(cut(text, LONGEST_VALUE - self.kept.len()));
        Ok(())
    }
}

//! One call as the journal keeps it.

use std::borrow::Cow;
use std::mem::size_of;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::text::KeptText;

/// One call that has ended (RJ-1). No field holds a credential of the caller's.
#[derive(Debug)]
pub struct JournalEntry {
    /// Its id, a UUIDv7; events that it stored carry it too.
    pub id: Uuid,
    /// When it began.
    pub time: SystemTime,
    /// The door's name.
    pub door: &'static str,
    /// What it asked for, such as `POST /query`.
    pub operation: Cow<'static, str>,
    /// The user's name, once the credentials were checked.
    pub tenant: Option<Arc<str>>,
    /// The session that it ran in.
    pub session: Option<Uuid>,
    /// What it ran, secrets masked.
    pub statement: Option<KeptText>,
    /// The table that it loaded rows into.
    pub table: Option<Box<str>>,
    /// The names of the events that it brought, as many as are kept.
    pub events: Box<[Box<str>]>,
    /// The values that it bound, of the first row if there were several; `None` for NULL.
    pub parameters: Box<[Option<KeptText>]>,
    /// How its answer was marked.
    pub status: CallStatus,
    /// Why it failed, if it did.
    pub error: Option<Box<str>>,
    /// How many rows went over the wire, if it was about rows.
    pub rows: Option<u64>,
    /// The bytes of its request's body.
    pub bytes_in: u64,
    /// The bytes of its answer's body.
    pub bytes_out: u64,
    /// How long it took, to the end of its answer.
    pub duration: Duration,
    /// What its client called itself.
    pub client: Option<Box<str>>,
    /// The fault rule whose effects it met (FR-4).
    pub fault: Option<Uuid>,
}

/// How an answer was marked, in the words of its door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStatus {
    /// HTTP's status.
    Http(u16),
    /// The name of gRPC's status, such as `NOT_FOUND`.
    Grpc(&'static str),
    /// PostgreSQL's SQLSTATE; `00000` where all went well.
    SqlState(SqlState),
    /// There was none: its client had gone.
    Unanswered,
}

/// A code of PostgreSQL's: five digits or capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// What went well.
    pub const SUCCESS: Self = Self(*b"00000");

    /// Reads a code; none if it is of another form.
    pub fn read(code: &str) -> Option<Self> {
        let bytes: [u8; 5] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()).then_some(Self(bytes))
    }

    /// The code as it is written.
    pub fn as_str(&self) -> &str {
        // It holds nothing but ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl CallStatus {
    /// Whether it is the one that a user writes so, as `404`, `NOT_FOUND` or `42P01`.
    pub(super) fn is(self, written: &str) -> bool {
        match self {
            Self::Http(code) => written.parse() == Ok(code),
            Self::Grpc(name) => name == written,
            Self::SqlState(code) => code.as_str() == written,
            Self::Unanswered => false,
        }
    }
}

impl JournalEntry {
    /// What it takes in memory.
    pub(super) fn size(&self) -> usize {
        let texts = [self.error.as_deref(), self.table.as_deref(), self.client.as_deref()];
        let texts: usize = texts.into_iter().flatten().map(str::len).sum();
        let statement = self.statement.as_ref().map_or(0, KeptText::size);
        let events: usize = self.events.iter().map(|event| size_of::<Box<str>>() + event.len()).sum();
        let parameters = self
            .parameters
            .iter()
            .map(|value| size_of::<Option<KeptText>>() + value.as_ref().map_or(0, KeptText::size));
        // With the counts of its reference, and its place in the journal.
        size_of::<Self>() + 3 * size_of::<usize>() + texts + statement + events + parameters.sum::<usize>()
    }
}

//! What a request asks of the store, validated and decoded: the doors parse, the store never does.

use uuid::Uuid;

/// An instant, in microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub i64);

impl Micros {
    /// The present.
    pub fn now() -> Self {
        let since = crate::clock::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// When a request came, and which it was.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    /// When.
    pub at: Micros,
    /// The id of its call, which its events carry.
    pub request: Uuid,
}

impl From<Micros> for Receipt {
    /// Of something that no call has brought.
    fn from(at: Micros) -> Self {
        Self { at, request: Uuid::nil() }
    }
}

/// The members of a JSON object: names, each once, with their values as compact JSON text.
pub type Members = Vec<(Box<str>, Box<str>)>;

/// One element of a request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The environment it goes to; AT-01 has already turned an absent one into `production`.
    pub environment: Box<str>,
    /// What it does there.
    pub action: Action,
}

/// The three things a client can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is documented by the type it holds")]
pub enum Action {
    Track(Track),
    Identify(Identify),
    Alias(Alias),
}

/// One tracked event (AT-01). An id that is empty or null arrives as `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Track {
    /// The event's name, never empty.
    pub event: Box<str>,
    /// What is known about the event.
    pub properties: Members,
    /// The subject, when the client knows one.
    pub distinct_id: Option<Box<str>>,
    /// The id before the client knew the person; the subject when `distinct_id` is absent.
    pub anonymous_id: Option<Box<str>>,
    /// The device, stored as sent.
    pub device_id: Option<Box<str>>,
    /// The client's session, stored as sent.
    pub session_id: Option<Box<str>>,
    /// When it happened; the time of receipt when absent.
    pub timestamp: Option<Micros>,
}

/// One identification (AI-01).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identify {
    /// The id to identify, never empty.
    pub distinct_id: Box<str>,
    /// The id to link to it.
    pub anonymous_id: Option<Box<str>>,
    /// What to set about the person.
    pub traits: Members,
    /// When the traits were true (AM-05).
    pub timestamp: Option<Micros>,
}

/// One alias (AA-01).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alias {
    /// The id that is known, never empty.
    pub distinct_id: Box<str>,
    /// The id that shall resolve to the same identity, never empty.
    pub new_user_id: Box<str>,
}

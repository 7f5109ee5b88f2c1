//! What a rule does to the calls that it meets (FR-3).

use std::time::Duration;

use crate::journal::CallStatus;

/// What becomes of a call. The doors make each true to their protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultEffects {
    /// How long the call waits before anything is done.
    pub delay: Option<Duration>,
    /// How much longer at most, drawn anew for each call.
    pub jitter: Option<Duration>,
    /// How long each part of the answer waits.
    pub per_batch: Option<Duration>,
    /// How the answer ends, if not as it would.
    pub end: Option<FaultEnd>,
    /// How much of the answer is sent before that; nothing if there is none, and the call has no effect.
    pub after: Option<FaultAfter>,
    /// Whether the last thing sent is sent in part.
    pub is_torn: bool,
    /// Whether the call takes effect, and its answer is not sent.
    pub loses_answer: bool,
    /// Whether its session or token counts as expired.
    pub expires: bool,
    /// Whether it takes effect twice.
    pub is_doubled: bool,
    /// How many bytes of the answer are sent a second.
    pub bytes_per_second: Option<u64>,
}

/// How an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultEnd {
    /// With an error.
    Reply(FaultReply),
    /// With the connection.
    Cut(FaultCut),
    /// Not at all.
    Hang,
}

/// An error, in the words of its door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultReply {
    /// How it is marked.
    pub status: CallStatus,
    /// Its code, where a door has codes beside its status.
    pub code: Option<String>,
    /// Its text.
    pub message: String,
    /// Headers or trailers.
    pub headers: Vec<(String, String)>,
    /// When the client is told to try again.
    pub retry_after: Option<Duration>,
    /// Whether the connection ends with it, where a protocol says so.
    pub is_fatal: bool,
}

/// How a connection breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultCut {
    /// By a reset.
    Reset,
    /// In an orderly way.
    Close,
    /// In the direction to the client alone.
    Half,
}

/// How much of an answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultAfter {
    /// So many rows.
    Rows(u64),
    /// So many messages with rows.
    Batches(u64),
    /// So many bytes.
    Bytes(u64),
}

impl FaultEffects {
    /// Whether a call ends before it takes any effect, with an answer other than its own.
    pub fn stops_at_once(&self) -> bool {
        self.is_whole() && matches!(self.end, Some(FaultEnd::Reply(_) | FaultEnd::Cut(_)))
    }

    /// Whether a call waits before it takes any effect.
    pub(super) fn hangs_at_once(&self) -> bool {
        self.is_whole() && self.end == Some(FaultEnd::Hang)
    }

    /// Whether its end is all that there is of an answer.
    fn is_whole(&self) -> bool {
        self.after.is_none() && !self.loses_answer && !self.is_torn
    }

    /// Whether it shows first while an answer is under way, and not at all if that is too short.
    pub(super) fn strikes_later(&self) -> bool {
        self.after.is_some() || self.is_torn
    }

    /// Whether it changes how an answer is sent.
    pub fn changes_the_way(&self) -> bool {
        self.strikes_later() || self.per_batch.is_some() || self.bytes_per_second.is_some()
    }
}

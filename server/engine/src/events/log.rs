//! The events of one project: append-only columns in chunks that snapshots share.

use std::sync::Arc;

use uuid::Uuid;

use super::column::Strings;
use super::identity::{IdRef, IdentityRef, Subject};
use super::item::{Micros, Track};
use super::weight;
use crate::json;

/// Rows per chunk: two of DuckDB's vectors, small enough to copy when a reader holds the last one.
const ROWS: usize = 4096;
/// A chunk also ends at this many bytes of text.
const BYTES: usize = 4 << 20;

/// Rows that arrived one after the other, column by column.
#[derive(Debug, Clone, Default)]
pub struct EventChunk {
    uuids: Vec<Uuid>,
    requests: Vec<Uuid>,
    timestamps: Vec<Micros>,
    subjects: Vec<Subject>,
    traits: Vec<Option<Arc<str>>>,
    events: Strings,
    properties: Strings,
    devices: Strings,
    sessions: Strings,
}

/// One event as a reader sees it.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    chunk: &'a EventChunk,
    row: usize,
}

impl<'a> Event<'a> {
    /// Its UUIDv7.
    pub fn uuid(&self) -> Uuid {
        self.chunk.uuids[self.row]
    }

    /// The id of the call that brought it.
    pub fn request(&self) -> Uuid {
        self.chunk.requests[self.row]
    }

    /// When it happened.
    pub fn timestamp(&self) -> Micros {
        self.chunk.timestamps[self.row]
    }

    /// Its name.
    pub fn event(&self) -> &'a str {
        self.chunk.events.get(self.row).unwrap_or_default()
    }

    /// A JSON object as text.
    pub fn properties(&self) -> &'a str {
        self.chunk.properties.get(self.row).unwrap_or_default()
    }

    /// The device, as sent.
    pub fn device_id(&self) -> Option<&'a str> {
        self.chunk.devices.get(self.row)
    }

    /// The client's session, as sent.
    pub fn session_id(&self) -> Option<&'a str> {
        self.chunk.sessions.get(self.row)
    }

    /// The `distinct_id` sent.
    pub fn distinct_id(&self) -> Option<IdRef> {
        self.chunk.subjects[self.row].distinct
    }

    /// The `anonymous_id` sent.
    pub fn anonymous_id(&self) -> Option<IdRef> {
        self.chunk.subjects[self.row].anonymous
    }

    /// The id whose identity the event belongs to (AM-01).
    pub fn subject(&self) -> Option<IdRef> {
        self.distinct_id().or(self.anonymous_id())
    }

    /// The subject's identity at ingestion, after the event's own link.
    pub fn identity(&self) -> Option<IdentityRef> {
        self.chunk.subjects[self.row].identity
    }

    /// That identity's traits then.
    pub fn identity_traits(&self) -> Option<&'a Arc<str>> {
        self.chunk.traits[self.row].as_ref()
    }
}

impl EventChunk {
    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.uuids.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.uuids.is_empty()
    }

    /// The event in `row`.
    pub fn event(&self, row: usize) -> Event<'_> {
        Event { chunk: self, row }
    }

    fn texts(&self) -> [&Strings; 4] {
        [&self.events, &self.properties, &self.devices, &self.sessions]
    }

    /// Gives back the room for more events: a full chunk gets none.
    fn shrink(&mut self) {
        let Self { uuids, requests, timestamps, subjects, traits, events, properties, devices, sessions } =
            self;
        uuids.shrink_to_fit();
        requests.shrink_to_fit();
        timestamps.shrink_to_fit();
        subjects.shrink_to_fit();
        traits.shrink_to_fit();
        [events, properties, devices, sessions].into_iter().for_each(Strings::shrink);
    }

    fn is_full(&self) -> bool {
        self.len() >= ROWS || self.properties.byte_len() + self.events.byte_len() >= BYTES
    }
}

/// All events of a project. A clone shares the chunks and never sees later events.
#[derive(Debug, Clone, Default)]
pub struct Events {
    chunks: Vec<Arc<EventChunk>>,
    len: usize,
    weight: usize,
}

impl Events {
    /// How many events there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What they take in memory, the traits they share with identities aside.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// The chunks, in order of arrival.
    pub fn chunks(&self) -> &[Arc<EventChunk>] {
        &self.chunks
    }

    /// Every event, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = Event<'_>> {
        self.chunks.iter().flat_map(|chunk| (0..chunk.len()).map(|row| chunk.event(row)))
    }

    /// The events from one on, in order of arrival.
    pub fn from(&self, first: usize) -> impl Iterator<Item = Event<'_>> {
        let (mut place, mut before) = (0, 0);
        while let Some(chunk) = self.chunks.get(place)
            && before + chunk.len() <= first
        {
            before += chunk.len();
            place += 1;
        }
        let chunks = self.chunks.iter().skip(place);
        chunks.flat_map(|chunk| (0..chunk.len()).map(|row| chunk.event(row))).skip(first - before.min(first))
    }

    /// Appends one event with the UUID `uuid`, brought by the call `request`; `now` stands in for a missing timestamp.
    pub(super) fn push(
        &mut self,
        (uuid, request): (Uuid, Uuid),
        track: &Track,
        subject: Subject,
        traits: Option<Arc<str>>,
        now: Micros,
    ) {
        if self.chunks.last().is_none_or(|chunk| chunk.is_full()) {
            // A chunk that a reader holds keeps its room; there is one such at a time.
            if let Some(full) = self.chunks.last_mut().and_then(Arc::get_mut) {
                full.shrink();
            }
            self.chunks.push(Arc::default());
        }
        let Some(last) = self.chunks.last_mut() else { return };
        let chunk = Arc::make_mut(last);
        let before: usize = chunk.texts().map(Strings::byte_len).iter().sum();
        chunk.uuids.push(uuid);
        chunk.requests.push(request);
        chunk.timestamps.push(track.timestamp.unwrap_or(now));
        chunk.subjects.push(subject);
        chunk.traits.push(traits);
        chunk.events.push(Some(&track.event));
        chunk.properties.push_with(|out| json::push_object(out, &track.properties));
        chunk.devices.push(track.device_id.as_deref());
        chunk.sessions.push(track.session_id.as_deref());
        let after: usize = chunk.texts().map(Strings::byte_len).iter().sum();
        self.weight += weight::EVENT + after - before;
        self.len += 1;
    }
}

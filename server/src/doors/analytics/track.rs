//! `POST /track` (AT).

use axum::Json;
use axum::extract::{Request, State};
use utoipa::ToSchema;

use super::Analytics;
use super::error::Fault;
use super::extract::{Payload, Wrong};
use super::fields::RequestFields;
use super::ingest::{PRODUCTION, ingest};
use super::openapi::Answers;
use super::response::Accepted;
use engine::events::{Action, Item, Members, Micros, Track};

/// One event (AT-01).
#[derive(Debug, ToSchema)]
#[schema(example = json!({"event": "Signed up", "distinct_id": "user-42", "properties": {"plan": "pro", "seats": 3},
    "timestamp": "2025-01-15T10:30:00Z"}))]
pub(super) struct TrackEvent {
    /// The event's name.
    #[schema(value_type = String, min_length = 1)]
    event: Box<str>,
    /// Absent or null means `production`.
    #[schema(value_type = Option<String>)]
    environment: Option<Box<str>>,
    /// Stored value for value; absent or null is `{}`.
    #[schema(value_type = Option<Object>)]
    properties: Members,
    /// Who did it.
    #[schema(value_type = Option<String>)]
    distinct_id: Option<Box<str>>,
    /// The id used before the person was known.
    #[schema(value_type = Option<String>)]
    anonymous_id: Option<Box<str>>,
    /// The device.
    #[schema(value_type = Option<String>)]
    device_id: Option<Box<str>>,
    /// The client's session.
    #[schema(value_type = Option<String>)]
    session_id: Option<Box<str>>,
    /// ISO 8601, Unix seconds or milliseconds; absent or null is the time of receipt.
    #[schema(schema_with = super::openapi::timestamp)]
    timestamp: Option<Micros>,
    /// The application's release, stored as property `$release` unless that is present.
    #[schema(value_type = Option<String>)]
    release: Option<Box<str>>,
}

impl Payload for TrackEvent {
    const FIELDS: &'static [&'static str] = &[
        "event",
        "environment",
        "properties",
        "distinct_id",
        "anonymous_id",
        "device_id",
        "session_id",
        "timestamp",
        "release",
    ];

    fn read(fields: &RequestFields<'_>) -> Result<Self, Wrong> {
        Ok(Self {
            event: fields.required("event")?,
            environment: fields.text("environment")?,
            properties: fields.object("properties")?,
            distinct_id: fields.id("distinct_id")?,
            anonymous_id: fields.id("anonymous_id")?,
            device_id: fields.id("device_id")?,
            session_id: fields.id("session_id")?,
            timestamp: fields.timestamp("timestamp")?,
            release: fields.text("release")?,
        })
    }
}

impl From<TrackEvent> for Item {
    fn from(sent: TrackEvent) -> Self {
        let mut properties = sent.properties;
        if let Some(release) = sent.release
            && !properties.iter().any(|(name, _)| &**name == "$release")
        {
            let text = serde_json::Value::from(&*release).to_string();
            properties.push(("$release".into(), text.into()));
        }
        let track = Track {
            event: sent.event,
            properties,
            distinct_id: sent.distinct_id,
            anonymous_id: sent.anonymous_id,
            device_id: sent.device_id,
            session_id: sent.session_id,
            timestamp: sent.timestamp,
        };
        Self {
            environment: sent.environment.unwrap_or_else(|| PRODUCTION.into()),
            action: Action::Track(track),
        }
    }
}

/// Stores one event, or a batch of them as a whole.
#[utoipa::path(post, path = "/track", tag = "Ingestion",
    request_body = TrackEvent, responses(Answers),
    params(("sync" = Option<String>, Query, description = "Accepted and ignored: data is readable before every 200")))]
pub(super) async fn track(
    State(analytics): State<Analytics>,
    request: Request,
) -> Result<Json<Accepted>, Fault> {
    ingest::<TrackEvent>(analytics, request).await
}

//! `POST /identify` (AI).

use axum::Json;
use axum::extract::{Request, State};
use utoipa::ToSchema;

use super::Analytics;
use super::error::Fault;
use super::extract::{Payload, Wrong};
use super::fields::{Checked, RequestFields};
use super::ingest::{PRODUCTION, ingest};
use super::openapi::Answers;
use super::response::Accepted;
use engine::events::{Action, Identify, Item, Members, Micros};

/// One identification (AI-01). `release` and `session_id` are tolerated and dropped.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"distinct_id": "user-42", "anonymous_id": "visitor-7",
    "traits": {"email": "jane@example.com", "plan": "pro"}}))]
pub(super) struct IdentifyPerson {
    /// The id to identify.
    #[schema(value_type = String, min_length = 1)]
    distinct_id: Box<str>,
    /// Absent or null means `production`.
    #[schema(value_type = Option<String>)]
    environment: Option<Box<str>>,
    /// Merged into the person's traits; absent or null is `{}`.
    #[schema(value_type = Option<Object>)]
    traits: Members,
    /// An id that becomes the same person's.
    #[schema(value_type = Option<String>)]
    anonymous_id: Option<Box<str>>,
    /// Taken and dropped: identities have no devices.
    #[schema(value_type = Option<String>, required = false)]
    #[expect(dead_code, reason = "part of the description")]
    device_id: Checked,
    /// When the traits were true: an older update than the present one is skipped.
    #[schema(schema_with = super::openapi::timestamp)]
    timestamp: Option<Micros>,
}

impl Payload for IdentifyPerson {
    const FIELDS: &'static [&'static str] =
        &["distinct_id", "environment", "traits", "anonymous_id", "device_id", "timestamp"];

    fn read(fields: &RequestFields<'_>) -> Result<Self, Wrong> {
        Ok(Self {
            distinct_id: fields.required("distinct_id")?,
            environment: fields.text("environment")?,
            traits: fields.object("traits")?,
            anonymous_id: fields.id("anonymous_id")?,
            device_id: fields.id("device_id").map(|_| Checked)?,
            timestamp: fields.timestamp("timestamp")?,
        })
    }
}

impl From<IdentifyPerson> for Item {
    fn from(sent: IdentifyPerson) -> Self {
        let identify = Identify {
            distinct_id: sent.distinct_id,
            anonymous_id: sent.anonymous_id,
            traits: sent.traits,
            timestamp: sent.timestamp,
        };
        Self {
            environment: sent.environment.unwrap_or_else(|| PRODUCTION.into()),
            action: Action::Identify(identify),
        }
    }
}

/// Identifies one person, or a batch of them as a whole.
#[utoipa::path(post, path = "/identify", tag = "Ingestion",
    request_body = IdentifyPerson, responses(Answers),
    params(("sync" = Option<String>, Query, description = "Accepted and ignored: data is readable before every 200")))]
pub(super) async fn identify(
    State(analytics): State<Analytics>,
    request: Request,
) -> Result<Json<Accepted>, Fault> {
    ingest::<IdentifyPerson>(analytics, request).await
}

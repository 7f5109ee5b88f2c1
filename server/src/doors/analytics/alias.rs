//! `POST /alias` (AA).

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
use engine::events::{Action, Alias, Item};

/// One alias (AA-01).
#[derive(Debug, ToSchema)]
#[schema(example = json!({"distinct_id": "user-42", "new_user_id": "jane@example.com"}))]
pub(super) struct AliasPerson {
    /// The id that is known.
    #[schema(value_type = String, min_length = 1)]
    distinct_id: Box<str>,
    /// The id that becomes the same person's.
    #[schema(value_type = String, min_length = 1)]
    new_user_id: Box<str>,
    /// Absent or null means `production`.
    #[schema(value_type = Option<String>)]
    environment: Option<Box<str>>,
    /// Checked, without effect.
    #[schema(value_type = Option<String>, required = false)]
    #[expect(dead_code, reason = "part of the description")]
    anonymous_id: Checked,
    /// Checked, without effect.
    #[schema(value_type = Option<String>, required = false)]
    #[expect(dead_code, reason = "part of the description")]
    device_id: Checked,
    /// Checked, without effect.
    #[schema(schema_with = super::openapi::timestamp, required = false)]
    #[expect(dead_code, reason = "part of the description")]
    timestamp: Checked,
}

impl Payload for AliasPerson {
    const FIELDS: &'static [&'static str] =
        &["distinct_id", "new_user_id", "environment", "anonymous_id", "device_id", "timestamp"];

    fn read(fields: &RequestFields<'_>) -> Result<Self, Wrong> {
        Ok(Self {
            distinct_id: fields.required("distinct_id")?,
            new_user_id: fields.required("new_user_id")?,
            environment: fields.text("environment")?,
            anonymous_id: fields.id("anonymous_id").map(|_| Checked)?,
            device_id: fields.id("device_id").map(|_| Checked)?,
            timestamp: fields.timestamp("timestamp").map(|_| Checked)?,
        })
    }
}

impl From<AliasPerson> for Item {
    fn from(sent: AliasPerson) -> Self {
        let alias = Alias { distinct_id: sent.distinct_id, new_user_id: sent.new_user_id };
        Self {
            environment: sent.environment.unwrap_or_else(|| PRODUCTION.into()),
            action: Action::Alias(alias),
        }
    }
}

/// Makes two ids one person's, once or for a batch as a whole.
#[utoipa::path(post, path = "/alias", tag = "Ingestion",
    request_body = AliasPerson, responses(Answers),
    params(("sync" = Option<String>, Query, description = "Accepted and ignored: data is readable before every 200")))]
pub(super) async fn alias(
    State(analytics): State<Analytics>,
    request: Request,
) -> Result<Json<Accepted>, Fault> {
    ingest::<AliasPerson>(analytics, request).await
}

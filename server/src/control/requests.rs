//! The journal: what was asked of the server, and waiting for it (RJ-1 to RJ-3).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Plane;
use super::access::{Scope, Steered};
use super::answer::{PlaneRefusal, PlaneResult};
use super::body::Order;
use super::openapi::{ListAnswers, WaitAnswers};
use super::search::{self, Page};
use super::shown::ShownCall;
use engine::{CallFilter, Engine, Journal, Pattern, Waited};

/// The conditions that a call has to meet; those that are not given are met.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"operation": "POST /query", "statement": "(?i)^insert into orders"}))]
pub(super) struct CallMatch {
    /// The door: `lakehouse`, `analytics`, `flight` or `postgres`.
    door: Option<String>,
    /// What was asked for, such as `POST /query` or `DoGet CommandStatementQuery`.
    operation: Option<String>,
    /// HTTP's status as a number or a text, the name of gRPC's, or PostgreSQL's SQLSTATE.
    #[schema(value_type = Option<String>)]
    status: Option<Value>,
    /// A regular expression that the statement holds.
    statement: Option<String>,
    /// A regular expression that the error's text holds.
    error: Option<String>,
    /// The table that rows were loaded into.
    table: Option<String>,
    /// The name of an event that it brought.
    event: Option<String>,
    /// The session that it ran in.
    session: Option<Uuid>,
}

impl TryFrom<CallMatch> for CallFilter {
    type Error = PlaneRefusal;

    fn try_from(given: CallMatch) -> PlaneResult<Self> {
        let pattern = |field: &str, given: Option<String>| {
            let read = given.map(|pattern| Pattern::new(&pattern)).transpose();
            read.map_err(|error| PlaneRefusal::bad_request(format!("`{field}`: {error}")))
        };
        let status = match given.status {
            None => None,
            Some(Value::String(name)) => Some(name),
            Some(Value::Number(code)) => Some(code.to_string()),
            Some(_) => return Err(PlaneRefusal::bad_request("`status` has to be a number or a text")),
        };
        Ok(Self {
            door: given.door,
            operation: given.operation,
            status,
            statement: pattern("statement", given.statement)?,
            error: pattern("error", given.error)?,
            table: given.table,
            event: given.event,
            session: given.session,
        })
    }
}

/// The calls found, in the order asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FoundCalls {
    requests: Vec<ShownCall>,
}

/// How many entries were removed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RemovedCalls {
    removed: usize,
}

/// What to wait for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CallWait {
    /// What the calls have in common.
    #[serde(rename = "match")]
    matching: Option<CallMatch>,
    /// How many have to match, 1 by default.
    count: Option<usize>,
    /// For how long, 5000 by default, 600000 at most.
    timeout_ms: Option<u64>,
    /// The id of an entry, after which they come, or an RFC 3339 time.
    since: Option<String>,
}

/// The calls that came in time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AwaitedCalls {
    requests: Vec<ShownCall>,
}

/// Why a wait ended without them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WaitedInVain {
    /// The calls that did match.
    requests: Vec<ShownCall>,
    /// The three calls that fail the fewest conditions.
    nearest: Vec<NearCall>,
    /// How many entries were forgotten before they could be looked at.
    missed: u64,
}

/// A call that does not match.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NearCall {
    /// The conditions that it fails.
    failed: Vec<&'static str>,
    request: ShownCall,
}

/// The journal of a scope: a tenant's, or of the calls that are no tenant's.
fn journal_of(scope: &Scope, engine: &Engine) -> PlaneResult<Arc<Journal>> {
    match scope {
        Scope::Tenant(Steered { tenant, .. }) => Ok(Arc::clone(tenant.journal())),
        Scope::Server => Ok(Arc::clone(engine.strangers())),
        Scope::Project { .. } => Err(Scope::needs_tenant("the journal is")),
    }
}

/// Lists the calls of a tenant on every door; in server scope without `tenant` those that are no tenant's.
///
/// # Errors
/// `bad-request` for an unknown or malformed parameter.
#[utoipa::path(get, path = "/_mock/v1/requests", tag = "Journal", params(
    ("door" = Option<String>, Query), ("operation" = Option<String>, Query), ("status" = Option<String>, Query),
    ("statement" = Option<String>, Query, description = "A regular expression"),
    ("error" = Option<String>, Query, description = "A regular expression"),
    ("table" = Option<String>, Query), ("event" = Option<String>, Query), ("session" = Option<Uuid>, Query),
    ("since" = Option<String>, Query, description = "The id of an entry, or an RFC 3339 time"),
    ("until" = Option<String>, Query, description = "The id of an entry, or an RFC 3339 time"),
    ("limit" = Option<usize>, Query, description = "1 to 10000; 1000 by default"),
    ("order" = Option<String>, Query, description = "`asc` (oldest first, the default) or `desc`"),
    ("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = FoundCalls, description = "The calls"), ListAnswers))]
pub(super) async fn list(
    scope: Scope,
    State(plane): State<Plane>,
    page: Page<CallMatch>,
) -> PlaneResult<Json<FoundCalls>> {
    let journal = journal_of(&scope, &plane.engine)?;
    let filter = Arc::new(CallFilter::try_from(page.matching)?);
    let found = journal.find(page.span, &filter).await?;
    let requests = page.cut.of(found).iter().map(|entry| ShownCall::of(entry)).collect();
    Ok(Json(FoundCalls { requests }))
}

/// Empties the journal.
///
/// # Errors
/// As every route.
#[utoipa::path(delete, path = "/_mock/v1/requests", tag = "Journal",
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = RemovedCalls, description = "It is empty"), ListAnswers))]
pub(super) async fn clear(scope: Scope, State(plane): State<Plane>) -> PlaneResult<Json<RemovedCalls>> {
    Ok(Json(RemovedCalls { removed: journal_of(&scope, &plane.engine)?.clear() }))
}

/// Waits until so many calls match, those of the past included.
///
/// # Errors
/// `bad-request`; `timeout` with what came nearest.
#[utoipa::path(post, path = "/_mock/v1/requests/wait", tag = "Journal", request_body = CallWait,
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = AwaitedCalls, description = "They came"), WaitAnswers))]
pub(super) async fn wait(
    scope: Scope,
    State(plane): State<Plane>,
    Order(order): Order<CallWait>,
) -> PlaneResult<Response> {
    let journal = journal_of(&scope, &plane.engine)?;
    let span = search::span(order.since.as_deref(), None)?;
    let filter = Arc::new(CallFilter::try_from(order.matching.unwrap_or_default())?);
    let (count, deadline) = search::patience(order.count, order.timeout_ms)?;
    let waited = journal.wait(span, &filter, count, deadline).await?;
    let shown = |waited: &Waited| waited.matched.iter().map(|entry| ShownCall::of(entry)).collect();
    if waited.is_enough {
        return Ok(Json(AwaitedCalls { requests: shown(&waited) }).into_response());
    }
    let nearest = journal.nearest(span, &filter).await?.into_iter();
    let nearest = nearest.map(|miss| NearCall { failed: miss.failed, request: ShownCall::of(&miss.entry) });
    let vain = WaitedInVain { requests: shown(&waited), nearest: nearest.collect(), missed: waited.missed };
    let message = format!("{} of {count} calls matched in time", waited.matched.len());
    Ok(PlaneRefusal::waited_in_vain(message, vain))
}

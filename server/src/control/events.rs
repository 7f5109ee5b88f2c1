//! The events of a project as they were stored, and waiting for them (RJ-4).

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::time::timeout_at;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Plane;
use super::access::EventScope;
use super::answer::{PlaneRefusal, PlaneResult};
use super::body::Order;
use super::openapi::{ListAnswers, WaitAnswers};
use super::search::{self, Page};
use super::shown::shown_micros;
use engine::events::log::Event;
use engine::events::{IdRef, Snapshot};
use engine::{Moment, Span};

/// How many events that match least badly are told.
const NEAREST: usize = 3;

/// The conditions that an event has to meet; those that are not given are met.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"event": "signed_up", "distinct_id": "user-42", "properties": {"plan": "pro"}}))]
pub(super) struct EventMatch {
    /// Its name.
    event: Option<String>,
    /// Who did it.
    distinct_id: Option<String>,
    /// The id used before the person was known.
    anonymous_id: Option<String>,
    /// The device.
    device_id: Option<String>,
    /// The client's session.
    session_id: Option<String>,
    /// The id of the call that brought it.
    request: Option<Uuid>,
    /// Properties that it has, with these values, beside others.
    #[schema(value_type = Option<Object>)]
    properties: Option<Map<String, Value>>,
}

/// An event as it was stored.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownEvent {
    uuid: Uuid,
    event: String,
    timestamp: String,
    #[schema(value_type = Object)]
    properties: Box<RawValue>,
    distinct_id: Option<String>,
    anonymous_id: Option<String>,
    device_id: Option<String>,
    session_id: Option<String>,
    /// The id of the journal's entry of the call that brought it.
    request: Uuid,
}

/// The events found, in the order asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FoundEvents {
    events: Vec<ShownEvent>,
}

/// What to wait for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EventWait {
    /// What the events have in common.
    #[serde(rename = "match")]
    matching: Option<EventMatch>,
    /// How many have to match, 1 by default.
    count: Option<usize>,
    /// For how long, 5000 by default, 600000 at most.
    timeout_ms: Option<u64>,
    /// The id of a call, after which they were stored, or an RFC 3339 time.
    since: Option<String>,
}

/// Why a wait ended without them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventsInVain {
    /// The events that did match.
    events: Vec<ShownEvent>,
    /// The three events that fail the fewest conditions.
    nearest: Vec<NearEvent>,
}

/// An event that does not match.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NearEvent {
    /// The conditions that it fails.
    failed: Vec<&'static str>,
    event: ShownEvent,
}

impl EventMatch {
    /// The names of the conditions that an event does not meet.
    fn failed(&self, event: Event<'_>, snapshot: &Snapshot) -> Vec<&'static str> {
        let judged = self.judged(event, snapshot);
        let mut failed: Vec<_> = judged.into_iter().filter(|(_, met)| !met).map(|(name, _)| name).collect();
        if !self.has_properties(event) {
            failed.push("properties");
        }
        failed
    }

    fn matches(&self, event: Event<'_>, snapshot: &Snapshot) -> bool {
        // Properties are parsed only where nothing else decides.
        self.judged(event, snapshot).iter().all(|(_, met)| *met) && self.has_properties(event)
    }

    fn judged(&self, event: Event<'_>, snapshot: &Snapshot) -> [(&'static str, bool); 6] {
        let id = |id: Option<IdRef>| id.map(|id| &*snapshot.identities.id(id).text);
        let is =
            |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        [
            ("event", is(&self.event, Some(event.event()))),
            ("distinct_id", is(&self.distinct_id, id(event.distinct_id()))),
            ("anonymous_id", is(&self.anonymous_id, id(event.anonymous_id()))),
            ("device_id", is(&self.device_id, event.device_id())),
            ("session_id", is(&self.session_id, event.session_id())),
            ("request", self.request.is_none_or(|request| request == event.request())),
        ]
    }

    fn has_properties(&self, event: Event<'_>) -> bool {
        self.properties.as_ref().is_none_or(|wanted| has(event.properties(), wanted))
    }
}

/// Whether an object as text has these members.
fn has(object: &str, wanted: &Map<String, Value>) -> bool {
    let found: Map<String, Value> = serde_json::from_str(object).unwrap_or_default();
    wanted.iter().all(|(name, value)| found.get(name) == Some(value))
}

impl ShownEvent {
    fn of(event: Event<'_>, snapshot: &Snapshot) -> Self {
        let id = |id: Option<IdRef>| id.map(|id| snapshot.identities.id(id).text.as_ref().to_owned());
        // What is stored was written as JSON.
        let properties = RawValue::from_string(event.properties().to_owned()).unwrap_or_default();
        Self {
            uuid: event.uuid(),
            event: event.event().to_owned(),
            timestamp: shown_micros(event.timestamp()),
            properties,
            distinct_id: id(event.distinct_id()),
            anonymous_id: id(event.anonymous_id()),
            device_id: event.device_id().map(str::to_owned),
            session_id: event.session_id().map(str::to_owned),
            request: event.request(),
        }
    }
}

/// Whether an event was stored in that part of the past.
fn is_within(span: Span, event: Event<'_>) -> bool {
    let stored =
        || event.uuid().get_timestamp().map(|at| UNIX_EPOCH + Duration::new(at.to_unix().0, at.to_unix().1));
    let after = match span.since {
        Some(Moment::Entry(request)) => event.request() > request,
        Some(Moment::Time(time)) => stored().is_none_or(|stored| stored >= time),
        None => true,
    };
    after
        && match span.until {
            Some(Moment::Entry(request)) => event.request() <= request,
            Some(Moment::Time(time)) => stored().is_none_or(|stored| stored < time),
            None => true,
        }
}

/// Lists the events of a project, oldest first unless told otherwise.
///
/// # Errors
/// `bad-request` for an unknown or malformed parameter; `not-found` for a tenant without a project.
#[utoipa::path(get, path = "/_mock/v1/events", tag = "Journal", params(
    ("event" = Option<String>, Query), ("distinct_id" = Option<String>, Query),
    ("anonymous_id" = Option<String>, Query), ("device_id" = Option<String>, Query),
    ("session_id" = Option<String>, Query), ("request" = Option<Uuid>, Query),
    ("since" = Option<String>, Query, description = "The id of a call, or an RFC 3339 time"),
    ("until" = Option<String>, Query, description = "The id of a call, or an RFC 3339 time"),
    ("limit" = Option<usize>, Query, description = "1 to 10000; 1000 by default"),
    ("order" = Option<String>, Query, description = "`asc` (oldest first, the default) or `desc`"),
    ("tenant" = Option<String>, Query, description = "In server scope: the tenant"),
    ("project" = Option<String>, Query, description = "In server scope: the project, as KEY:ENV"),
    ("environment" = Option<String>, Query, description = "With an API key: the environment, `production` by default")),
    responses((status = 200, body = FoundEvents, description = "The events"), ListAnswers))]
pub(super) async fn list(
    EventScope(project): EventScope,
    State(_): State<Plane>,
    page: Page<EventMatch>,
) -> PlaneResult<Json<FoundEvents>> {
    let found = engine::run_blocking(move || {
        let snapshot = project.snapshot();
        let events = snapshot.events.iter().filter(|event| is_within(page.span, *event));
        let matching = events.filter(|event| page.matching.matches(*event, &snapshot)).collect();
        Ok(page.cut.of(matching).into_iter().map(|event| ShownEvent::of(event, &snapshot)).collect())
    });
    Ok(Json(FoundEvents { events: found.await? }))
}

/// Waits until so many events match, those of the past included.
///
/// # Errors
/// `bad-request`; `timeout` with what came nearest.
#[utoipa::path(post, path = "/_mock/v1/events/wait", tag = "Journal", request_body = EventWait,
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant"),
        ("project" = Option<String>, Query, description = "In server scope: the project, as KEY:ENV"),
        ("environment" = Option<String>, Query, description = "With an API key: the environment, `production` by default")),
    responses((status = 200, body = FoundEvents, description = "They came"), WaitAnswers))]
pub(super) async fn wait(
    EventScope(project): EventScope,
    State(_): State<Plane>,
    Order(order): Order<EventWait>,
) -> PlaneResult<Response> {
    let span = search::span(order.since.as_deref(), None)?;
    let (count, deadline) = search::patience(order.count, order.timeout_ms)?;
    let wanted = Arc::new(order.matching.unwrap_or_default());
    let (mut events, mut seen) = (Vec::new(), 0);
    let listener = project.bell().listen();
    loop {
        let rung = listener.next();
        let snapshot = project.snapshot();
        // A project that was emptied begins anew.
        let from = if seen <= snapshot.events.len() { seen } else { 0 };
        seen = snapshot.events.len();
        events.extend(matching(&wanted, snapshot, span, from, count - events.len()).await?);
        if events.len() >= count {
            return Ok(Json(FoundEvents { events }).into_response());
        }
        if timeout_at(deadline, rung).await.is_err() {
            break;
        }
    }
    let message = format!("{} of {count} events matched in time", events.len());
    let nearest = nearest(&wanted, project.snapshot(), span).await?;
    Ok(PlaneRefusal::waited_in_vain(message, EventsInVain { events, nearest }))
}

async fn matching(
    wanted: &Arc<EventMatch>,
    snapshot: Arc<Snapshot>,
    span: Span,
    from: usize,
    most: usize,
) -> PlaneResult<Vec<ShownEvent>> {
    let wanted = Arc::clone(wanted);
    let found = engine::run_blocking(move || {
        let events = snapshot.events.from(from).filter(|event| is_within(span, *event));
        let events = events.filter(|event| wanted.matches(*event, &snapshot)).take(most);
        Ok(events.map(|event| ShownEvent::of(event, &snapshot)).collect())
    });
    Ok(found.await?)
}

async fn nearest(
    wanted: &Arc<EventMatch>,
    snapshot: Arc<Snapshot>,
    span: Span,
) -> PlaneResult<Vec<NearEvent>> {
    let wanted = Arc::clone(wanted);
    let found = engine::run_blocking(move || {
        let events: Vec<_> = snapshot.events.iter().filter(|event| is_within(span, *event)).collect();
        let misses = events.into_iter().rev().map(|event| (wanted.failed(event, &snapshot), event));
        let mut misses: Vec<_> = misses.filter(|(failed, _)| !failed.is_empty()).collect();
        misses.sort_by_key(|(failed, _)| failed.len());
        let nearest = misses.into_iter().take(NEAREST);
        Ok(nearest
            .map(|(failed, event)| NearEvent { failed, event: ShownEvent::of(event, &snapshot) })
            .collect())
    });
    Ok(found.await?)
}

//! A tenant's clock: shown, set, moved ahead, and given back (CK).

use std::sync::Arc;

use axum::Json;
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::access::{Scope, Steered};
use super::answer::{PlaneRefusal, PlaneResult};
use super::body::Order;
use super::duration::Lapse;
use super::openapi::{ListAnswers, ScopeAnswers};
use super::shown::shown_micros;
use engine::events::Micros;
use engine::{ClockSetting, Error, Tenant, TenantClock};

/// The fastest clock: eleven days in a second.
const FASTEST: f64 = 1e6;

/// What a clock is set to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"at": "2024-02-29T12:00:00Z", "frozen": true}))]
pub(super) struct ClockOrder {
    /// The time, as RFC 3339 writes it; what it shows now if absent.
    at: Option<String>,
    /// Whether it stands.
    frozen: Option<bool>,
    /// Seconds of its time to one of the machine's, more than 0.
    rate: Option<f64>,
}

/// How far it moves ahead.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"by": "P31D"}))]
pub(super) struct AdvanceOrder {
    /// An ISO 8601 duration such as `P31D` or `PT1H30M`, or milliseconds.
    #[schema(value_type = Object)]
    by: Value,
}

/// A clock.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownClock {
    /// What it shows.
    at: String,
    /// Whether it stands.
    frozen: bool,
    /// Seconds of its time to one of the machine's; 0 if it stands.
    rate: f64,
    /// Whether it is the machine's.
    machine: bool,
}

impl ShownClock {
    fn of(clock: &TenantClock) -> Self {
        let course = clock.course();
        let rate = course.map_or(1.0, |course| course.rate);
        let at = shown_micros(Micros(clock.micros()));
        Self { at, frozen: rate == 0.0, rate, machine: course.is_none() }
    }
}

fn tenant_of(scope: Scope) -> PlaneResult<Arc<Tenant>> {
    scope.tenant("a clock is").map(|Steered { tenant, .. }| tenant)
}

/// Shows the clock.
///
/// # Errors
/// As every route.
#[utoipa::path(get, path = "/_mock/v1/clock", tag = "Clock",
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = ShownClock, description = "The clock"), ListAnswers))]
pub(super) async fn show(scope: Scope) -> PlaneResult<Json<ShownClock>> {
    Ok(Json(ShownClock::of(tenant_of(scope)?.clock())))
}

/// Sets the clock: its time, and whether or how fast it runs. What is absent stays.
///
/// # Errors
/// `bad-request` for a time that is none or beyond the years 1 to 9999, and a pace that contradicts itself.
#[utoipa::path(put, path = "/_mock/v1/clock", tag = "Clock", request_body = ClockOrder,
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = ShownClock, description = "It is set"), ScopeAnswers))]
pub(super) async fn set(scope: Scope, Order(order): Order<ClockOrder>) -> PlaneResult<Json<ShownClock>> {
    let tenant = tenant_of(scope)?;
    let at = order.at.as_deref().map(DateTime::parse_from_rfc3339).transpose();
    let at = at.map_err(|_| PlaneRefusal::bad_request("`at` has to be an RFC 3339 time"))?;
    let rate = match (order.frozen, order.rate) {
        (Some(true), Some(_)) => {
            return Err(PlaneRefusal::bad_request("`frozen` and `rate` exclude one another"));
        }
        (_, Some(rate)) if !(rate > 0.0 && rate <= FASTEST) => {
            let message = format!("`rate` has to be more than 0 and at most {FASTEST}");
            return Err(PlaneRefusal::bad_request(message));
        }
        (Some(true), None) => Some(0.0),
        (_, Some(rate)) => Some(rate),
        // One that stood runs again.
        (Some(false), None) if tenant.clock().course().is_some_and(|course| course.rate == 0.0) => Some(1.0),
        (Some(false) | None, None) => None,
    };
    let setting = ClockSetting { at: at.map(|at| at.timestamp_micros()), rate };
    let jumped = tenant.clock().set(setting)?;
    tenant.ages(jumped).await;
    Ok(Json(ShownClock::of(tenant.clock())))
}

/// Moves the clock ahead. What falls due by then has happened when this answers.
///
/// # Errors
/// `bad-request` for what is no duration, or a negative one, and beyond the year 9999.
#[utoipa::path(post, path = "/_mock/v1/clock/advance", tag = "Clock", request_body = AdvanceOrder,
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = ShownClock, description = "It is so late"), ScopeAnswers))]
pub(super) async fn advance(
    scope: Scope,
    Order(order): Order<AdvanceOrder>,
) -> PlaneResult<Json<ShownClock>> {
    let tenant = tenant_of(scope)?;
    let lapse = Lapse::read(&order.by).ok_or_else(|| {
        PlaneRefusal::bad_request(
            "`by` has to be milliseconds or an ISO 8601 duration such as P31D, and not negative",
        )
    })?;
    let beyond = || Error::invalid("`by` leads beyond the year 9999");
    let jumped = tenant.clock().advance(|now| lapse.after(now).ok_or_else(beyond))?;
    tenant.ages(jumped).await;
    Ok(Json(ShownClock::of(tenant.clock())))
}

/// Has the clock show the machine's time again.
///
/// # Errors
/// As every route.
#[utoipa::path(delete, path = "/_mock/v1/clock", tag = "Clock",
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = ShownClock, description = "It is the machine's"), ListAnswers))]
pub(super) async fn clear(scope: Scope) -> PlaneResult<Json<ShownClock>> {
    let tenant = tenant_of(scope)?;
    tenant.clock().clear();
    Ok(Json(ShownClock::of(tenant.clock())))
}

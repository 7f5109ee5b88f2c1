//! Fault rules: set, looked at and removed (FR).

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Plane;
use super::access::{Scope, Steered};
use super::answer::{PlaneRefusal, PlaneResult, RefusalCode};
use super::body::Order;
use super::fault_order::FaultOrder;
use super::openapi::{ListAnswers, NamedAnswers, ScopeAnswers};
use engine::{FaultCounts, FaultRule, FaultRules};

/// A rule, and what it has done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownFault {
    id: Uuid,
    #[serde(flatten)]
    rule: FaultOrder,
    /// How many calls met its conditions.
    matched: u64,
    /// On how many of them its effects showed.
    acted: u64,
}

/// The rules, in the order in which they are asked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FoundFaults {
    faults: Vec<ShownFault>,
}

/// How many rules were removed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RemovedFaults {
    removed: usize,
}

impl ShownFault {
    fn of(rule: &FaultRule) -> Option<Self> {
        let FaultCounts { matched, acted } = rule.counts();
        Some(Self { id: rule.id(), rule: FaultOrder::of(rule)?, matched, acted })
    }
}

/// The rules of a scope.
fn rules_of(scope: Scope) -> PlaneResult<Arc<FaultRules>> {
    scope.tenant("fault rules are").map(|Steered { tenant, .. }| Arc::clone(tenant.faults()))
}

fn unknown() -> PlaneRefusal {
    PlaneRefusal::new(RefusalCode::NotFound, "there is no such fault rule")
}

fn rule_id(given: Result<Path<String>, PathRejection>) -> PlaneResult<Uuid> {
    given.ok().and_then(|Path(text)| Uuid::try_parse(&text).ok()).ok_or_else(unknown)
}

/// Sets a rule, which comes after those that there are.
///
/// # Errors
/// `bad-request` for a rule that contradicts itself, naming the key; `limit-exceeded` for one too many.
#[utoipa::path(post, path = "/_mock/v1/faults", tag = "Faults", request_body = FaultOrder,
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 201, body = ShownFault, description = "The next call meets it"), ScopeAnswers))]
pub(super) async fn create(scope: Scope, Order(order): Order<FaultOrder>) -> PlaneResult<Response> {
    let rules = rules_of(scope)?;
    let rule = order.rule()?;
    rules.add(Arc::clone(&rule))?;
    let shown = ShownFault { id: rule.id(), rule: order, matched: 0, acted: 0 };
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// Lists the rules, and what each has done.
///
/// # Errors
/// As every route.
#[utoipa::path(get, path = "/_mock/v1/faults", tag = "Faults",
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = FoundFaults, description = "The rules"), ListAnswers))]
pub(super) async fn list(scope: Scope, State(_): State<Plane>) -> PlaneResult<Json<FoundFaults>> {
    let rules = rules_of(scope)?.all();
    Ok(Json(FoundFaults { faults: rules.iter().filter_map(|rule| ShownFault::of(rule)).collect() }))
}

/// Shows one rule.
///
/// # Errors
/// `not-found`.
#[utoipa::path(get, path = "/_mock/v1/faults/{id}", tag = "Faults",
    params(("id" = Uuid, Path, description = "The rule"),
        ("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = ShownFault, description = "The rule"), NamedAnswers))]
pub(super) async fn show(
    scope: Scope,
    id: Result<Path<String>, PathRejection>,
) -> PlaneResult<Json<ShownFault>> {
    let rules = rules_of(scope)?;
    let rule = rules.find(rule_id(id)?).ok_or_else(unknown)?;
    ShownFault::of(&rule).map(Json).ok_or_else(unknown)
}

/// Removes every rule; the calls that they hold go on.
///
/// # Errors
/// As every route.
#[utoipa::path(delete, path = "/_mock/v1/faults", tag = "Faults",
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = RemovedFaults, description = "There is none"), ListAnswers))]
pub(super) async fn clear(scope: Scope) -> PlaneResult<Json<RemovedFaults>> {
    Ok(Json(RemovedFaults { removed: rules_of(scope)?.clear() }))
}

/// Removes a rule; the calls that it holds go on. What it has done is told a last time.
///
/// # Errors
/// `not-found`.
#[utoipa::path(delete, path = "/_mock/v1/faults/{id}", tag = "Faults",
    params(("id" = Uuid, Path, description = "The rule"),
        ("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = ShownFault, description = "It is gone"), NamedAnswers))]
pub(super) async fn remove(
    scope: Scope,
    id: Result<Path<String>, PathRejection>,
) -> PlaneResult<Json<ShownFault>> {
    let rules = rules_of(scope)?;
    let id = rule_id(id)?;
    let rule = rules.find(id).filter(|_| rules.remove(id)).ok_or_else(unknown)?;
    ShownFault::of(&rule).map(Json).ok_or_else(unknown)
}

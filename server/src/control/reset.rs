//! `POST /reset`: a tenant, or a project, back to where it began (CT-3).

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Plane;
use super::access::{Scope, Steered};
use super::answer::{PlaneRefusal, PlaneResult, RefusalCode};
use super::body::Order;
use super::openapi::ScopeAnswers;
use engine::ResetParts;

/// What to reset.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetOrder {
    /// The parts; all of them by default.
    what: Option<Vec<ResetPart>>,
}

/// A part of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ResetPart {
    /// Databases, query log and project; sessions end with it.
    Data,
    /// Sessions.
    Sessions,
    /// The journal.
    Journal,
    /// Fault rules.
    Faults,
    /// The clock.
    Clock,
    /// Tasks of loads.
    Tasks,
}

/// What has begun anew.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResetReport {
    /// The parts.
    reset: Vec<ResetPart>,
    /// What was left alone: `project`, if other tenants see it too.
    skipped: Vec<&'static str>,
}

impl ResetPart {
    const ALL: [Self; 6] =
        [Self::Data, Self::Sessions, Self::Journal, Self::Faults, Self::Clock, Self::Tasks];
}

/// Puts the tenant back to where it began: the next call on any door finds the new state.
///
/// # Errors
/// `bad-request`, `not-found` for a tenant or project that is not there.
#[utoipa::path(post, path = "/_mock/v1/reset", tag = "State", request_body = ResetOrder,
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant"),
        ("project" = Option<String>, Query, description = "In server scope: the project, as KEY:ENV, whoever sees it")),
    responses((status = 200, body = ResetReport, description = "It has begun anew"), ScopeAnswers))]
pub(super) async fn reset(
    scope: Scope,
    State(plane): State<Plane>,
    Order(order): Order<ResetOrder>,
) -> PlaneResult<Json<ResetReport>> {
    let asked = order.what.unwrap_or_else(|| ResetPart::ALL.to_vec());
    let has = |part| asked.contains(&part);
    let tenant = match scope {
        Scope::Tenant(Steered { tenant, .. }) => tenant,
        Scope::Server => return Err(Scope::needs_name()),
        Scope::Project { key, environment } => {
            let known = !has(ResetPart::Data) || plane.engine.reset_project(&key, &environment);
            let reset = asked.into_iter().filter(|part| *part == ResetPart::Data).collect();
            let unknown = || PlaneRefusal::new(RefusalCode::NotFound, "there is no such project");
            return known.then_some(Json(ResetReport { reset, skipped: Vec::new() })).ok_or_else(unknown);
        }
    };
    let parts = ResetParts {
        data: has(ResetPart::Data),
        sessions: has(ResetPart::Sessions),
        journal: has(ResetPart::Journal),
        faults: has(ResetPart::Faults),
        clock: has(ResetPart::Clock),
        tasks: has(ResetPart::Tasks),
    };
    let done = plane.engine.reset_tenant(&tenant, parts).await?;
    let skipped = if done.skipped_project { vec!["project"] } else { Vec::new() };
    Ok(Json(ResetReport { reset: asked, skipped }))
}

//! Snapshots: kept, listed, restored and removed (SN-1, SN-2).

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::Plane;
use super::access::{Scope, Steered};
use super::answer::{PlaneRefusal, PlaneResult, RefusalCode};
use super::openapi::ListAnswers;
use super::shown::shown_time;
use engine::{KeptSnapshot, LeftOut, SnapshotDone};

/// A snapshot.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownSnapshot {
    /// Its name.
    name: String,
    /// When it was made.
    made_at: String,
    /// What it takes in memory.
    bytes: u64,
}

/// Every snapshot of a tenant, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownSnapshots {
    snapshots: Vec<ShownSnapshot>,
}

/// What was kept or put back, and what was not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SnapshotReport {
    #[serde(flatten)]
    snapshot: ShownSnapshot,
    /// What was left alone: `project`, if other tenants see it too.
    skipped: Vec<&'static str>,
    /// What of the tenant is not in it.
    left_out: Vec<ShownLack>,
}

/// What a snapshot does not have.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownLack {
    /// What it is.
    what: String,
    /// Why it is not there.
    why: String,
}

/// The snapshot that is no more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RemovedSnapshot {
    /// Its name.
    removed: String,
}

impl ShownSnapshot {
    fn of(snapshot: &KeptSnapshot) -> Self {
        Self {
            name: snapshot.name().to_owned(),
            made_at: shown_time(snapshot.made()),
            bytes: snapshot.bytes(),
        }
    }
}

impl SnapshotReport {
    fn of(done: SnapshotDone) -> Self {
        let SnapshotDone { snapshot, skipped_project, left_out } = done;
        let lack = |LeftOut { what, why }| ShownLack { what, why };
        Self {
            snapshot: ShownSnapshot::of(&snapshot),
            skipped: if skipped_project { vec!["project"] } else { Vec::new() },
            left_out: left_out.into_iter().map(lack).collect(),
        }
    }
}

/// The tenant whose snapshots a call is about.
fn tenant_of(scope: Scope) -> PlaneResult<Steered> {
    scope.tenant("snapshots are")
}

fn name_of(given: Result<Path<String>, PathRejection>) -> PlaneResult<String> {
    let unknown = |_| PlaneRefusal::new(RefusalCode::NotFound, "there is no such snapshot");
    given.map(|Path(name)| name).map_err(unknown)
}

/// Keeps the tenant's committed state under a name, in the place of the snapshot that has it.
///
/// # Errors
/// `bad-request` for a name that is none, `conflict` for what cannot be copied, `limit-exceeded`.
#[utoipa::path(put, path = "/_mock/v1/snapshots/{name}", tag = "State",
    params(("name" = String, Path, description = "Its name: letters, digits, dots, hyphens and underscores"),
        ("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = SnapshotReport, description = "It is kept"), ListAnswers))]
pub(super) async fn save(
    scope: Scope,
    State(plane): State<Plane>,
    name: Result<Path<String>, PathRejection>,
) -> PlaneResult<Json<SnapshotReport>> {
    let steered = tenant_of(scope)?;
    let done = plane.engine.save_snapshot(&steered.tenant, &name_of(name)?).await?;
    Ok(Json(SnapshotReport::of(done)))
}

/// Lists the tenant's snapshots.
///
/// # Errors
/// As every route.
#[utoipa::path(get, path = "/_mock/v1/snapshots", tag = "State",
    params(("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = ShownSnapshots, description = "The snapshots, by name"), ListAnswers))]
pub(super) async fn list(scope: Scope, State(plane): State<Plane>) -> PlaneResult<Json<ShownSnapshots>> {
    let steered = tenant_of(scope)?;
    let all = plane.engine.snapshots(&steered.tenant);
    Ok(Json(ShownSnapshots { snapshots: all.iter().map(|one| ShownSnapshot::of(one)).collect() }))
}

/// Makes the tenant's state that of a snapshot: the next call on any door finds it.
///
/// # Errors
/// `not-found` for a snapshot that is not there.
#[utoipa::path(post, path = "/_mock/v1/snapshots/{name}/restore", tag = "State",
    params(("name" = String, Path, description = "The snapshot"),
        ("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = SnapshotReport, description = "It is restored"), ListAnswers))]
pub(super) async fn restore(
    scope: Scope,
    State(plane): State<Plane>,
    name: Result<Path<String>, PathRejection>,
) -> PlaneResult<Json<SnapshotReport>> {
    let steered = tenant_of(scope)?;
    let done = plane.engine.restore_snapshot(&steered.tenant, &name_of(name)?).await?;
    Ok(Json(SnapshotReport::of(done)))
}

/// Removes a snapshot.
///
/// # Errors
/// `not-found`.
#[utoipa::path(delete, path = "/_mock/v1/snapshots/{name}", tag = "State",
    params(("name" = String, Path, description = "The snapshot"),
        ("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = RemovedSnapshot, description = "It is gone"), ListAnswers))]
pub(super) async fn remove(
    scope: Scope,
    State(plane): State<Plane>,
    name: Result<Path<String>, PathRejection>,
) -> PlaneResult<Json<RemovedSnapshot>> {
    let (steered, name) = (tenant_of(scope)?, name_of(name)?);
    plane.engine.remove_snapshot(&steered.tenant, &name)?;
    Ok(Json(RemovedSnapshot { removed: name }))
}

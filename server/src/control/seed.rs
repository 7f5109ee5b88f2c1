//! `POST /seed`: tables and events for a tenant that is there (SD-3).

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Plane;
use super::access::{Scope, Steered};
use super::answer::{PlaneRefusal, PlaneResult, RefusalCode};
use super::openapi::SeedAnswers;
use crate::doors::http::encoding;
use crate::doors::http::receive::{BodyBound, Unreceived, receive};
use crate::seeds::{self, Seed, SeedPosition};
use engine::{Error, ErrorKind};

/// What a body of SQL is called.
const SQL: &str = "seed.sql";

/// What the body is, if the Content-Type does not say.
#[derive(Debug, Deserialize)]
pub(super) struct SeedQuery {
    name: Option<String>,
}

/// What was applied.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Seeded {
    /// The files, in their order.
    seeded: Vec<String>,
}

/// Adds a seed to what the tenant has, whole or not at all; its sessions end.
///
/// # Errors
/// `bad-request`, naming the file, its line or row, and what is wrong.
#[utoipa::path(post, path = "/_mock/v1/seed", tag = "State",
    request_body(content((Vec<u8> = "application/x-tar"), (String = "application/sql"))),
    params(("name" = Option<String>, Query, description = "What the one file that the body is would be called in a seed's folder"),
        ("tenant" = Option<String>, Query, description = "In server scope: the tenant")),
    responses((status = 200, body = Seeded, description = "It was added"), SeedAnswers))]
pub(super) async fn seed(
    scope: Scope,
    State(plane): State<Plane>,
    Query(query): Query<SeedQuery>,
    headers: HeaderMap,
    body: Body,
) -> PlaneResult<Json<Seeded>> {
    let Scope::Tenant(steered) = scope else {
        return Err(PlaneRefusal::bad_request("a control key seeds the tenant that ?tenant=NAME names"));
    };
    let name = name(query.name, &headers)?;
    let seed = received(&plane, name, &headers, body).await?;
    let position = SeedPosition::default();
    let added = seeds::within(plane.seeds.timeout, &position, add(&plane, &steered, &seed, &position)).await;
    added.map_err(|error| match error.kind() {
        ErrorKind::Cancelled => PlaneRefusal::new(RefusalCode::Timeout, error.message()),
        _ => error.into(),
    })?;
    Ok(Json(Seeded { seeded: seed.names() }))
}

/// The name of the one file that the body is; none for a tar.
fn name(named: Option<String>, headers: &HeaderMap) -> PlaneResult<Option<String>> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match (named, media.as_str()) {
        (Some(name), _) => Ok(Some(name)),
        (None, "application/sql" | "text/sql") => Ok(Some(SQL.to_owned())),
        (None, "application/x-tar" | "application/tar") => Ok(None),
        _ => Err(PlaneRefusal::bad_request(
            "the Content-Type has to be application/sql or, for a tar of a seed's folder, application/x-tar; \
             or name the one file of the body as it would be in such a folder: ?name=memory/main/orders.csv",
        )),
    }
}

async fn received(plane: &Plane, name: Option<String>, headers: &HeaderMap, body: Body) -> PlaneResult<Seed> {
    let bounds = plane.seeds.bounds;
    let body = encoding::decoded(headers, body)?.body;
    let bound = BodyBound { bytes: bounds.bytes, flag: "--seed-limit" };
    let folder = plane.engine.config().temporary_folder.clone();
    // A file without a name: nothing stays behind, however the call ends.
    let make = move || {
        tempfile::tempfile_in(folder)
            .map_err(|fault| Error::internal(format!("cannot make a file in the folder of TMPDIR: {fault}")))
    };
    let (file, head) = receive(make, body, Some(bound)).await.map_err(|unreceived| match unreceived {
        Unreceived::TooLarge(bound) => {
            PlaneRefusal::new(RefusalCode::PayloadTooLarge, format!("the seed has more than {bound}"))
        }
        Unreceived::BrokenOff(message) => PlaneRefusal::bad_request(message),
        Unreceived::Fault(error) => error.into(),
    })?;
    if head.is_empty() {
        return Err(PlaneRefusal::bad_request("the body is empty"));
    }
    Ok(engine::run_blocking(move || Seed::received(file, name.as_deref(), bounds)).await?)
}

/// Applies the seed to a copy of what the tenant has, which then takes its place.
async fn add(plane: &Plane, steered: &Steered, seed: &Seed, position: &SeedPosition) -> engine::Result<()> {
    let (engine, tenant) = (&plane.engine, &steered.tenant);
    let _turn = engine.seed_turn(tenant).await;
    let staging = engine.stage_copy(tenant).await?;
    seeds::apply(seed, &staging, position).await?;
    let held = engine.hold(tenant).await?;
    if held.is_origin_of(&staging) {
        return engine.go_on_with(held, &staging).await;
    }
    // Somebody has changed something meanwhile: once more, with everybody waiting.
    let staging = engine.stage_held(&held).await?;
    seeds::apply(seed, &staging, position).await?;
    engine.go_on_with(held, &staging).await
}

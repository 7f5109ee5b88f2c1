//! Tenants made, looked at and removed while the server runs (CT-1, CT-2).

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use futures::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Plane;
use super::access::ServerScope;
use super::addresses::DoorUrls;
use super::answer::{PlaneRefusal, PlaneResult};
use super::body::Order;
use super::openapi::{MakeAnswers, NamedAnswers, ServerAnswers};
use engine::{Account, ErrorKind, Origin, Tenant, TenantState};

/// How many bytes a name, a password, a key or an environment may have.
const LONGEST: usize = 200;

/// How many environments a tenant may have.
const MOST_ENVIRONMENTS: usize = 100;

/// How many tenants are looked at at a time.
const AT_A_TIME: usize = 8;

/// What to make; what is left out is minted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user": "alice", "environments": ["production", "staging"]}))]
pub(super) struct TenantOrder {
    /// The user's name, without a colon.
    user: Option<String>,
    /// The password.
    password: Option<String>,
    /// The API key of the tenant's project.
    api_key: Option<String>,
    /// The key's environments, `production` by default; the user sees the first.
    environments: Option<Vec<String>>,
    /// What it begins as a copy of; as every tenant begins by default.
    from: Option<OriginOrder>,
}

/// A tenant, or one of its snapshots.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OriginOrder {
    /// The tenant's user.
    tenant: String,
    /// The snapshot; the tenant's present state by default.
    snapshot: Option<String>,
}

/// A tenant that was made, with all that a client needs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeTenant {
    user: String,
    password: String,
    api_key: String,
    environments: Vec<String>,
    addresses: DoorUrls,
    state: ShownTenant,
}

/// A tenant in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownTenant {
    /// The user's name.
    user: String,
    /// False for one whom `--allow-any-user` has admitted.
    declared: bool,
    database: ShownDatabase,
    /// Open sessions.
    sessions: usize,
    /// Statements that run, or whose rows are being read.
    open_statements: usize,
    /// Calls in the journal.
    journal_entries: usize,
    /// Fault rules.
    fault_rules: usize,
}

/// A tenant's database.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownDatabase {
    /// Whether it was opened, which its first use does.
    open: bool,
    /// What it takes in memory.
    bytes: u64,
}

/// Every tenant there is, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownTenants {
    tenants: Vec<ShownTenant>,
}

/// The tenant that is no more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RemovedTenant {
    /// Its user's name.
    removed: String,
}

impl From<TenantState> for ShownTenant {
    fn from(state: TenantState) -> Self {
        Self {
            user: state.user.as_ref().to_owned(),
            declared: state.is_declared,
            database: ShownDatabase {
                open: state.database_bytes.is_some(),
                bytes: state.database_bytes.unwrap_or(0),
            },
            sessions: state.sessions,
            open_statements: state.open_statements,
            journal_entries: state.journal_entries,
            fault_rules: state.fault_rules,
        }
    }
}

/// Makes a tenant with a database and a project of its own.
///
/// # Errors
/// `bad-request` for a name that no client could send, `conflict` for one that is taken, `not-found` for what it is to be a
/// copy of, `limit-exceeded`.
#[utoipa::path(post, path = "/_mock/v1/tenants", tag = "Tenants", request_body = TenantOrder, responses(
    (status = 201, body = MadeTenant, description = "It can be used from now on"), MakeAnswers))]
pub(super) async fn create(
    _: ServerScope,
    State(plane): State<Plane>,
    headers: HeaderMap,
    Order(order): Order<TenantOrder>,
) -> PlaneResult<(StatusCode, Json<MadeTenant>)> {
    let minted = |prefix: &str| format!("{prefix}{}", Uuid::new_v4().simple());
    let user = named("user", order.user, || minted("tenant-"))?;
    if user.contains(':') {
        return Err(PlaneRefusal::bad_request(
            "`user` cannot hold a colon, which ends the name in credentials",
        ));
    }
    let password = named("password", order.password, || minted(""))?;
    let api_key = named("api_key", order.api_key, || minted("key-"))?;
    let environments = environments(order.environments)?;
    let account = Account { name: user.clone(), password: password.clone() };
    let tenant = match order.from {
        None => plane.engine.make_tenant(account, &api_key, environments.clone()),
        Some(OriginOrder { tenant, snapshot }) => {
            let origin = Origin { tenant: plane.engine.tenant_named(&tenant)?, snapshot };
            plane.engine.make_copy(account, &api_key, environments.clone(), origin).await
        }
    };
    let tenant = tenant.map_err(|error| match error.kind() {
        ErrorKind::Config => PlaneRefusal::conflict(error.message()),
        _ => error.into(),
    })?;
    let addresses = DoorUrls::seen_from(&plane, &headers);
    let state = tenant.state().await?.into();
    Ok((StatusCode::CREATED, Json(MadeTenant { user, password, api_key, environments, addresses, state })))
}

/// A text of the order that fits a header, or else a new one.
fn named(field: &str, given: Option<String>, minted: impl FnOnce() -> String) -> PlaneResult<String> {
    let Some(given) = given else { return Ok(minted()) };
    if given.is_empty() || given.len() > LONGEST {
        return Err(PlaneRefusal::bad_request(format!("`{field}` has to have 1 to {LONGEST} bytes")));
    }
    if given.chars().any(char::is_control) || given.trim() != given {
        return Err(PlaneRefusal::bad_request(format!("`{field}` holds what no header can carry")));
    }
    Ok(given)
}

fn environments(given: Option<Vec<String>>) -> PlaneResult<Vec<String>> {
    let given = given.unwrap_or_else(|| vec!["production".to_owned()]);
    if given.is_empty() || given.len() > MOST_ENVIRONMENTS {
        let message = format!("`environments` has to name 1 to {MOST_ENVIRONMENTS} of them");
        return Err(PlaneRefusal::bad_request(message));
    }
    let mut seen = HashSet::new();
    for name in &given {
        named("environments", Some(name.clone()), String::new)?;
        if !seen.insert(name) {
            return Err(PlaneRefusal::bad_request(format!("`environments` names \"{name}\" twice")));
        }
    }
    Ok(given)
}

/// Lists every tenant.
///
/// # Errors
/// `internal` for a database that does not answer.
#[utoipa::path(get, path = "/_mock/v1/tenants", tag = "Tenants", responses(
    (status = 200, body = ShownTenants, description = "Every tenant, by name"), ServerAnswers))]
pub(super) async fn list(_: ServerScope, State(plane): State<Plane>) -> PlaneResult<Json<ShownTenants>> {
    let looked_at = |tenant: Arc<Tenant>| async move { tenant.state().await };
    let states = futures::stream::iter(plane.engine.tenants()).map(looked_at).buffered(AT_A_TIME);
    let tenants = states.map_ok(ShownTenant::from).try_collect().await?;
    Ok(Json(ShownTenants { tenants }))
}

/// Shows one tenant.
///
/// # Errors
/// `not-found`; `conflict` for a name that several undeclared users have.
#[utoipa::path(get, path = "/_mock/v1/tenants/{user}", tag = "Tenants",
    params(("user" = String, Path, description = "The user's name")), responses(
    (status = 200, body = ShownTenant, description = "The tenant"), NamedAnswers))]
pub(super) async fn show(
    _: ServerScope,
    State(plane): State<Plane>,
    Path(user): Path<String>,
) -> PlaneResult<Json<ShownTenant>> {
    Ok(Json(plane.engine.tenant_named(&user)?.state().await?.into()))
}

/// Refuses a user from now on, interrupts what the user runs and drops the user's database, and the project that the
/// tenant was made with.
///
/// # Errors
/// As [`show`].
#[utoipa::path(delete, path = "/_mock/v1/tenants/{user}", tag = "Tenants",
    params(("user" = String, Path, description = "The user's name")), responses(
    (status = 200, body = RemovedTenant, description = "It is gone"), NamedAnswers))]
pub(super) async fn remove(
    _: ServerScope,
    State(plane): State<Plane>,
    Path(user): Path<String>,
) -> PlaneResult<Json<RemovedTenant>> {
    let tenant = plane.engine.tenant_named(&user)?;
    plane.engine.remove_tenant(&tenant).await?;
    Ok(Json(RemovedTenant { removed: user }))
}

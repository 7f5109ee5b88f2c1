//! Who steers what (CX-2, CX-3).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use subtle::{Choice, ConstantTimeEq};

use super::Plane;
use super::answer::{PlaneRefusal, PlaneResult, RefusalCode};
use crate::doors::calls;
use crate::doors::http::credentials;
use engine::events::ProjectHandle;
use engine::{ErrorKind, Tenant, Visit};

/// What a call of the plane acts on.
pub(super) enum Scope {
    /// One tenant.
    Tenant(Steered),
    /// The server itself.
    Server,
    /// One project, whoever sees it.
    Project {
        /// Its API key.
        key: String,
        /// Its environment.
        environment: String,
    },
}

impl Scope {
    /// The tenant, of a route that acts on one alone.
    ///
    /// # Errors
    /// `bad-request` in a scope without a tenant; `whose` says what is a tenant's.
    pub(super) fn tenant(self, whose: &str) -> PlaneResult<Steered> {
        match self {
            Self::Tenant(steered) => Ok(steered),
            Self::Server => Err(Self::needs_name()),
            Self::Project { .. } => Err(Self::needs_tenant(whose)),
        }
    }

    /// The refusal of a project where a tenant is asked for.
    pub(super) fn needs_tenant(whose: &str) -> PlaneRefusal {
        PlaneRefusal::bad_request(format!("{whose} a tenant's: name it by ?tenant=NAME"))
    }

    /// The refusal of a route that acts on a tenant or a project alone.
    pub(super) fn needs_name() -> PlaneRefusal {
        PlaneRefusal::bad_request(
            "a control key acts on the tenant that ?tenant=NAME names, or the project of ?project=KEY:ENV",
        )
    }
}

/// The tenant that a call acts on: the caller's own, or the one that `?tenant=` names in server scope.
pub(super) struct Steered {
    pub(super) tenant: Arc<Tenant>,
    /// Ends with the request.
    _visit: Visit,
}

/// The project whose events are asked for: the tenant's own, the one that `?project=` names in server scope, or under
/// `--control-api-keys` that of an API key.
pub(super) struct EventScope(pub(super) ProjectHandle);

/// Proof that the caller has a control key.
pub(super) struct ServerScope;

/// What credentials open.
enum Power {
    OneTenant(Arc<Tenant>),
    Server,
}

impl FromRequestParts<Plane> for Scope {
    type Rejection = PlaneRefusal;

    async fn from_request_parts(parts: &mut Parts, plane: &Plane) -> PlaneResult<Self> {
        let tenant = match (power(plane, &parts.headers)?, wanted(parts)?) {
            (Power::OneTenant(tenant), None) => tenant,
            (Power::OneTenant(_), Some(_)) => return Err(needs_key(plane)),
            (Power::Server, Some(Wanted::Tenant(name))) => plane.engine.tenant_named(&name)?,
            (Power::Server, Some(Wanted::Project { key, environment })) => {
                return Ok(Self::Project { key, environment });
            }
            (Power::Server, None) => return Ok(Self::Server),
        };
        calls::of(&parts.extensions).admit(tenant.name());
        let visit = tenant.visit();
        Ok(Self::Tenant(Steered { tenant, _visit: visit }))
    }
}

impl FromRequestParts<Plane> for EventScope {
    type Rejection = PlaneRefusal;

    async fn from_request_parts(parts: &mut Parts, plane: &Plane) -> PlaneResult<Self> {
        let store = plane.engine.events();
        let has_credentials = parts.headers.contains_key(AUTHORIZATION);
        let found = match parts.headers.get("x-api-key").filter(|_| plane.api_keys_open && !has_credentials) {
            Some(key) => {
                let key = key.to_str().unwrap_or_default();
                if !store.accepts(key) {
                    return Err(unauthorized());
                }
                store.project(key, &environment(parts))
            }
            None => match Scope::from_request_parts(parts, plane).await? {
                Scope::Tenant(Steered { tenant, .. }) => tenant.project_handle(),
                Scope::Project { key, environment } => store.project(&key, &environment),
                Scope::Server => return Err(Scope::needs_name()),
            },
        };
        let nowhere = || PlaneRefusal::new(RefusalCode::NotFound, "there is no such project");
        found.map(Self).ok_or_else(nowhere)
    }
}

/// The environment that the query string names.
fn environment(parts: &Parts) -> String {
    let mut pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let given = pairs.find(|(name, _)| name == "environment");
    given.map_or_else(|| "production".to_owned(), |(_, value)| value.into_owned())
}

impl FromRequestParts<Plane> for ServerScope {
    type Rejection = PlaneRefusal;

    async fn from_request_parts(parts: &mut Parts, plane: &Plane) -> PlaneResult<Self> {
        match power(plane, &parts.headers) {
            Ok(Power::Server) => Ok(Self),
            Ok(Power::OneTenant(_)) => Err(needs_key(plane)),
            Err(refusal) if refusal.code() == RefusalCode::Unauthorized && plane.keys.is_empty() => {
                Err(needs_key(plane))
            }
            Err(refusal) => Err(refusal),
        }
    }
}

/// What the query string asks for in server scope.
enum Wanted {
    Tenant(String),
    Project { key: String, environment: String },
}

fn wanted(parts: &Parts) -> PlaneResult<Option<Wanted>> {
    let mut found = None;
    for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        let next = match &*name {
            "tenant" => Wanted::Tenant(value.into_owned()),
            "project" => {
                let (key, environment) = value.rsplit_once(':').ok_or_else(|| {
                    PlaneRefusal::bad_request("the query parameter `project` takes KEY:ENV")
                })?;
                Wanted::Project { key: key.to_owned(), environment: environment.to_owned() }
            }
            _ => continue,
        };
        if found.replace(next).is_some() {
            return Err(PlaneRefusal::bad_request("one tenant or one project is named at a time"));
        }
    }
    Ok(found)
}

fn power(plane: &Plane, headers: &HeaderMap) -> PlaneResult<Power> {
    let sent = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, token)) = sent.and_then(|value| value.trim().split_once(' ')) else {
        if headers.contains_key("x-api-key") {
            let message = "an API key is public and steers nothing; send the user's name and password";
            return Err(PlaneRefusal::new(RefusalCode::Forbidden, message));
        }
        return Err(unauthorized());
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return match (plane.keys.is_empty(), is_known(plane, token.trim())) {
            (true, _) => Err(needs_key(plane)),
            (false, true) => Ok(Power::Server),
            (false, false) => Err(unauthorized()),
        };
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| credentials::pair(token.trim())).flatten();
    let (user, password) = pair.ok_or_else(unauthorized)?;
    let tenant = plane.engine.authenticate(&user, &password).map_err(|error| match error.kind() {
        ErrorKind::LimitExceeded => error.into(),
        _ => unauthorized(),
    })?;
    Ok(Power::OneTenant(tenant))
}

/// Whether a token is a control key; takes the same time whichever it is.
fn is_known(plane: &Plane, token: &str) -> bool {
    let same = |key: &String| key.as_bytes().ct_eq(token.as_bytes());
    plane.keys.iter().map(same).fold(Choice::from(0), |found, same| found | same).into()
}

fn needs_key(plane: &Plane) -> PlaneRefusal {
    let message = if plane.keys.is_empty() {
        "this acts on the whole server: start it with --control-key KEY, and send that key as `Authorization: Bearer KEY`"
    } else {
        "this acts on the whole server: send a key of its --control-key as `Authorization: Bearer KEY`"
    };
    PlaneRefusal::new(RefusalCode::Forbidden, message)
}

fn unauthorized() -> PlaneRefusal {
    let message = "Invalid credentials. Send `Authorization: Basic <base64 of user:password>` for one tenant, or `Bearer` with a key of --control-key for the server.";
    PlaneRefusal::new(RefusalCode::Unauthorized, message)
}

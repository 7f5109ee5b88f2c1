//! `GET /openapi/mock.json`: OpenAPI 3.1, generated from the handlers' own types (CX-1).

use std::collections::BTreeMap;

use axum::Json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi, PartialSchema, ToSchema};

use super::answer::RefusalBody;

#[derive(OpenApi)]
#[openapi(
    info(title = "altertable-mock control plane", description = "How a test steers the local stand-in. Nothing of it \
        exists in the hosted service."),
    paths(
        super::tenants::create, super::tenants::list, super::tenants::show, super::tenants::remove,
        super::reset::reset, super::seed::seed, super::snapshots::save, super::snapshots::list, super::snapshots::restore,
        super::snapshots::remove, super::requests::list, super::requests::clear, super::requests::wait,
        super::events::list, super::events::wait, super::faults::create, super::faults::list, super::faults::show,
        super::faults::clear, super::faults::remove, super::clock::show, super::clock::set, super::clock::clear,
        super::clock::advance, super::tasks::show, super::tasks::set, super::tasks::complete, super::tasks::fail,
        document
    ),
    modifiers(&ScopeSchemes, &Refusals)
)]
struct PlaneApi;

/// This document.
#[utoipa::path(get, path = "/openapi/mock.json", tag = "Server",
    responses((status = 200, content_type = "application/json", description = "OpenAPI 3.1")))]
pub(super) async fn document() -> Json<Document> {
    Json(PlaneApi::openapi())
}

/// A user's credentials, or a control key (CX-2, CX-3), on every route but the document's.
struct ScopeSchemes;

impl Modify for ScopeSchemes {
    fn modify(&self, document: &mut Document) {
        let schemes = [("tenant", HttpAuthScheme::Basic), ("control", HttpAuthScheme::Bearer)];
        for path in document.paths.paths.values_mut() {
            let operations = [&mut path.get, &mut path.post, &mut path.put, &mut path.delete];
            for operation in operations.into_iter().flatten() {
                let has_tag =
                    |tag: &str| operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|t| t == tag));
                let opening: Vec<_> = match (has_tag("Server"), has_tag("Tenants")) {
                    (true, _) => continue,
                    (false, true) => vec!["control"],
                    (false, false) => vec!["tenant", "control"],
                };
                let required = opening.into_iter().map(|name| SecurityRequirement::new(name, [""; 0]));
                operation.security = Some(required.collect());
            }
        }
        let components = document.components.get_or_insert_default();
        for (name, scheme) in schemes {
            components
                .add_security_scheme(name, SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build()));
        }
    }
}

/// Adds the body that refusals refer to.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let mut nested = Vec::new();
        <RefusalBody as ToSchema>::schemas(&mut nested);
        components.schemas.extend(nested);
        components.schemas.insert(RefusalBody::name().into_owned(), RefusalBody::schema());
    }
}

/// How routes of the server scope refuse.
pub(super) struct ServerAnswers;

impl IntoResponses for ServerAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[UNAUTHORIZED, FORBIDDEN, INTERNAL])
    }
}

/// How a tenant is not made.
pub(super) struct MakeAnswers;

impl IntoResponses for MakeAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            BAD_REQUEST,
            UNAUTHORIZED,
            FORBIDDEN,
            NOT_FOUND,
            CONFLICT,
            TOO_LARGE,
            ENCODING,
            LIMIT_EXCEEDED,
            INTERNAL,
        ])
    }
}

/// How routes refuse that name a tenant in their path.
pub(super) struct NamedAnswers;

impl IntoResponses for NamedAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, INTERNAL])
    }
}

/// How routes refuse that act on a tenant or a project.
pub(super) struct ScopeAnswers;

impl IntoResponses for ScopeAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let all =
            [BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, TOO_LARGE, ENCODING, LIMIT_EXCEEDED];
        let mut answers = refusals(&all);
        answers.extend(refusals(&[INTERNAL]));
        answers
    }
}

/// How a seed is refused.
pub(super) struct SeedAnswers;

impl IntoResponses for SeedAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut answers = ScopeAnswers::responses();
        answers.extend(refusals(&[TOO_SLOW, SEED_TOO_LARGE]));
        answers
    }
}

/// How routes that list refuse.
pub(super) struct ListAnswers;

impl IntoResponses for ListAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, LIMIT_EXCEEDED, INTERNAL])
    }
}

/// How routes that wait refuse.
pub(super) struct WaitAnswers;

impl IntoResponses for WaitAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut answers = ScopeAnswers::responses();
        answers.extend(refusals(&[TIMEOUT]));
        answers
    }
}

type StatusAbout = (&'static str, &'static str);

const BAD_REQUEST: StatusAbout = (
    "400",
    "`bad-request`: not a JSON object, or an unknown, missing or ill-typed key or parameter, which it names",
);
const UNAUTHORIZED: StatusAbout = ("401", "`unauthorized`: missing or wrong credentials");
const FORBIDDEN: StatusAbout = ("403", "`forbidden`: it takes a key of --control-key");
const NOT_FOUND: StatusAbout = ("404", "`not-found`: there is no such tenant or project");
const TIMEOUT: StatusAbout = (
    "408",
    "`timeout`: too few matched in time; beside the error are those that did, and the nearest of the others",
);
const TOO_SLOW: StatusAbout = ("408", "`timeout`: it takes longer than --seed-timeout");
const SEED_TOO_LARGE: StatusAbout = ("413", "`payload-too-large`: beyond --seed-limit");
const CONFLICT: StatusAbout = ("409", "`conflict`: a name that is taken, or that several users have");
const TOO_LARGE: StatusAbout = ("413", "`payload-too-large`: beyond --json-body-limit");
const ENCODING: StatusAbout =
    ("415", "`unsupported-encoding`: a Content-Encoding other than gzip, deflate, br and zstd");
const LIMIT_EXCEEDED: StatusAbout = ("429", "`limit-exceeded`: the message names limit, value and flag");
const INTERNAL: StatusAbout = ("500", "`internal`: a fault of the server");

fn refusals(answers: &[StatusAbout]) -> BTreeMap<String, RefOr<Response>> {
    let response = |about: &str| {
        let schema = Ref::from_schema_name(RefusalBody::name());
        let content = ContentBuilder::new().schema(Some(schema)).build();
        ResponseBuilder::new().description(about).content("application/json", content).build().into()
    };
    answers.iter().map(|(status, about)| ((*status).to_owned(), response(about))).collect()
}

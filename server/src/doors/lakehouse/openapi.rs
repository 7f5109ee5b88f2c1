//! `GET /openapi/lakehouse.json`: OpenAPI 3.1, generated from the handlers' own types (LX-10).

use std::collections::BTreeMap;

use axum::Json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi, PartialSchema, ToSchema};

use super::response::ErrorBody;

#[derive(OpenApi)]
#[openapi(
    info(title = "Altertable Lakehouse", description = "SQL over HTTP on one in-memory DuckDB per user, as the local \
        stand-in serves it. Tables are shared with Flight SQL."),
    paths(
        super::query::run, super::query_log::show, super::query_log::cancel, super::validate::run,
        super::explain::run, super::autocomplete::run, super::upload::run, super::upsert::run, super::append::run,
        super::tasks::show, super::transport::ready, health, document
    ),
    modifiers(&CredentialSchemes, &Errors)
)]
struct LakehouseApi;

/// This document.
#[utoipa::path(get, path = "/openapi/lakehouse.json", tag = "Server",
    responses((status = 200, content_type = "application/json", description = "OpenAPI 3.1")))]
pub(super) async fn document() -> Json<Document> {
    Json(LakehouseApi::openapi())
}

/// The server's health, with its version, uptime and doors; for a user also how close the limits are.
#[utoipa::path(get, path = "/health", tag = "Server",
    params(("verbose" = Option<bool>, Query, description = "With a user's credentials: adds what is used of each limit")),
    responses(
    (status = 200, content_type = "application/json", description = "The server serves"),
    VerboseAnswers,
    (status = 503, content_type = "application/json", description = "A database does not answer, or shutdown began")))]
#[expect(dead_code, reason = "describes the route that the HTTP doors share")]
fn health() {}

/// User and password, as Basic or Bearer (LX-02), on every route but those of the server itself (LX-01).
struct CredentialSchemes;

impl Modify for CredentialSchemes {
    fn modify(&self, document: &mut Document) {
        let schemes = [("basic", HttpAuthScheme::Basic), ("bearer", HttpAuthScheme::Bearer)];
        let required = schemes.each_ref().map(|(name, _)| SecurityRequirement::new(*name, [""; 0])).to_vec();
        for path in document.paths.paths.values_mut() {
            let operations = [&mut path.get, &mut path.post, &mut path.delete];
            for operation in operations.into_iter().flatten() {
                let is_open =
                    operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == "Server"));
                if !is_open {
                    operation.security = Some(required.clone());
                }
            }
        }
        let components = document.components.get_or_insert_default();
        for (name, scheme) in schemes {
            components
                .add_security_scheme(name, SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build()));
        }
    }
}

/// Adds the body that error answers refer to.
struct Errors;

impl Modify for Errors {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let mut nested = Vec::new();
        <ErrorBody as ToSchema>::schemas(&mut nested);
        components.schemas.extend(nested);
        components.schemas.insert(ErrorBody::name().into_owned(), ErrorBody::schema());
    }
}

/// How routes with a JSON body refuse (LX-04).
pub(super) struct JsonAnswers;

impl IntoResponses for JsonAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[BAD_REQUEST, UNAUTHORIZED, TOO_LARGE, ENCODING, LIMIT_EXCEEDED, INTERNAL])
    }
}

/// How routes with an id refuse.
pub(super) struct IdAnswers;

impl IntoResponses for IdAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, LIMIT_EXCEEDED, INTERNAL])
    }
}

/// How routes with a file for a body refuse.
pub(super) struct FileAnswers;

impl IntoResponses for FileAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[BAD_TARGET, UNAUTHORIZED, TOO_LARGE, ENCODING, LIMIT_EXCEEDED, INTERNAL])
    }
}

/// How `/health` refuses to tell of limits.
struct VerboseAnswers;

impl IntoResponses for VerboseAnswers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        errors(&[BAD_REQUEST, UNAUTHORIZED, LIMIT_EXCEEDED])
    }
}

type ErrorAnswer = (&'static str, &'static str);

const BAD_REQUEST: ErrorAnswer =
    ("400", "`bad-request`: not JSON, or a missing or ill-typed field or parameter");
const BAD_TARGET: ErrorAnswer = (
    "400",
    "`bad-request`, `catalog-not-found`, `table-not-found`, `table-exists`, `read-only` or `invalid-data`; nothing has changed",
);
const UNAUTHORIZED: ErrorAnswer = ("401", "`unauthorized`: missing or wrong credentials");
const NOT_FOUND: ErrorAnswer = ("404", "`not-found`: unknown, or another user's");
const TOO_LARGE: ErrorAnswer =
    ("413", "`payload-too-large`: beyond --json-body-limit, or a file decoded beyond --decoded-body-limit");
const ENCODING: ErrorAnswer =
    ("415", "`unsupported-encoding`: a Content-Encoding other than gzip, deflate, br and zstd");
const LIMIT_EXCEEDED: ErrorAnswer = (
    "429",
    "`limit-exceeded`: beyond a limit of this user or of the server; the message names limit, value and flag",
);
const INTERNAL: ErrorAnswer = ("500", "`internal`: a fault of the server");

fn errors(answers: &[ErrorAnswer]) -> BTreeMap<String, RefOr<Response>> {
    let response = |description: &str| {
        let schema = Ref::from_schema_name(ErrorBody::name());
        let content = ContentBuilder::new().schema(Some(schema)).build();
        ResponseBuilder::new().description(description).content("application/json", content).build().into()
    };
    answers.iter().map(|(status, about)| ((*status).to_owned(), response(about))).collect()
}

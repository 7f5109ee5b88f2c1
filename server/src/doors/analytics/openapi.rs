//! The OpenAPI 3.1 document, generated from the handlers' own types (AX-01).

use std::collections::BTreeMap;

use axum::Json;
use utoipa::openapi::schema::{Array, Object, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi, PartialSchema, ToSchema};

use super::error::AnalyticsErrorBody;
use super::response::Accepted;

#[derive(OpenApi)]
#[openapi(
    info(title = "Altertable Product Analytics", description = "Events, identities and aliases, as the local stand-in \
        serves them. What arrives is readable in SQL as the database `product_analytics` before the answer."),
    paths(
        super::track::track, super::identify::identify, super::alias::alias,
        super::response::root, super::response::health, document
    ),
    modifiers(&KeySchemes, &OneOrMany, &Answers)
)]
struct AnalyticsApi;

/// This document.
#[utoipa::path(get, path = "/openapi/product-analytics.json", tag = "Server",
    responses((status = 200, content_type = "application/json", description = "OpenAPI 3.1")))]
pub(super) async fn document() -> Json<Document> {
    Json(AnalyticsApi::openapi())
}

/// The three ways to send a key (AX-02), required by the routes that take a body.
struct KeySchemes;

impl Modify for KeySchemes {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let schemes = [
            ("header", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")))),
            ("bearer", SecurityScheme::Http(bearer)),
            ("query", SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::new("apiKey")))),
        ];
        let required = schemes.each_ref().map(|(name, _)| SecurityRequirement::new(*name, [""; 0]));
        for path in document.paths.paths.values_mut() {
            if let Some(post) = &mut path.post {
                post.security = Some(required.to_vec());
            }
        }
        let components = document.components.get_or_insert_default();
        for (name, scheme) in schemes {
            components.add_security_scheme(name, scheme);
        }
    }
}

/// Bodies of one item or an array of them (AX-06).
struct OneOrMany;

impl Modify for OneOrMany {
    fn modify(&self, document: &mut Document) {
        let posts = document.paths.paths.values_mut().filter_map(|path| path.post.as_mut());
        let bodies = posts.filter_map(|post| post.request_body.as_mut());
        for body in bodies {
            let RefOr::T(body) = body else { continue };
            for content in body.content.values_mut() {
                let RefOr::T(content) = content else { continue };
                if let Some(item) = content.schema.take() {
                    content.schema =
                        Some(OneOfBuilder::new().item(item.clone()).item(Array::new(item)).into());
                }
            }
        }
    }
}

/// The schema of a timestamp (AT-02).
pub(super) fn timestamp() -> Object {
    let types = SchemaType::from_iter([Type::String, Type::Number, Type::Null]);
    Object::builder()
        .schema_type(types)
        .description(Some(
            "ISO 8601, Unix seconds (magnitude below 1e11) or Unix milliseconds; absent or null is the time of receipt.",
        ))
        .examples(["2025-01-15T10:30:00Z".into(), serde_json::Value::from(1_736_937_000_123_i64)])
        .into()
}

/// What the ingestion routes answer (AX-09, AE-02).
pub(super) struct Answers;

impl Modify for Answers {
    /// Adds the bodies that the answers refer to.
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        components.schemas.insert(Accepted::name().into_owned(), Accepted::schema());
        components.schemas.insert(AnalyticsErrorBody::name().into_owned(), AnalyticsErrorBody::schema());
    }
}

impl IntoResponses for Answers {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let answers = [
            ("200", "Everything is stored and readable", Accepted::name()),
            ("400", "`invalid-json`: not parsable; nothing is stored", AnalyticsErrorBody::name()),
            ("401", "`unauthorized`: missing or unknown API key", AnalyticsErrorBody::name()),
            (
                "415",
                "`unsupported-encoding`: a Content-Encoding that is not known",
                AnalyticsErrorBody::name(),
            ),
            ("413", "`payload-too-large`: send smaller batches", AnalyticsErrorBody::name()),
            (
                "422",
                "`invalid-payload`, `environment-not-found` or `limit-exceeded`; nothing is stored",
                AnalyticsErrorBody::name(),
            ),
            ("500", "`internal`: a fault of the server", AnalyticsErrorBody::name()),
        ];
        let response = |description: &str, schema: &str| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
            ResponseBuilder::new()
                .description(description)
                .content("application/json", content)
                .build()
                .into()
        };
        answers
            .iter()
            .map(|(status, about, schema)| ((*status).to_owned(), response(about, schema)))
            .collect()
    }
}

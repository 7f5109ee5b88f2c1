//! `POST /validate`: parse and bind, execute nothing (LV).

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Caller, JsonBody};
use super::openapi::JsonAnswers;
use super::response::Result;
use super::statement::{self, ConnectionErrors, Context};
use duck::types::Fidelity;

/// A statement to check.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"statement": "SELECT 1"}))]
pub(super) struct ValidateBody {
    #[schema(nullable = false, required = true)]
    statement: Option<String>,
    catalog: Option<String>,
    schema: Option<String>,
    #[schema(format = Uuid)]
    session_id: Option<String>,
}

/// Whether a statement is valid, and DuckDB's text if it is not.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"valid": true, "statement": "SELECT 1", "connections_errors": {}, "error": null}))]
pub(super) struct Validation {
    valid: bool,
    statement: String,
    connections_errors: ConnectionErrors,
    error: Option<String>,
}

/// Checks a statement in the named session's context, and executes nothing.
///
/// # Errors
/// `bad-request` for a missing statement or a malformed session id; `limit-exceeded`.
#[utoipa::path(post, path = "/validate", tag = "Query", request_body = ValidateBody,
    responses((status = 200, body = Validation, description = "Valid or not"), JsonAnswers))]
pub(super) async fn run(caller: Caller, JsonBody(body): JsonBody<ValidateBody>) -> Result<Json<Validation>> {
    let (statement, lines) = statement::trimmed(&statement::required(&caller.0, body.statement)?);
    let Context { target, session } =
        Context::open(&caller, &statement, body.catalog, body.schema, body.session_id).await?;
    let _gone = caller.cancel_on_drop();
    let plan = session.plan(statement.clone(), target, Fidelity::Exact, &caller.1).await;
    let error = statement::told(plan, lines)?.err();
    let connections_errors = ConnectionErrors {};
    Ok(Json(Validation { valid: error.is_none(), statement, connections_errors, error }))
}

//! `POST /validate`: parse and bind, execute nothing (LV).

use axum::Json;
use serde::{Deserialize, Serialize};

use super::extract::{Caller, JsonBody};
use super::response::{ApiError, Result};
use super::session::{RequestSession, parse_id};
use crate::engine::types::Fidelity;
use crate::engine::{CancelToken, Target};
use crate::error::ErrorKind;

/// A statement to check.
#[derive(Debug, Deserialize)]
pub(super) struct ValidateBody {
    statement: Option<String>,
    catalog: Option<String>,
    schema: Option<String>,
    session_id: Option<String>,
}

/// Whether a statement is valid, and DuckDB's text if it is not.
#[derive(Debug, Serialize)]
pub(super) struct Validation {
    valid: bool,
    statement: String,
    connections_errors: Empty,
    error: Option<String>,
}

/// `{}`: no external connection ever fails here.
#[derive(Debug, Default, Serialize)]
pub(super) struct Empty {}

/// Checks a statement in the named session's context.
///
/// # Errors
/// `bad-request` for a missing statement or a malformed session id.
pub(super) async fn run(caller: Caller, JsonBody(body): JsonBody<ValidateBody>) -> Result<Json<Validation>> {
    let statement =
        body.statement.ok_or_else(|| ApiError::bad_request("the field `statement` is missing"))?;
    let statement = statement.trim().to_owned();
    let id = body.session_id.map(|id| parse_id("session_id", &id)).transpose()?;
    let session = RequestSession::named_or_ephemeral(&caller.0, id).await?;
    let target = Target { catalog: body.catalog, schema: body.schema };
    let plan = session.plan(statement.clone(), target, Fidelity::Exact, &CancelToken::new()).await;
    let error = match plan {
        Ok(_) => None,
        Err(fault) if fault.kind() == ErrorKind::Internal => return Err(fault.into()),
        Err(fault) => Some(fault.message().to_owned()),
    };
    Ok(Json(Validation { valid: error.is_none(), statement, connections_errors: Empty {}, error }))
}

//! `GET /health?verbose=1`: how close a user and the server are to their limits (LX-16).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::{Map, Value};

use super::extract::{Params, authenticate};
use super::response::{ApiError, Result};
use super::state::Lakehouse;
use engine::{Error, Usage};

/// What is added to the answer of `/health`.
#[derive(Debug, Serialize)]
struct LimitsBody {
    user: Vec<Limit>,
    server: Vec<Limit>,
}

/// One limit, in its unit: a number of things, or of bytes.
#[derive(Debug, Serialize)]
struct Limit {
    /// The flag that sets it, without dashes in front.
    name: &'static str,
    used: u64,
    limit: u64,
}

impl From<Usage> for Limit {
    fn from(Usage { name, used, limit }: Usage) -> Self {
        Self { name, used, limit }
    }
}

/// The whole answer: what `/health` says, and the limits.
#[derive(Serialize)]
struct Verbose {
    #[serde(flatten)]
    health: Map<String, Value>,
    limits: LimitsBody,
}

/// Answers `/health`, which `next` does, and adds the limits if they are asked for by a user who proves the password.
///
/// # Errors
/// `unauthorized`, `bad-request` for a `verbose` that is no boolean, `limit-exceeded` for one undeclared user too many.
pub(super) async fn verbose(
    State(state): State<Lakehouse>,
    params: Params,
    request: Request,
    next: Next,
) -> Result<Response> {
    if params.flag("verbose")? != Some(true) {
        return Ok(next.run(request).await);
    }
    let tenant = authenticate(&state.engine, request.headers())?;
    let limits = LimitsBody {
        user: tenant.usage().into_iter().map(Limit::from).collect(),
        server: state.engine.usage().into_iter().map(Limit::from).collect(),
    };
    let (mut head, body) = next.run(request).await.into_parts();
    let plain = body.collect().await.map_err(|fault| unreadable(&fault))?.to_bytes();
    let health = serde_json::from_slice(&plain).map_err(|fault| unreadable(&fault))?;
    let body = serde_json::to_vec(&Verbose { health, limits }).map_err(|fault| unreadable(&fault))?;
    head.headers.remove(CONTENT_LENGTH);
    Ok((head, Body::from(body)).into_response())
}

fn unreadable(fault: &impl std::fmt::Display) -> ApiError {
    Error::internal(format!("/health does not answer with JSON: {fault}")).into()
}

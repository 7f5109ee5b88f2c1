//! The Product Analytics door: `/track`, `/identify` and `/alias` over HTTP (`docs/contract/analytics.md`).
//!
//! [`router`] lists every route. A request passes request ids and CORS (AX-11 to AX-13), then its key, size, JSON,
//! schema and environments are checked in that order (AE-02), and only then is anything written (AX-07).

mod alias;
mod body;
mod cors;
mod error;
mod extract;
mod fields;
mod identify;
mod ingest;
mod json;
mod key;
mod openapi;
mod request_id;
mod response;
mod timestamp;
mod track;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::doors::health::Health;
use crate::doors::http::{self, Routes};
use crate::doors::panics;
use crate::doors::{Serve, Surroundings};
use engine::analytics::Store;
use engine::{Error, Result};

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Analytics {
    /// Where accepted items go.
    pub store: Arc<Store>,
    /// The largest accepted body, in bytes (AX-08).
    pub body_limit: usize,
    /// Answers `/health` (LX-14).
    pub health: Arc<Health>,
}

impl std::fmt::Debug for Analytics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analytics").field("body_limit", &self.body_limit).finish_non_exhaustive()
    }
}

/// Makes the door ready to serve.
///
/// # Errors
/// None.
pub(crate) fn prepare(around: &Surroundings<'_>) -> Result<Serve> {
    let routes = router(Analytics {
        store: Arc::clone(around.engine.analytics()),
        body_limit: usize::try_from(around.config.analytics_body_limit).unwrap_or(usize::MAX),
        health: Arc::clone(around.health),
    });
    Ok(http::serving(around, Routes { routes, refuse }))
}

/// Every route of the port (AX-01).
fn router(analytics: Analytics) -> Router {
    let routes = Router::new()
        .route("/", get(response::root))
        .route("/health", get(response::health))
        .route("/openapi/product-analytics.json", get(openapi::document))
        .route("/track", post(track::track))
        .route("/identify", post(identify::identify))
        .route("/alias", post(alias::alias))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed);
    wrap(routes).with_state(analytics)
}

/// Routes that answer every request with that error, for connections beyond the limit.
fn refuse(error: Error) -> Router {
    wrap(Router::new().fallback(async move || error::Fault::Limit(error)))
}

/// Adds what every route of the port shares.
fn wrap<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    panics::guard(routes, error::PANICS).layer(from_fn(cors::allow_origin)).layer(from_fn(request_id::stamp))
}

//! The Product Analytics door: `/track`, `/identify` and `/alias` over HTTP (`docs/contract/analytics.md`).
//!
//! [`router`] lists every route. A request passes request ids and CORS (AX-11 to AX-13), then its key, size, JSON,
//! schema and environments are checked in that order (AE-02), and only then is anything written (AX-07).

mod alias;
mod body;
mod cors;
mod error;
mod extract;
mod faults;
mod fields;
mod identify;
mod ingest;
mod json;
mod key;
mod openapi;
mod response;
mod timestamp;
mod track;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::doors::calls;
use crate::doors::health::Health;
use crate::doors::http::{self, Routes};
use crate::doors::metrics::Metrics;
use crate::doors::{Serve, Surroundings};
use engine::events::{Item, Store};
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
    let analytics = Analytics {
        store: Arc::clone(around.engine.events()),
        body_limit: usize::try_from(around.config.analytics_body_limit).unwrap_or(usize::MAX),
        health: Arc::clone(around.health),
    };
    let metrics = Arc::clone(around.metrics);
    let routes = router(analytics, http::own_routes(around), &metrics);
    let refuse = Arc::new(move |error| refuse(error, &metrics));
    Ok(http::serving(around, Routes { routes, refuse }))
}

/// Every route of the port (AX-01). `own` are those that the HTTP doors share.
fn router(analytics: Analytics, own: Router<Analytics>, metrics: &Arc<Metrics>) -> Router {
    let routes = Router::new()
        .route("/", get(response::root))
        .route("/health", get(response::health))
        .route("/openapi/product-analytics.json", get(openapi::document))
        .route("/track", post(track::track))
        .route("/identify", post(identify::identify))
        .route("/alias", post(alias::alias))
        .merge(own)
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed);
    wrap(routes, metrics).with_state(analytics)
}

/// The items of a body of /track, as a seed has it.
///
/// # Errors
/// InvalidArgument, as the route would refuse it.
pub(crate) fn events(body: &str) -> Result<Vec<Item>> {
    extract::batch::<track::TrackEvent>(body.as_bytes()).map_err(|fault| Error::invalid(fault.message()))
}

/// The items of a body of /identify, likewise.
///
/// # Errors
/// As [`events`].
pub(crate) fn identities(body: &str) -> Result<Vec<Item>> {
    extract::batch::<identify::IdentifyPerson>(body.as_bytes())
        .map_err(|fault| Error::invalid(fault.message()))
}

/// Routes that answer every request with that error, for connections beyond the limit.
fn refuse(error: Error, metrics: &Arc<Metrics>) -> Router {
    wrap(Router::new().fallback(async move || error::Fault::Limit(error)), metrics)
}

/// Adds what every route of the port shares. Every answer has its headers, also those of preflights and panics.
fn wrap<S: Clone + Send + Sync + 'static>(routes: Router<S>, metrics: &Arc<Metrics>) -> Router<S> {
    let routes = routes.layer(from_fn(cors::answer_preflight));
    calls::watch(routes, error::MANNER, Arc::clone(metrics)).layer(from_fn(cors::allow_origin))
}

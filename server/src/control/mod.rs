//! The control plane: how a test steers the server, as JSON over HTTP (`docs/contract/control.md`).
//!
//! It stands beside the service on the Lakehouse port and belongs to no door: what it changes is the engine's, for every
//! door at once. [`routes`] lists all that it serves.

mod access;
mod addresses;
mod answer;
mod body;
mod clock;
mod duration;
mod events;
mod fault_effects;
mod fault_order;
mod faults;
mod openapi;
mod requests;
mod reset;
mod search;
mod seed;
mod shown;
mod snapshots;
mod tasks;
mod tenants;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post, put};

use self::answer::MANNER;
use crate::config::{Config, SeedOptions};
use crate::doors::metrics::Metrics;
use crate::doors::{Addresses, calls};
use engine::Engine;

/// What every handler may use.
#[derive(Clone)]
pub(crate) struct Plane {
    engine: Arc<Engine>,
    /// The keys that open the server scope (CX-3).
    keys: Arc<[String]>,
    /// Whether an API key opens the events of its projects (CX-2).
    api_keys_open: bool,
    /// Largest body in bytes (LX-08).
    body_limit: usize,
    /// What a seed may take.
    seeds: SeedOptions,
    /// Where the doors are bound.
    addresses: Addresses,
    /// Whether Flight clients are to use TLS.
    flight_tls: bool,
}

impl std::fmt::Debug for Plane {
    /// Keys are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plane").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// Every route of the plane; none with `--no-control`.
pub(crate) fn routes(
    config: &Config,
    engine: &Arc<Engine>,
    metrics: &Arc<Metrics>,
    addresses: Addresses,
) -> Router {
    if config.control.is_off {
        return Router::new();
    }
    let plane = Plane {
        engine: Arc::clone(engine),
        keys: config.control.keys.iter().cloned().collect(),
        api_keys_open: config.control.api_keys_open,
        body_limit: usize::try_from(config.lakehouse.json_body_limit).unwrap_or(usize::MAX),
        seeds: config.seeds.clone(),
        addresses,
        flight_tls: config.tls.is_some(),
    };
    let routes = Router::new()
        .route("/openapi/mock.json", get(openapi::document))
        .route("/_mock/v1/tenants", get(tenants::list).post(tenants::create))
        .route("/_mock/v1/tenants/{user}", get(tenants::show).delete(tenants::remove))
        .route("/_mock/v1/reset", post(reset::reset))
        .route("/_mock/v1/seed", post(seed::seed))
        .route("/_mock/v1/snapshots", get(snapshots::list))
        .route("/_mock/v1/snapshots/{name}", put(snapshots::save).delete(snapshots::remove))
        .route("/_mock/v1/snapshots/{name}/restore", post(snapshots::restore))
        .route("/_mock/v1/requests", get(requests::list).delete(requests::clear))
        .route("/_mock/v1/requests/wait", post(requests::wait))
        .route("/_mock/v1/events", get(events::list))
        .route("/_mock/v1/events/wait", post(events::wait))
        .route("/_mock/v1/tasks", get(tasks::show).put(tasks::set))
        .route("/_mock/v1/tasks/{id}/complete", post(tasks::complete))
        .route("/_mock/v1/tasks/{id}/fail", post(tasks::fail))
        .route("/_mock/v1/clock", get(clock::show).put(clock::set).delete(clock::clear))
        .route("/_mock/v1/clock/advance", post(clock::advance))
        .route("/_mock/v1/faults", get(faults::list).post(faults::create).delete(faults::clear))
        .route("/_mock/v1/faults/{id}", get(faults::show).delete(faults::remove))
        .route("/_mock", any(answer::not_found))
        .route("/_mock/{*path}", any(answer::not_found))
        .method_not_allowed_fallback(answer::method_not_allowed)
        .with_state(plane);
    calls::watch(routes, MANNER, Arc::clone(metrics))
}

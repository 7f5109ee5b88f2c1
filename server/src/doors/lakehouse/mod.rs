//! The Lakehouse REST door: `docs/contract/lakehouse.md`, one file per noun.

mod agents;
mod append;
mod arrow_batches;
mod autocomplete;
pub(crate) mod encode;
mod explain;
mod extract;
mod faults;
mod foreign;
mod json_columns;
mod json_values;
mod late;
mod load;
mod openapi;
mod query;
mod query_log;
mod response;
mod session;
mod state;
mod statement;
mod tasks;
mod transport;
mod upload;
mod upsert;
mod usage;
mod validate;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

pub(crate) use self::load::{Format, file_source, in_duckdb_words};
use self::state::Lakehouse;
use crate::doors::http::{self, Routes};
use crate::doors::metrics::Metrics;
use crate::doors::{Serve, Surroundings};
use engine::{Error, Result};

/// Makes the door ready to serve.
///
/// # Errors
/// None.
pub(crate) fn prepare(around: &Surroundings<'_>) -> Result<Serve> {
    let config = around.config;
    let state = Lakehouse::new(Arc::clone(around.engine), config.lakehouse);
    let metrics = Arc::clone(around.metrics);
    let own = http::own_routes(around);
    let routes = router(state, Arc::clone(around.health).route(), own, &metrics);
    let routes = routes.merge(around.control.clone());
    let refuse = Arc::new(move |error| refuse(error, &metrics));
    Ok(http::serving(around, Routes { routes, refuse }))
}

/// Every route of the door. `health` answers `/health` (LX-14), and `own` are further routes that the HTTP doors share.
fn router(state: Lakehouse, health: MethodRouter, own: Router, metrics: &Arc<Metrics>) -> Router {
    let health = health.layer(from_fn_with_state(state.clone(), usage::verbose));
    let routes = Router::new()
        .route("/", get(transport::ready))
        .route("/openapi/lakehouse.json", get(openapi::document))
        .route("/query", transport::plain_errors(&state, post(query::run)))
        .route("/query/{query_id}", get(query_log::show).delete(query_log::cancel))
        .route("/validate", post(validate::run))
        .route("/explain", post(explain::run))
        .route("/autocomplete", post(autocomplete::run))
        .route("/upload", transport::plain_errors(&state, post(upload::run)))
        .route("/upsert", transport::plain_errors(&state, post(upsert::run)))
        .route("/append", post(append::run))
        .route("/tasks/{task_id}", get(tasks::show))
        .with_state(state)
        .route("/health", health)
        .merge(own);
    transport::wrap(routes, metrics)
}

/// Routes that answer every request with that error, for connections beyond the limit.
fn refuse(error: Error, metrics: &Arc<Metrics>) -> Router {
    let refusal = response::ApiError::from(error);
    transport::share(Router::new().fallback(async move || refusal), metrics)
}

//! The Lakehouse REST door: `docs/contract/lakehouse.md`, one file per noun.

mod agents;
mod append;
mod arrow_frames;
mod autocomplete;
pub(crate) mod encode;
mod explain;
mod extract;
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

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

pub use self::state::Lakehouse;
use engine::Error;

/// Every route of the door. `health` answers `/health`, which the HTTP doors share (LX-14).
pub fn router(state: Lakehouse, health: MethodRouter) -> Router {
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
        .route("/health", health);
    transport::wrap(routes)
}

/// Routes that answer every request with that error, for connections beyond the limit.
pub(crate) fn refuse(error: Error) -> Router {
    let refusal = response::ApiError::from(error);
    transport::share(Router::new().fallback(async move || refusal))
}

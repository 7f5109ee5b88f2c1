//! The engine: one DuckDB per tenant, one connection per session, and everything that the protocols share.
pub mod analytics;
pub mod duck;
pub mod types;

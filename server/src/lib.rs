//! Altertable on your machine: Flight SQL, Lakehouse REST and Product Analytics over one DuckDB per user.
pub mod engine;
pub mod error;

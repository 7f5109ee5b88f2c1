//! Altertable on your machine: Flight SQL, Lakehouse REST and Product Analytics over one in-memory DuckDB per user.
//!
//! The server is a value. It is bound when [`MockServerBuilder::start`] returns, and it stops when it is dropped:
//!
//! ```no_run
//! # async fn example() -> Result<(), altertable_mock::Error> {
//! use altertable_mock::MockServer;
//!
//! let server = MockServer::builder().user("alice", "secret").ephemeral_ports().start().await?;
//! println!("POST http://{}/query", server.addresses().lakehouse);
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! The three doors are [`lakehouse`], [`analytics`] and [`flight`]; each one's root module lists its entry points. They
//! share the [`engine`] and know nothing of each other. `docs/contract/` says what they answer.

pub mod analytics;
pub mod config;
mod connections;
pub mod engine;
mod error;
mod exchange;
pub mod flight;
mod health;
pub mod healthcheck;
mod http_server;
pub mod lakehouse;
mod leftover;
mod mock_server;
mod panics;
pub mod program;
mod signals;
pub mod telemetry;

pub use error::{Error, ErrorKind, Result};
pub use mock_server::{Addresses, MockServer, MockServerBuilder, runtime};

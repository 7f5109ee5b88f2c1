//! Altertable on your machine: Flight SQL, PostgreSQL, Lakehouse REST and Product Analytics over one in-memory DuckDB per user.
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
//! What its doors answer is in `docs/contract/`; how the code is laid out, in `ARCHITECTURE.md`.

pub mod config;
mod control;
pub mod ctl;
mod doors;
pub mod healthcheck;
mod mock_server;
pub mod program;
mod seeds;
mod signals;
pub mod telemetry;

pub use doors::{Addresses, PerDoor};
pub use engine::{Error, ErrorKind, Result};
pub use mock_server::{MockServer, MockServerBuilder, runtime};
pub use seeds::PackedSeed;

//! The Altertable behaviour spec as data, and the runner that holds any server to it.
//!
//! `spec/` holds cases (format: `spec/README.md`); [`spec`] reads them, [`run`] acts them out against a [`target::Target`],
//! [`check`] compares, [`report`] tells. [`coverage`] holds cases and contract together.
//!
//! `tests/slt` holds SQL over every door to in-process DuckDB, and `tests/wrong_server` holds the spec itself to servers that
//! break each clause on purpose.

pub mod arrow_data;
pub mod check;
pub mod choice;
pub mod client;
#[cfg(feature = "testcontainers")]
pub mod container;
pub mod control;
pub mod coverage;
pub mod driver;
pub mod fault;
pub mod floors;
pub mod gate;
pub mod liveness;
pub mod outcomes;
pub mod quirks;
pub mod report;
pub mod run;
pub mod spec;
pub mod step;
pub mod target;
pub mod vars;
pub mod verdict;

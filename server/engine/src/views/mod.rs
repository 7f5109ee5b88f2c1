//! The read-only databases that every tenant finds attached: `product_analytics` (AC), and when asked for its former self
//! `altertable` (AC-12) and `mock`, which shows the tenant's calls (RJ-5).
//!
//! How they are made, and why:
//!
//! - Each is a genuine DuckDB database file that holds views, attached `READ_ONLY`. DuckDB itself lists it, refuses
//!   every write to it on every protocol in its own words (AC-05), and keeps it when `USE` names it. [`template`] has the
//!   file, copies it to a private folder, attaches it, and unlinks it at once.
//! - The views read the store in place through a table function ([`tables`]), so that a row exists once however many
//!   tenants look at it, and is there for the next statement without any copying (AC-04). Mirroring rows into each
//!   tenant was the alternative: 20 times the memory at 20 tenants, seconds of delay after a large batch, a writable
//!   attachment to be guarded by us, and three joins per query for the present identity, which the store knows.
//! - [`viewer`] decides what a statement sees: one snapshot per statement, or per transaction if one is open.

mod calls;
mod metrics;
mod postgres;
pub(super) mod property;
pub(super) mod refusal;
mod rows;
mod scan;
mod tables;
mod template;
#[cfg(test)]
mod tests;
mod viewer;

pub(super) use postgres::attach as attach_postgres;
pub(super) use template::attach;
pub(super) use viewer::{ShownProject, Viewer};

/// The database that shows a tenant's project.
const PRODUCT_ANALYTICS: &str = "product_analytics";

/// The same under its former name (AC-12), if asked for.
const ALTERTABLE: &str = "altertable";

/// The database that shows a tenant's calls and events (RJ-5), if asked for.
const MOCK: &str = "mock";

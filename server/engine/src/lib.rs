//! The engine: one DuckDB per tenant, one connection per session, and everything that the protocols share.
//!
//! A protocol asks [`Engine::authenticate`] for a [`Tenant`], the tenant for a [`Session`], and the session to
//! [`execute`](Session::execute) a statement; what comes back is a [`ResultStream`] of Arrow batches that are computed
//! only as fast as they are read.

#![forbid(unsafe_code)]

mod accounts;
mod assist;
mod bell;
mod blocking;
mod call;
mod catalog;
pub mod clock;
mod config;
mod control;
mod engine;
mod error;
pub mod events;
mod faults;
mod guard;
pub mod ingest;
mod instance;
mod journal;
mod json;
mod limits;
mod lookup;
mod memory;
mod meter;
mod replica;
mod seed_shelf;
mod seeding;
mod session;
mod shelf;
mod snapshots;
mod spool;
mod sql;
mod staging;
mod tasks;
mod tenant;
mod tenant_clock;
#[cfg(test)]
mod tests;
mod views;
mod vitals;

pub use assist::Suggestion;
pub use bell::{Bell, Listener};
pub use blocking::{leave_signals_to_others, run_blocking};
pub use call::{Call, CallEnd};
pub use catalog::{CatalogQuery, KeyOrder, KeySide};
pub use config::{Account, EngineConfig, ProjectChoice};
pub use control::{ResetDone, ResetParts};
pub use duck::{HUGEINT_EXTENSION, Returns, StatementKind};
pub use engine::Engine;
pub use error::{Error, ErrorKind, Result};
pub use faults::{
    ActingFault, CallHead, FaultAfter, FaultCounts, FaultCut, FaultEffects, FaultEnd, FaultFilter,
    FaultReply, FaultRule, FaultRules, FaultSchedule,
};
pub use journal::{
    CallFilter, CallStatus, Journal, JournalEntry, KeptText, Moment, NearMiss, Pattern, Span, SqlState,
    Waited,
};
pub use limits::Limits;
pub use limits::{Size, limit_exceeded, too_much_data};
pub use meter::Usage;
pub use meter::{Meter, Share, TenantMeters};
pub use replica::LeftOut;
pub use seeding::{HeldTenant, SeedPlan};
pub use session::{
    AccessMode, Bind, BindBy, BoundRows, CancelOnDrop, CancelToken, Cancelled, CursorFault, Cursors, Execute,
    GiveUpOnDrop, NamedStatement, Plan, PreparedStatement, Redeemed, ResultStream, Script, Session,
    Statement, StatementRoom, Target, Transaction, Turn, Window, lines_before, placed,
};
pub use shelf::KeptSnapshot;
pub use snapshots::{Origin, SnapshotDone};
pub use sql::copy::table_rows;
pub use sql::identity::{Translated, translated};
pub use sql::postgres as postgres_catalogs;
pub use sql::secrets::masked;
pub use sql::{TableRef, lexer};
pub use staging::Staging;
pub use tasks::{LateTask, TaskDesk, TaskMode, TaskStatus};
pub use tenant::query_log::{Outcome, Progress, QueryEntry, QueryFacts, QueryLog};
pub use tenant::sessions::Sessions;
pub use tenant::{Tenant, TenantState, Visit};
pub use tenant_clock::{ClockCourse, ClockSetting, TenantClock};
pub use vitals::Vitals;

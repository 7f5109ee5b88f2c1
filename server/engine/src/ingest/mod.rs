//! The one ingest: every way of loading rows into a table, for every protocol (LU, LM, FI).
//!
//! An [`Ingest`] says where rows go, what becomes of a table that is missing or already there, where the rows come
//! from, and, for an upsert, which columns are its keys. [`Session::ingest`] runs it whole or not at all: in a
//! transaction of its own, or as part of the session's open one.

mod append;
mod appended;
mod conform;
mod csv_faults;
mod delimiter;
mod enums;
mod explain;
mod file;
mod fit;
mod footer;
mod gather;
mod into_table;
mod job;
mod json_rows;
mod kept;
mod kinds;
mod load;
mod locks;
mod named;
mod names;
mod order;
mod permission;
mod queue;
mod request;
mod source;
mod spare;
mod table;
mod table_load;
mod target;
mod upsert;

pub use self::appended::{Append, AppendColumn, AppendGroup, value_schema};
pub use self::file::UploadFile;
pub use self::kinds::{Fields, Inside, Kinds, Texts};
pub(super) use self::locks::LoadLocks;
pub(super) use self::queue::AppendQueues;
pub use self::request::{IfExists, IfMissing, Ingest, IngestMode, Ingested, Keys};
pub use self::source::{ArrowSource, Batches, FileFormat, JsonSource, Source};
pub use self::target::IngestTarget;
pub use crate::sql::append::STRING_KIND;

//! The one ingest: every way of loading rows into a table, for every protocol (LU, LM, FI).
//!
//! An [`Ingest`] says where rows go, what becomes of a table that is missing or already there, where the rows come
//! from, and, for an upsert, which columns are its keys. [`Session::ingest`] runs it whole or not at all: in a
//! transaction of its own, or as part of the session's open one.

mod append;
mod conform;
mod csv_faults;
mod delimiter;
mod enums;
mod explain;
mod file;
mod fit;
mod footer;
mod gather;
mod inside;
mod job;
mod json_rows;
mod locks;
mod names;
mod order;
mod source;
mod upsert;

use std::sync::Arc;

pub use self::append::{Append, AppendColumn, AppendGroup};
pub use self::file::UploadFile;
pub use self::fit::{Kinds, Texts};
pub(super) use self::gather::AppendQueues;
pub use self::inside::{Fields, Inside};
pub(super) use self::locks::LoadLocks;
pub use self::order::value_schema;
pub use self::source::{ArrowSource, Batches, FileFormat, JsonSource, Source};
use super::session::{CancelToken, Session, Slot, Turn};
use crate::error::{Error, Result};
pub use crate::sql::append::STRING_KIND;

/// One load of rows into a table.
#[derive(Debug)]
pub struct Ingest {
    /// The table.
    pub target: IngestTarget,
    /// What to do when it is missing, and when it exists.
    pub mode: IngestMode,
    /// The rows.
    pub source: Source,
    /// Present for an upsert, which merges where the mode appends and dedupes where it makes a new table.
    pub keys: Option<Keys>,
}

/// Names the table of an [`Ingest`]; what is `None` comes from the session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IngestTarget {
    /// The catalog; the session's current one if `None`.
    pub catalog: Option<String>,
    /// The schema; if `None` the current one, or `main` in a catalog that is not current (FI-3).
    pub schema: Option<String>,
    /// The table.
    pub table: String,
    /// Whether it is a temporary table of the session, `temp.main` (FI-4).
    pub temporary: bool,
}

/// What an ingest does with its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestMode {
    /// When there is no such table.
    pub if_missing: IfMissing,
    /// When there is one.
    pub if_exists: IfExists,
}

/// What becomes of a missing table; a missing schema is created with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// It is created, with the columns of the source.
    Create,
    /// The ingest fails with TableNotFound.
    Fail,
}

/// What becomes of a table that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfExists {
    /// The rows are added, columns matched by case-insensitive name.
    Append,
    /// A new table with the columns of the source takes its place.
    Replace,
    /// The ingest fails with TableExists.
    Fail,
}

impl IngestMode {
    /// `create`: only a new table.
    pub const CREATE: Self = Self { if_missing: IfMissing::Create, if_exists: IfExists::Fail };
    /// `append`: only a table that exists.
    pub const APPEND: Self = Self { if_missing: IfMissing::Fail, if_exists: IfExists::Append };
    /// `create_append`: a table that exists, or a new one.
    pub const CREATE_APPEND: Self = Self { if_missing: IfMissing::Create, if_exists: IfExists::Append };
    /// `overwrite` and `replace`: a new table in any case.
    pub const REPLACE: Self = Self { if_missing: IfMissing::Create, if_exists: IfExists::Replace };
}

/// The columns that make an ingest an upsert (LM-02 to LM-04, FI-8 to FI-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Identify a row; NULLs equal each other. Empty is InvalidArgument, found after the catalog's faults (LM-01).
    pub primary: Vec<String>,
    /// Compared in order; the greater row wins. Empty means that the later row wins.
    pub cursor: Vec<String>,
}

/// What an ingest did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ingested {
    /// Rows received from the source.
    pub rows: u64,
}

impl Session {
    /// Loads rows into a table, whole or not at all.
    ///
    /// # Errors
    /// CatalogNotFound, TableNotFound, TableExists, ReadOnly; InvalidArgument for an upsert without keys or with a
    /// cursor that names no column; InvalidData for columns that the table or the source lacks; the source's own
    /// error; DuckDB's for a file that it cannot read, a failed cast or a constraint; `Cancelled`.
    pub async fn ingest(self: &Arc<Self>, ingest: Ingest, cancel: &CancelToken) -> Result<Ingested> {
        self.turn(cancel).await?.ingest(ingest, cancel).await
    }
}

impl Turn {
    /// As [`Session::ingest`], in this turn.
    ///
    /// # Errors
    /// As [`Session::ingest`].
    pub async fn ingest(self, ingest: Ingest, cancel: &CancelToken) -> Result<Ingested> {
        let noted = self.session().journal().begin(&format!("load rows into {}", ingest.target.table));
        let adds = ingest.keys.is_none() && ingest.mode.if_exists == IfExists::Append;
        let creates = ingest.mode.if_missing == IfMissing::Create;
        let target = ingest.target.clone();
        let ingested = async {
            let (guard, turn) = self.may_load(&target, adds, creates, cancel).await?;
            let load = move |slot: &mut Slot| {
                let _guard = guard;
                slot.change(|slot| job::run(slot, ingest))
            };
            turn.last(cancel, load).await
        };
        ingested.await.inspect_err(|error| noted.fail(error))
    }
}

/// DuckDB's error without its excerpt of the statement, which is the server's own.
fn without_statement(error: &Error) -> Error {
    Error::new(error.kind(), error.message().split("\n\nLINE ").next().unwrap_or_default())
}

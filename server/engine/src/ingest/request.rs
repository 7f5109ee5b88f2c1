//! What is to be loaded, where, and how.

use super::source::Source;
use super::target::IngestTarget;

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

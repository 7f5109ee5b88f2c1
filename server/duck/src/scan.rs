//! Rows that come from Rust: a table function of each instance, which pulls Arrow batches from a registered
//! reader.
//!
//! DuckDB's own Arrow scan makes a view in the current schema, which users would see, and takes its stream by
//! a raw address in the statement's text. Here the text names a token that nobody can guess, of a reader that
//! only its own instance has; the rows are written straight into DuckDB's vectors, strings without a copy.

mod fill;
mod function;
mod transfer;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Weak};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use parking_lot::Mutex;

use self::transfer::ChunkSource;
pub use self::transfer::{ChunkReader, RowLayout, TransferGuard};
use super::connection::Connection;
use crate::error::{Error, Result};
use crate::types::{Column, input};

/// The name of the table function, whose one argument is a token.
pub const SCAN_FUNCTION: &str = "altertable_mock_stream";

/// Where a scan's rows come from. It ends at the first error, which fails the query that reads it.
pub type BatchReader = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// The readers of one DuckDB instance, by token.
#[derive(Clone, Default)]
pub struct ScanRegistry(Arc<Mutex<HashMap<String, Registered>>>);

/// What a token stands for.
#[derive(Clone)]
enum Registered {
    Batches(Weak<Source>),
    Chunks(Weak<ChunkSource>),
}

/// What a statement reads by its token.
enum Found {
    Batches(Arc<Source>),
    Chunks(Arc<ChunkSource>),
}

/// One registered reader, and what became of it.
struct Source {
    columns: Vec<Column>,
    schema: SchemaRef,
    reader: Mutex<Option<BatchReader>>,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    rows: u64,
    error: Option<Error>,
}

impl ScanRegistry {
    /// Adds the table function to an instance; once per instance, through any of its connections.
    ///
    /// # Errors
    /// Internal if DuckDB refuses.
    pub fn install(connection: &Connection) -> Result<Self> {
        let registry = Self::default();
        // SAFETY: the connection is live.
        unsafe { function::install(connection.raw(), registry.clone())? };
        Ok(registry)
    }

    /// Makes a reader readable by the SQL that the guard's token goes into, once, until the guard is dropped.
    ///
    /// # Errors
    /// InvalidArgument, naming the column, for an Arrow type outside FY-7 and for a name that occurs twice; and for a
    /// schema without columns (FI-6).
    pub fn register(&self, schema: SchemaRef, reader: BatchReader) -> Result<ScanGuard> {
        check_names(&schema)?;
        let columns = schema
            .fields()
            .iter()
            .map(|field| Ok(Column { name: field.name().clone(), ty: input::input_type(field)? }));
        let source = Arc::new(Source {
            columns: columns.collect::<Result<_>>()?,
            schema,
            reader: Mutex::new(Some(reader)),
            progress: Mutex::default(),
        });
        let token = self.enter(Registered::Batches(Arc::downgrade(&source)));
        Ok(ScanGuard { registry: self.clone(), token, source })
    }

    fn enter(&self, registered: Registered) -> String {
        let token = format!("{:032x}", rand::random::<u128>());
        self.0.lock().insert(token.clone(), registered);
        token
    }

    fn find(&self, token: &str) -> Option<Found> {
        match self.0.lock().get(token)? {
            Registered::Batches(source) => source.upgrade().map(Found::Batches),
            Registered::Chunks(source) => source.upgrade().map(Found::Chunks),
        }
    }
}

/// A table has columns, and none twice, in whatever case.
fn check_names(schema: &Schema) -> Result<()> {
    let mut seen = HashSet::new();
    for field in schema.fields() {
        if !seen.insert(field.name().to_lowercase()) {
            let name = field.name();
            return Err(Error::invalid(format!("The stream has more than one column \"{name}\"")));
        }
    }
    if seen.is_empty() { Err(Error::invalid("The stream has no columns")) } else { Ok(()) }
}

impl fmt::Debug for ScanRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanRegistry").finish_non_exhaustive()
    }
}

/// A registered reader; dropping it takes the reader away.
#[must_use = "the reader goes when the guard is dropped"]
pub struct ScanGuard {
    registry: ScanRegistry,
    token: String,
    source: Arc<Source>,
}

impl ScanGuard {
    /// The argument of [`SCAN_FUNCTION`] that reads this reader: hexadecimal digits.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The columns that the table function gives, in the stream's order.
    pub fn columns(&self) -> &[Column] {
        &self.source.columns
    }

    /// The schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.source.schema
    }

    /// Makes another reader of the same schema readable by the same SQL, once more.
    pub fn refill(&self, reader: BatchReader) {
        *self.source.progress.lock() = Progress::default();
        *self.source.reader.lock() = Some(reader);
    }

    /// How many rows DuckDB has taken.
    pub fn rows(&self) -> u64 {
        self.source.progress.lock().rows
    }

    /// The reader's own error, for which DuckDB's names only the text.
    pub fn take_error(&self) -> Option<Error> {
        self.source.progress.lock().error.take()
    }
}

impl fmt::Debug for ScanGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanGuard").field("columns", &self.source.columns).finish_non_exhaustive()
    }
}

impl Drop for ScanGuard {
    fn drop(&mut self) {
        self.registry.0.lock().remove(&self.token);
        // A query that still holds the source, such as a prepared statement, must not keep the client's data.
        self.source.reader.lock().take();
    }
}

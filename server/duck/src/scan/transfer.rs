//! Rows of one instance as a table of another: the vectors that one has computed are handed to the other without a copy,
//! whatever their type.

use std::fmt;
use std::sync::Arc;

use libduckdb_sys as ffi;
use parking_lot::Mutex;

use super::super::result::Chunk;
use super::super::statement::Prepared;
use super::super::type_handle::TypeHandle;
use super::{Registered, ScanRegistry};
use crate::error::Result;

/// Where the rows come from. It ends at the first error, which fails the statement that reads them.
pub type ChunkReader = Box<dyn Iterator<Item = Result<Chunk>> + Send>;

/// The columns of rows, as DuckDB holds them.
pub struct RowLayout(pub(super) Vec<(String, TypeHandle)>);

// SAFETY: owned types, which nothing changes; DuckDB ties none to a thread.
unsafe impl Send for RowLayout {}
// SAFETY: as above.
unsafe impl Sync for RowLayout {}

impl RowLayout {
    /// The columns that a statement gives.
    pub fn of(statement: &Prepared) -> Self {
        let columns = statement.columns();
        let columns = (0..).zip(columns.iter());
        Self(columns.map(|(at, column)| (column.name.clone(), statement.column_handle(at))).collect())
    }
}

impl fmt::Debug for RowLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Rows to be handed over, once.
pub(super) struct ChunkSource {
    pub(super) layout: RowLayout,
    pub(super) reader: Mutex<Option<ChunkReader>>,
}

impl ScanRegistry {
    /// Makes rows that another instance computes readable by the SQL that the guard's token goes into, once, until the guard
    /// is dropped. The other instance has to outlive the statement that reads them.
    pub fn register_chunks(&self, layout: RowLayout, reader: ChunkReader) -> TransferGuard {
        let source = Arc::new(ChunkSource { layout, reader: Mutex::new(Some(reader)) });
        let token = self.enter(Registered::Chunks(Arc::downgrade(&source)));
        TransferGuard { registry: self.clone(), token, source }
    }
}

/// Rows that are being handed over; dropping it takes them away.
#[must_use = "the rows go when the guard is dropped"]
pub struct TransferGuard {
    registry: ScanRegistry,
    token: String,
    source: Arc<ChunkSource>,
}

impl TransferGuard {
    /// The argument of [`SCAN_FUNCTION`](super::SCAN_FUNCTION) that reads the rows: hexadecimal digits.
    pub fn token(&self) -> &str {
        &self.token
    }
}

impl fmt::Debug for TransferGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferGuard").field("layout", &self.source.layout).finish_non_exhaustive()
    }
}

impl Drop for TransferGuard {
    fn drop(&mut self) {
        self.registry.0.lock().remove(&self.token);
        self.source.reader.lock().take();
    }
}

/// Has a chunk share the vectors of the next one; it is left empty at the end.
///
/// # Safety
/// `output` is live and empty, and has the columns of the rows' layout.
pub(super) unsafe fn hand_over(reader: &mut ChunkReader, output: ffi::duckdb_data_chunk) -> Result<()> {
    let chunk = loop {
        match reader.next().transpose()? {
            // An empty chunk would be the end.
            Some(chunk) if chunk.rows() == 0 => {}
            next => break next,
        }
    };
    let Some(chunk) = chunk else {
        // SAFETY: the chunk is live.
        unsafe { ffi::duckdb_data_chunk_set_size(output, 0) };
        return Ok(());
    };
    // SAFETY: both chunks are live and have the same columns; the vectors' memory has as many owners as vectors share it.
    unsafe {
        for column in 0..ffi::duckdb_data_chunk_get_column_count(output) {
            let to = ffi::duckdb_data_chunk_get_vector(output, column);
            ffi::duckdb_vector_reference_vector(to, ffi::duckdb_data_chunk_get_vector(chunk.raw(), column));
        }
        ffi::duckdb_data_chunk_set_size(output, chunk.rows() as ffi::idx_t);
    }
    Ok(())
}

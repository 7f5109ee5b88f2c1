//! The safe wrapper around DuckDB's C API: the only place that names `libduckdb_sys`.
//!
//! Everything here blocks; the session layer above decides on which thread it runs.

mod allocation;
mod connection;
mod database;
mod error;
mod export;
mod fault;
mod json_depth;
mod logical_type;
mod pending;
#[cfg(test)]
mod probe;
mod result;
mod scalar_function;
mod scan;
mod statement;
mod table_function;
mod type_handle;
mod units;
mod value;
mod vector_writer;
mod workers;

pub(super) use allocation::{flush, kept_memory, limit_memory, memory};
pub use connection::{Connection, InterruptHandle};
pub use database::{Database, Settings};
pub(super) use error::{is_fault_of_engine, is_interrupt};
pub use export::BatchBuilder;
pub use result::{Chunk, ResultSet, Returns};
pub use scan::{BatchReader, SCAN_FUNCTION, ScanGuard, ScanRegistry};
pub use statement::{Extracted, Prepared, StatementKind};
pub use table_function::{ConnectionId, TableScan, TableSource};
pub use value::{HUGEINT_EXTENSION, Value};
pub use vector_writer::{ChunkWriter, VectorWriter};
pub use workers::Workers;

/// A count of DuckDB's as a length in memory.
fn length(count: libduckdb_sys::idx_t) -> usize {
    // Whatever DuckDB holds in memory has a count within the address space.
    usize::try_from(count).unwrap_or(usize::MAX)
}

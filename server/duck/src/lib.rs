//! DuckDB's C API as safe Rust: databases, connections, statements, and results as Arrow batches.
//!
//! A [`Database`] is opened, gives [`Connection`]s, and a connection prepares [`Prepared`] statements, whose [`ResultSet`] is
//! read in [`Chunk`]s; a [`BatchBuilder`] makes Arrow batches of them. Rows go the other way through a [`ScanRegistry`], as
//! a table that a statement reads. [`types`] are DuckDB's types as values, and the Arrow types that carry them.
//!
//! Every call here may block for as long as DuckDB computes, and may need a stack of [`STACK_BYTES`]: call from threads made
//! for it, never from async code. This is the only crate of the workspace with `unsafe` in it.

mod allocation;
mod connection;
mod database;
mod error;
mod export;
mod fault;
mod json_depth;
mod logical_type;
mod pending;
mod planning;
#[cfg(test)]
mod probe;
mod range;
mod result;
mod scalar_function;
mod scan;
mod statement;
mod table_function;
mod type_handle;
pub mod types;
mod units;
mod value;
mod vector_writer;
mod whole_names;
mod workers;

pub use allocation::{flush, kept_memory, limit_memory, memory};
pub use connection::{Connection, InterruptHandle};
pub use database::{Database, Settings};
pub use error::{Error, ErrorKind, Result, is_fault_of_engine, is_interrupt};
pub use export::BatchBuilder;
pub use result::{Chunk, ResultSet, Returns};
pub use scan::{BatchReader, ChunkReader, RowLayout, SCAN_FUNCTION, ScanGuard, ScanRegistry, TransferGuard};
pub use statement::{Extracted, Prepared, StatementKind};
pub use table_function::{ConnectionId, TableScan, TableSource};
pub use value::{HUGEINT_EXTENSION, Value};
pub use vector_writer::{ChunkWriter, VectorWriter};
pub use workers::Workers;

/// The stack of a thread that DuckDB runs on. It is address space: memory is taken as deep as a statement goes, and given
/// back with the thread. DuckDB plans and binds by recursion, and a stack that overflows ends the process.
pub const STACK_BYTES: usize = 256 << 20;

/// A count of DuckDB's as a length in memory.
fn length(count: libduckdb_sys::idx_t) -> usize {
    // Whatever DuckDB holds in memory has a count within the address space.
    usize::try_from(count).unwrap_or(usize::MAX)
}

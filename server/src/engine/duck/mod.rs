//! The safe wrapper around DuckDB's C API: the only place that names `libduckdb_sys`.

mod export;
mod logical_type;
#[cfg(test)]
mod probe;
mod type_handle;
mod value;

pub use export::BatchBuilder;
pub use value::Value;

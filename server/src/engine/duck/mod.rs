//! The safe wrapper around DuckDB's C API: the only place that names `libduckdb_sys`.

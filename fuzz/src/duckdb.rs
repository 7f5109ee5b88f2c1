//! DuckDB's own parser, the judge of the lexer.

use std::ffi::CString;
use std::ptr;

use libduckdb_sys as sys;

/// A connection that parses; it runs nothing.
pub struct Parser {
    connection: sys::duckdb_connection,
}

impl Parser {
    /// Opens a database in memory, which stays open as long as the process.
    pub fn open() -> Self {
        let (mut database, mut connection) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: both out-parameters are valid, and no path means in memory.
        let opened = unsafe {
            sys::duckdb_open(ptr::null(), &mut database) == sys::DuckDBSuccess
                && sys::duckdb_connect(database, &mut connection) == sys::DuckDBSuccess
        };
        assert!(opened, "DuckDB opens a database in memory");
        Self { connection }
    }

    /// How many statements DuckDB finds in a text; `None` for a text that it cannot read, or that holds none.
    pub fn count(&self, sql: &str) -> Option<u64> {
        let sql = CString::new(sql).ok()?;
        let mut extracted = ptr::null_mut();
        // SAFETY: the connection is open, and the statements are destroyed once, after their last use.
        unsafe {
            let count = sys::duckdb_extract_statements(self.connection, sql.as_ptr(), &mut extracted);
            sys::duckdb_destroy_extracted(&mut extracted);
            (count > 0).then_some(count)
        }
    }
}

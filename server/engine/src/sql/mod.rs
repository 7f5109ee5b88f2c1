//! Every SQL text of the server, and the only place where a name becomes SQL: through [`Identifier`], whose `Display`
//! quotes.

pub(super) mod append;
pub(super) mod assist;
pub(super) mod blueprint;
pub mod catalog;
pub(super) mod clock;
pub mod copy;
pub mod identity;
pub(super) mod import;
pub(super) mod ingest;
pub mod lexer;
pub(super) mod nameable;
pub mod postgres;
pub mod product_analytics;
pub(super) mod secrets;
pub(super) mod settings;
pub(super) mod typed;

use std::fmt;

/// The schema every catalog has.
pub(super) const MAIN: &str = "main";

pub(super) const BEGIN: &str = "BEGIN TRANSACTION";
pub(super) const BEGIN_READ_ONLY: &str = "BEGIN TRANSACTION READ ONLY";
pub(super) const COMMIT: &str = "COMMIT";
pub(super) const ROLLBACK: &str = "ROLLBACK";
/// A column of the type VARIANT.
pub(super) const NO_VARIANT: &str = "SELECT NULL::VARIANT";
/// Does nothing, and gives no rows.
pub(super) const NOTHING: &str = "CREATE SCHEMA IF NOT EXISTS main";

/// Gives what text literals that a user has written one after another mean together.
pub(super) fn text_of(literals: &str) -> String {
    format!("SELECT {literals}")
}

/// Gives the text of a file, whose path may look like a pattern.
pub(super) fn read_file(path: &str) -> String {
    format!("SELECT content FROM read_text({0}) WHERE filename = {0}", Literal(path))
}

/// Whether a database answers.
pub(super) const PROBE: &str = "SELECT 1";
/// A small use of a database, to see at start-up that its settings allow one.
pub(super) const FIRST_USE: &str =
    "CREATE TEMP TABLE first_use AS SELECT range FROM range(2048) ORDER BY hash(range)";

/// What the database takes of its memory limit, past any function of the user's.
pub(super) const DATABASE_BYTES: &str =
    "SELECT coalesce(sum(memory_usage_bytes), 0)::BIGINT::VARCHAR FROM system.main.duckdb_memory()";

/// What tables and their indexes take of it.
pub(super) const TABLE_BYTES: &str = "SELECT coalesce(sum(memory_usage_bytes), 0)::BIGINT::VARCHAR FROM system.main.duckdb_memory() \
     WHERE tag IN ('IN_MEMORY_TABLE', 'ART_INDEX')";

/// The names of the session's temporary tables and views. The functions are named in full, past any of the user's.
pub(super) const TEMPORARY: &str = "SELECT table_name FROM system.main.duckdb_tables() WHERE temporary \
     UNION ALL SELECT view_name FROM system.main.duckdb_views() WHERE temporary AND NOT internal";

/// Has a row if the session has a temporary table or view.
pub(super) const HAS_TEMPORARY: &str = "SELECT table_name FROM system.main.duckdb_tables() WHERE temporary \
     UNION ALL SELECT view_name FROM system.main.duckdb_views() WHERE temporary AND NOT internal LIMIT 1";

/// The types that DuckDB has made in this session for the columns of a PIVOT.
pub(super) const PIVOT_TYPES: &str = "SELECT type_name FROM system.main.duckdb_types() \
     WHERE database_name = 'temp' AND starts_with(type_name, '__pivot_enum_')";

/// Those among them of which a value holds a NUL.
pub(super) fn pivot_types_with_nul() -> String {
    format!("{PIVOT_TYPES} AND contains(array_to_string(labels, ''), chr(0))")
}

/// The session's current catalog and schema.
pub(super) const CURRENT_TARGET: &str = "SELECT current_catalog(), current_schema()";

pub(super) fn drop_temporary_type(name: &str) -> String {
    format!("DROP TYPE temp.main.{}", Identifier(name))
}

/// A name as it stands in SQL: always quoted, so that no name can end its quotes.
#[derive(Debug, Clone, Copy)]
pub struct Identifier<'a>(pub &'a str);

impl fmt::Display for Identifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A text literal as it stands in SQL.
#[derive(Debug, Clone, Copy)]
pub struct Literal<'a>(pub &'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

/// A table by catalog, schema and name, as it stands in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRef {
    /// The catalog.
    pub catalog: String,
    /// The schema.
    pub schema: String,
    /// The table.
    pub table: String,
}

impl fmt::Display for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { catalog, schema, table } = self;
        write!(f, "{}.{}.{}", Identifier(catalog), Identifier(schema), Identifier(table))
    }
}

pub(super) fn use_schema(catalog: &str, schema: &str) -> String {
    format!("USE {}.{}", Identifier(catalog), Identifier(schema))
}

/// Attaches an empty, writable in-memory catalog (LS-09).
pub(super) fn attach_memory(name: &str) -> String {
    format!("ATTACH ':memory:' AS {}", Identifier(name))
}

/// Attaches a DuckDB file read-only (LS-10).
pub(super) fn attach_file(name: &str, path: &str) -> String {
    format!("ATTACH {} AS {} (READ_ONLY)", Literal(path), Identifier(name))
}

/// Attaches a DuckDB file read-only that no listing shows.
pub(super) fn attach_hidden(name: &str, path: &str) -> String {
    format!("ATTACH {} AS {} (READ_ONLY, HIDDEN)", Literal(path), Identifier(name))
}

/// Attaches a new DuckDB file of small blocks for writing.
#[cfg(test)]
pub(super) fn attach_new_small_file(name: &str, path: &str) -> String {
    format!("ATTACH {} AS {} (BLOCK_SIZE 16384)", Literal(path), Identifier(name))
}

/// Attaches a new DuckDB file for writing.
pub(super) fn attach_new_file(name: &str, path: &str) -> String {
    format!("ATTACH {} AS {}", Literal(path), Identifier(name))
}

/// Detaches a catalog, which writes what its file lacks.
pub(super) fn detach(name: &str) -> String {
    format!("DETACH {}", Identifier(name))
}

/// The zone every session starts in (LS-07, FY-2).
pub(super) const START_ZONE: &str = "SET GLOBAL TimeZone = 'Etc/UTC'";

/// The same zone for one session, whose RESET would take that of the host.
pub(super) const SESSION_ZONE: &str = "SET SESSION TimeZone = 'Etc/UTC'";

/// What every connection begins with: DuckDB counts how far its queries are (LG-06) and prints nothing; and it computes no
/// more than a few thousand rows ahead of a reader. Of a text it counts sixteen bytes, however long the text is: its usual
/// buffer of a megabyte held 200 MiB of texts of 10,000 bytes.
pub(super) const CONNECTION: [&str; 3] = [
    "SET enable_progress_bar_print = false",
    "SET enable_progress_bar = true",
    "SET streaming_buffer_size = '128KB'",
];

/// Shuts the host's files and network off; it cannot be switched back on by SQL.
pub(super) const NO_EXTERNAL_ACCESS: &str = "SET enable_external_access = false";

/// Lets SQL read and write below one folder even when external access is off.
pub(super) fn allow_directory(path: &str) -> String {
    format!("SET allowed_directories = [{}]", Literal(path))
}

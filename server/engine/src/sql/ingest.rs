//! The SQL of an ingest: one builder for uploads, upserts, appends and Arrow streams.

use std::fmt::{self, Display};

use super::{Identifier, Literal, TableRef};
use duck::SCAN_FUNCTION;
use duck::types::LogicalType;

/// The catalog of temporary tables; its schema is `main`.
pub(crate) const TEMP: &str = "temp";

/// Names between commas, quoted.
struct Names<'a>(&'a [String]);

impl Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, ", ", self.0, |f, name| write!(f, "{}", Identifier(name)))
    }
}

/// Writes items with a separator between them.
fn list<T>(
    f: &mut fmt::Formatter<'_>,
    separator: &str,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write(f, item)?;
    }
    Ok(())
}

/// The longest line of a CSV file, in bytes; by default, a line of 2 MB is too long for DuckDB.
const LONGEST_LINE: u64 = 16_000_000;

/// The smallest buffer for CSV: DuckDB's default for a line.
const LEAST_BUFFER: u64 = 1 << 21;

/// Lines of up to 16 MB, in the buffers of 32 MB that DuckDB has by default. A smaller file has a buffer of its own size: a
/// handful of small loads at once would take a small tenant's memory otherwise, and a commit that then finds none is the end of
/// its database.
fn buffers(length: u64) -> String {
    let line = length.clamp(LEAST_BUFFER, LONGEST_LINE);
    let buffer = if length < LONGEST_LINE { line } else { 2 * LONGEST_LINE };
    format!("max_line_size = {line}, buffer_size = {buffer}")
}

/// A CSV file of `length` bytes as a relation: header line, types inferred (LU-03), except that the columns named in `text` stay text.
///
/// Only types are inferred. Left to itself, DuckDB takes lines that do not fit its guess of the dialect for preamble,
/// the header first of all, and drops them in silence.
pub(crate) fn read_csv(path: &str, length: u64, delimiter: char, text: &[String]) -> String {
    let mut relation = format!(
        "read_csv({}, header = true, delim = {}, quote = '\"', escape = '\"', skip = 0, comment = '', {}",
        Literal(path),
        Literal(&delimiter.to_string()),
        buffers(length)
    );
    for (index, name) in text.iter().enumerate() {
        relation += if index == 0 { ", types = {" } else { ", " };
        relation += &format!("{}: 'VARCHAR'", Literal(name));
    }
    relation += if text.is_empty() { ")" } else { "})" };
    relation
}

/// A JSON file as a relation: an object, an array of objects, or one object per line (LU-03).
///
/// Every row is looked at for names and types, because names that turn up later would be dropped in silence. A
/// single object may be as large as `largest` bytes.
pub(crate) fn read_json(path: &str, largest: u64) -> String {
    format!("read_json({}, records = true, sample_size = -1, maximum_object_size = {largest})", Literal(path))
}

/// As [`read_json`], with the columns and types known.
pub(crate) fn read_json_as(path: &str, largest: u64, columns: &[(String, LogicalType)]) -> String {
    let columns: Vec<String> =
        columns.iter().map(|(name, ty)| format!("{}: {}", Literal(name), Literal(&ty.to_string()))).collect();
    format!(
        "read_json({}, records = true, columns = {{{}}}, maximum_object_size = {largest})",
        Literal(path),
        columns.join(", ")
    )
}

/// A Parquet file as a relation.
pub(crate) fn read_parquet(path: &str) -> String {
    format!("read_parquet({})", Literal(path))
}

/// A registered reader as a relation; the token is hexadecimal digits.
pub(crate) fn scan(token: &str) -> String {
    format!("{SCAN_FUNCTION}({})", Literal(token))
}

/// Everything of a relation.
pub(crate) fn all_of(relation: impl Display) -> String {
    format!("SELECT * FROM {relation}")
}

/// The columns of a relation whose name, or a name in whose type, holds a NUL.
pub(crate) fn columns_with_nul(relation: &str) -> String {
    format!(
        "SELECT column_name FROM (DESCRIBE {}) WHERE contains(column_name || column_type, chr(0))",
        all_of(relation)
    )
}

/// A catalog's `readonly` flag as text; no row when there is no such catalog.
pub(crate) fn catalog_is_read_only(catalog: &str) -> String {
    format!(
        "SELECT readonly::VARCHAR FROM duckdb_databases() WHERE lower(database_name) = lower({}) AND NOT internal",
        Literal(catalog)
    )
}

/// A row if a table or view of that name exists.
pub(crate) fn find_table(table: &TableRef) -> String {
    let TableRef { catalog, schema, table } = table;
    format!(
        "SELECT table_type::VARCHAR FROM information_schema.tables WHERE lower(table_catalog) = lower({}) \
         AND lower(table_schema) = lower({}) AND lower(table_name) = lower({})",
        Literal(catalog),
        Literal(schema),
        Literal(table)
    )
}

pub(crate) fn create_schema(table: &TableRef) -> String {
    format!("CREATE SCHEMA IF NOT EXISTS {}.{}", Identifier(&table.catalog), Identifier(&table.schema))
}

/// What creating a table does when there is one already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Fail.
    Refuse,
    /// Take its place.
    Replace,
}

/// Creates a table from the rows of `select`.
pub(crate) fn create_as(table: &TableRef, existing: Existing, select: &str) -> String {
    let replace = if existing == Existing::Replace { "OR REPLACE " } else { "" };
    format!("CREATE {replace}{}TABLE {table} AS {select}", temporary(table))
}

/// DuckDB wants the word as well as the catalog.
fn temporary(table: &TableRef) -> &'static str {
    if table.catalog == TEMP { "TEMP " } else { "" }
}

/// Creates an empty table with the named columns of another.
pub(crate) fn create_like(table: &TableRef, columns: &[String], of: &TableRef) -> String {
    format!("CREATE {}TABLE {table} AS SELECT {} FROM {of} WITH NO DATA", temporary(table), Names(columns))
}

pub(crate) fn drop_table(table: &TableRef) -> String {
    format!("DROP TABLE {table}")
}

/// Inserts the columns `from` of a relation into the columns `into` of a table, cast to their types.
pub(crate) fn insert(table: &TableRef, into: &[String], relation: impl Display, from: &[String]) -> String {
    format!("INSERT INTO {table} ({}) SELECT {} FROM {relation}", Names(into), Names(from))
}

/// The rows of a staging table that survive (LM-03, FI-10): per key the greatest cursor, the last row on ties.
///
/// NULL keys equal each other, and a NULL cursor is the lowest.
pub(crate) fn survivors(stage: &TableRef, keys: &[String], cursor: &[String]) -> String {
    let order: String = cursor.iter().map(|name| format!("{} DESC NULLS LAST, ", Identifier(name))).collect();
    format!(
        "SELECT * FROM {stage} QUALIFY row_number() OVER (PARTITION BY {} ORDER BY {order}rowid DESC) = 1",
        Names(keys)
    )
}

/// Merges surviving rows into a table (LM-04): new keys are inserted, others update the columns that the rows have,
/// with a cursor only if it is strictly greater than the stored one.
pub(crate) fn merge(
    table: &TableRef,
    survivors: &str,
    columns: &[String],
    keys: &[String],
    cursor: &[String],
) -> String {
    let is_key = |column: &&String| keys.iter().any(|key| key.eq_ignore_ascii_case(column));
    let updates: Vec<String> = columns
        .iter()
        .filter(|column| !is_key(column))
        .map(|column| format!("{0} = s.{0}", Identifier(column)))
        .collect();
    let same_key: Vec<String> =
        keys.iter().map(|key| format!("t.{0} IS NOT DISTINCT FROM s.{0}", Identifier(key))).collect();
    let newer = greater(cursor).map_or_else(String::new, |greater| format!(" AND ({greater})"));
    let matched = match updates.is_empty() {
        true => String::new(),
        false => format!(" WHEN MATCHED{newer} THEN UPDATE SET {}", updates.join(", ")),
    };
    let values: Vec<String> = columns.iter().map(|column| format!("s.{}", Identifier(column))).collect();
    format!(
        "MERGE INTO {table} AS t USING ({survivors}) AS s ON ({}){matched} \
         WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})",
        same_key.join(" AND "),
        Names(columns),
        values.join(", ")
    )
}

/// Whether the cursor of `s` is greater than that of `t`, column by column, NULL below every value.
fn greater(cursor: &[String]) -> Option<String> {
    cursor.iter().rev().fold(None, |rest, name| {
        let (s, t) = (format!("s.{}", Identifier(name)), format!("t.{}", Identifier(name)));
        let here = format!("({s} IS NOT NULL AND ({t} IS NULL OR {s} > {t}))");
        Some(match rest {
            None => here,
            Some(rest) => format!("{here} OR ({s} IS NOT DISTINCT FROM {t} AND ({rest}))"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn table(table: &str) -> TableRef {
        TableRef { catalog: "c".to_owned(), schema: "s".to_owned(), table: table.to_owned() }
    }

    #[test]
    fn a_csv_file_has_buffers_of_its_size() {
        assert_eq!(buffers(7), "max_line_size = 2097152, buffer_size = 2097152");
        assert_eq!(buffers(15_999_999), "max_line_size = 15999999, buffer_size = 15999999");
        assert_eq!(buffers(u64::MAX), "max_line_size = 16000000, buffer_size = 32000000");
    }

    #[test]
    fn every_name_is_quoted() {
        let sql = insert(&table("t\"; DROP TABLE x"), &names(&["a\"b"]), "src", &names(&["a\"b"]));
        assert_eq!(sql, r#"INSERT INTO "c"."s"."t""; DROP TABLE x" ("a""b") SELECT "a""b" FROM src"#);
    }

    #[test]
    fn paths_and_csv_names_are_literals() {
        assert_eq!(
            read_csv("/x/it's", 3_000_000, '|', &names(&["a", "b'c"])),
            "read_csv('/x/it''s', header = true, delim = '|', quote = '\"', escape = '\"', skip = 0, comment = '', \
             max_line_size = 3000000, buffer_size = 3000000, types = {'a': 'VARCHAR', 'b''c': 'VARCHAR'})"
        );
    }

    #[test]
    fn a_composite_cursor_compares_in_order() {
        assert_eq!(
            greater(&names(&["a", "b"])).unwrap(),
            "(s.\"a\" IS NOT NULL AND (t.\"a\" IS NULL OR s.\"a\" > t.\"a\")) OR \
             (s.\"a\" IS NOT DISTINCT FROM t.\"a\" AND ((s.\"b\" IS NOT NULL AND (t.\"b\" IS NULL OR s.\"b\" > t.\"b\"))))"
        );
        assert_eq!(greater(&[]), None);
    }

    #[test]
    fn rows_of_keys_alone_update_nothing() {
        let sql = merge(&table("t"), "SELECT 1", &names(&["ID"]), &names(&["id"]), &[]);
        assert!(!sql.contains("WHEN MATCHED"), "{sql}");
    }
}

//! The SQL of an ingest: one builder for uploads, upserts, appends and Arrow streams.

use std::fmt::{self, Display};

use super::{Identifier, Literal, TableRef};
use duck::SCAN_FUNCTION;
use duck::types::{Column, LogicalType};

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

/// The largest CSV file, in bytes, whose types DuckDB infers from all of it: it holds in memory what it looks at for them.
pub(crate) const INFERRED_WHOLE: u64 = 16 << 20;

/// A CSV file of `length` bytes as a relation: header line, types inferred (LU-03) from all of a small one and the
/// beginning of others, except that the columns named in `types` have those.
///
/// Only types are inferred. Left to itself, DuckDB takes lines that do not fit its guess of the dialect for preamble,
/// the header first of all, and drops them in silence.
pub(crate) fn read_csv(path: &str, length: u64, delimiter: char, types: &[(String, LogicalType)]) -> String {
    let sample = if length <= INFERRED_WHOLE { "sample_size = -1, " } else { "" };
    let mut relation = format!(
        "read_csv({}, header = true, delim = {}, quote = '\"', escape = '\"', skip = 0, comment = '', {sample}{}",
        Literal(path),
        Literal(&delimiter.to_string()),
        buffers(length)
    );
    for (index, (name, ty)) in types.iter().enumerate() {
        relation += if index == 0 { ", types = {" } else { ", " };
        relation += &format!("{}: {}", Literal(name), Literal(&ty.to_string()));
    }
    relation += if types.is_empty() { ")" } else { "})" };
    relation
}

/// A Parquet file as a relation.
pub(crate) fn read_parquet(path: &str) -> String {
    format!("read_parquet({})", Literal(path))
}

/// A registered reader as a relation; the token is hexadecimal digits. What the stream calls JSON is made sure to be.
pub(crate) fn scan(token: &str, columns: &[Column]) -> String {
    let rows = format!("{SCAN_FUNCTION}({})", Literal(token));
    let checked = columns.iter().filter_map(|Column { name, ty }| {
        let text = with_text_for(ty, &[LogicalType::Json])?;
        Some(format!("CAST(CAST({0} AS {text}) AS {ty}) AS {0}", Identifier(name)))
    });
    let checked: Vec<String> = checked.collect();
    match checked.is_empty() {
        true => rows,
        false => format!("(SELECT * REPLACE ({}) FROM {rows})", checked.join(", ")),
    }
}

/// A type with text in the place of some other types in it; `None` for one without those.
pub(super) fn with_text_for(ty: &LogicalType, others: &[LogicalType]) -> Option<LogicalType> {
    use LogicalType as T;
    let found = |ty: &LogicalType| with_text_for(ty, others);
    let child = |ty: &LogicalType| found(ty).unwrap_or_else(|| ty.clone());
    match ty {
        ty if others.contains(ty) => Some(T::Varchar),
        T::List(of) => Some(T::List(Box::new(found(of)?))),
        T::Array(of, size) => Some(T::Array(Box::new(found(of)?), *size)),
        T::Map(key, value) if found(key).is_some() || found(value).is_some() => {
            Some(T::Map(Box::new(child(key)), Box::new(child(value))))
        }
        T::Struct(fields) if fields.iter().any(|(_, ty)| found(ty).is_some()) => {
            Some(T::Struct(fields.iter().map(|(name, ty)| (name.clone(), child(ty))).collect()))
        }
        _ => None,
    }
}

/// A number, or a text of one, that goes into a column of integers: DuckDB would round a fraction.
pub(super) fn whole(value: &str) -> String {
    let number = format!("TRY_CAST({value} AS DOUBLE)");
    format!(
        "CASE WHEN {number} <> trunc({number}) THEN error('a fraction does not go into a column of integers') \
         ELSE {value} END"
    )
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

/// A row if the schema of a table exists.
pub(crate) fn find_schema(table: &TableRef) -> String {
    let TableRef { catalog, schema, .. } = table;
    format!(
        "SELECT schema_name::VARCHAR FROM duckdb_schemas() WHERE lower(database_name) = lower({}) \
         AND lower(schema_name) = lower({})",
        Literal(catalog),
        Literal(schema)
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

/// Of each column of texts that are numbers, in one row: whether all are integers, whether those have up to 128 bits, and
/// whether any has more digits than a DOUBLE keeps.
pub(crate) fn describe_numbers(names: &[String], relation: &str) -> String {
    let columns = names.iter().map(|name| {
        let name = Identifier(name);
        format!(
            "coalesce(bool_and(regexp_full_match(trim({name}), '[-+]?[0-9]+')), false)::VARCHAR, \
             coalesce(bool_and(TRY_CAST({name} AS HUGEINT) IS NOT NULL OR {name} IS NULL), false)::VARCHAR, \
             coalesce(max(length(trim(regexp_replace(regexp_replace({name}, '[eE].*', ''), '[^0-9]', '', 'g'), '0'))) > 17, \
             false)::VARCHAR"
        )
    });
    format!("SELECT {} FROM {relation}", columns.collect::<Vec<_>>().join(", "))
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

/// Inserts the columns `from` of a relation into the columns `into` of a table, cast to their types; `whole` tells those
/// that go into columns of integers and are none.
pub(crate) fn insert(
    table: &TableRef,
    into: &[String],
    relation: impl Display,
    from: &[String],
    is_whole: &[bool],
) -> String {
    let values = from.iter().zip(is_whole).map(|(name, is_whole)| {
        let name = Identifier(name).to_string();
        if *is_whole { whole(&name) } else { name }
    });
    let values: Vec<String> = values.collect();
    format!("INSERT INTO {table} ({}) SELECT {} FROM {relation}", Names(into), values.join(", "))
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
    fn what_a_stream_calls_json_is_cast_from_text() {
        let column = |name: &str, ty| Column { name: name.to_owned(), ty };
        let list = LogicalType::List(Box::new(LogicalType::Json));
        let columns = [column("a", LogicalType::BigInt), column("l\"", list)];
        assert_eq!(scan("00", &columns[..1]), "altertable_mock_stream('00')");
        assert_eq!(
            scan("00", &columns),
            "(SELECT * REPLACE (CAST(CAST(\"l\"\"\" AS VARCHAR[]) AS JSON[]) AS \"l\"\"\") FROM altertable_mock_stream('00'))"
        );
    }

    #[test]
    fn every_name_is_quoted() {
        let sql = insert(&table("t\"; DROP TABLE x"), &names(&["a\"b"]), "src", &names(&["a\"b"]), &[false]);
        assert_eq!(sql, r#"INSERT INTO "c"."s"."t""; DROP TABLE x" ("a""b") SELECT "a""b" FROM src"#);
    }

    #[test]
    fn paths_and_csv_names_are_literals() {
        assert_eq!(
            read_csv(
                "/x/it's",
                3_000_000,
                '|',
                &["a", "b'c"].map(|name| (name.to_owned(), LogicalType::Varchar))
            ),
            "read_csv('/x/it''s', header = true, delim = '|', quote = '\"', escape = '\"', skip = 0, comment = '', \
             sample_size = -1, max_line_size = 3000000, buffer_size = 3000000, types = {'a': 'VARCHAR', 'b''c': 'VARCHAR'})"
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

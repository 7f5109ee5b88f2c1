//! What the catalogs in memory hold, and the statements that make it again (SN-1).
//!
//! DuckDB's `COPY FROM DATABASE` would do so in one statement, but some schemas end it with an internal error, which is the
//! end of the whole database. So what there is is listed, and made in the order in which it depends on one another. The
//! functions are named in full, past any of the user's.

use std::fmt::Write;

use super::{Identifier, Literal, TableRef};
use duck::SCAN_FUNCTION;
use duck::types::LogicalType;

/// Begins to read every catalog, as a transaction does with its first look at each.
pub(crate) const LOOK_AT_ALL: &str = "SELECT schema_name FROM system.main.duckdb_schemas()";

/// `name` of each catalog in memory, in the order in which they were attached.
pub(crate) const CATALOGS: &str = "SELECT database_name FROM system.main.duckdb_databases()
    WHERE NOT internal AND path IS NULL AND type = 'duckdb' ORDER BY database_oid";

/// `name` of each other catalog.
pub(crate) const OTHER_CATALOGS: &str = "SELECT database_name FROM system.main.duckdb_databases()
    WHERE NOT internal AND (path IS NOT NULL OR type <> 'duckdb') ORDER BY database_oid";

/// `catalog, schema`, without those that every catalog has.
pub(crate) const SCHEMAS: &str = "SELECT database_name, schema_name FROM system.main.duckdb_schemas()
    WHERE NOT internal AND schema_name <> 'main' ORDER BY oid";

/// `catalog, schema, name, comment`.
pub(crate) const TYPES: &str = "SELECT database_name, schema_name, type_name, comment
    FROM system.main.duckdb_types() WHERE NOT internal ORDER BY type_oid";

/// `catalog, schema, name, comment, start, least, most, step, cycles, last`; `last` is NULL before the first is taken.
pub(crate) const SEQUENCES: &str =
    "SELECT database_name, schema_name, sequence_name, comment, start_value::VARCHAR,
        min_value::VARCHAR, max_value::VARCHAR, increment_by::VARCHAR, cycle::VARCHAR, last_value::VARCHAR
    FROM system.main.duckdb_sequences() WHERE NOT temporary ORDER BY sequence_oid";

/// `number, catalog, schema, name, kind, comment, definition` of each overload of a macro, then the same with `NULL` for a
/// definition, and `parameter, type`, for each of its parameters. All functions are looked at for it, once.
pub(crate) const MACROS: &str = "WITH macros AS MATERIALIZED (
        SELECT (row_number() OVER (ORDER BY function_oid))::VARCHAR AS number, *
        FROM system.main.duckdb_functions() WHERE function_type IN ('macro', 'table_macro') AND NOT internal
    )
    SELECT number, database_name, schema_name, function_name, function_type, comment, macro_definition,
        NULL::VARCHAR, NULL::VARCHAR FROM macros
    UNION ALL SELECT number, database_name, schema_name, function_name, function_type, comment, NULL,
        unnest(parameters), unnest(parameter_types) FROM macros";

/// `catalog, schema, name, comment, statement`.
pub(crate) const TABLES: &str = "SELECT database_name, schema_name, table_name, comment, sql
    FROM system.main.duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY table_oid";

/// `catalog, schema, table, key, text, referenced table, column, referenced column`, a row for each column.
pub(crate) const FOREIGN_KEYS: &str =
    "SELECT database_name, schema_name, table_name, constraint_index::VARCHAR,
        constraint_text, referenced_table, unnest(constraint_column_names), unnest(referenced_column_names)
    FROM system.main.duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY' ORDER BY constraint_index";

/// `catalog, schema, table or view, name, comment`.
pub(crate) const COLUMNS: &str = "SELECT database_name, schema_name, table_name, column_name, comment
    FROM system.main.duckdb_columns() WHERE NOT internal ORDER BY table_oid, column_index";

/// `catalog, schema, name, comment, statement`.
pub(crate) const VIEWS: &str = "SELECT database_name, schema_name, view_name, comment, sql
    FROM system.main.duckdb_views() WHERE NOT internal AND NOT temporary ORDER BY view_oid";

/// `catalog, schema, name, comment, table, statement`.
pub(crate) const INDEXES: &str = "SELECT database_name, schema_name, index_name, comment, table_name, sql
    FROM system.main.duckdb_indexes() WHERE sql IS NOT NULL ORDER BY index_oid";

pub(crate) fn create_schema(catalog: &str, schema: &str) -> String {
    format!("CREATE SCHEMA IF NOT EXISTS {}.{}", Identifier(catalog), Identifier(schema))
}

/// A value of a type of the user's, whose column tells what it is.
pub(crate) fn value_of_type(name: &TableRef) -> String {
    format!("SELECT NULL::{name}")
}

pub(crate) fn create_type(name: &TableRef, definition: &LogicalType) -> String {
    format!("CREATE TYPE {name} AS {definition}")
}

/// A sequence as [`SEQUENCES`] lists it.
pub(crate) struct ListedSequence<'a> {
    pub(crate) start: &'a str,
    pub(crate) least: &'a str,
    pub(crate) most: &'a str,
    pub(crate) step: &'a str,
    pub(crate) cycles: bool,
    pub(crate) last: Option<&'a str>,
}

/// A sequence, which begins with the value that was last taken; [`next_value`] takes it.
pub(crate) fn create_sequence(name: &TableRef, listed: &ListedSequence<'_>) -> String {
    let ListedSequence { start, least, most, step, cycles, last } = listed;
    let (start, cycle) = (last.unwrap_or(start), if *cycles { "CYCLE" } else { "NO CYCLE" });
    format!(
        "CREATE SEQUENCE {name} INCREMENT BY {step} MINVALUE {least} MAXVALUE {most} START WITH {start} {cycle}"
    )
}

/// Takes the next value of a sequence.
pub(crate) fn next_value(name: &TableRef) -> String {
    format!("SELECT system.main.nextval({})", Literal(&name.to_string()))
}

/// One overload of a macro: its parameters with their types, and its body.
pub(crate) struct MacroForm {
    pub(crate) parameters: Vec<(String, Option<String>)>,
    pub(crate) body: String,
}

pub(crate) fn create_macro(name: &TableRef, is_table: bool, forms: &[MacroForm]) -> String {
    let mut text = format!("CREATE MACRO {name}");
    for (at, MacroForm { parameters, body }) in forms.iter().enumerate() {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(name, ty)| format!("{} {}", Identifier(name), ty.as_deref().unwrap_or_default()))
            .collect();
        let (separator, table) = (if at == 0 { "" } else { ", " }, if is_table { "TABLE " } else { "" });
        // Writing to a string does not fail.
        let _ = write!(text, "{separator}({}) AS {table}{body}", parameters.join(", "));
    }
    text
}

/// Calls a macro with so many arguments: it can be planned only if the rest have defaults.
pub(crate) fn call_macro(name: &TableRef, is_table: bool, arguments: usize) -> String {
    let from = if is_table { "* FROM " } else { "" };
    format!("SELECT {from}{name}({})", vec!["NULL"; arguments].join(", "))
}

/// A foreign key, and how DuckDB writes it: without quotes around the table, and not at all if that is the table itself.
pub(crate) struct ForeignKey {
    pub(crate) text: String,
    pub(crate) table: String,
    pub(crate) columns: Vec<String>,
    pub(crate) referenced: Vec<String>,
}

impl ForeignKey {
    fn quoted(&self) -> String {
        let (columns, referenced) = (names(&self.columns), names(&self.referenced));
        format!("FOREIGN KEY ({columns}) REFERENCES {} ({referenced})", Identifier(&self.table))
    }
}

/// The statement that makes a table, from the one that DuckDB tells.
pub(crate) fn create_table(name: &TableRef, told: &str, keys: &[ForeignKey]) -> Option<String> {
    let mut columns = after_name(told.strip_prefix("CREATE TABLE ")?).to_owned();
    for key in keys {
        // Constraints come last; of a key to the table itself there is but the comma before it.
        let at = match (key.text.as_str(), columns.strip_suffix(");")) {
            ("", Some(rest)) if rest.ends_with(", ") => rest.len(),
            ("", _) => last_outside_quotes(&columns, ", , ")? + 2,
            // DuckDB does not quote the other table, whose name may hold half a literal.
            (text, _) => last_outside_quotes(&columns, text).or_else(|| columns.rfind(text))?,
        };
        columns.replace_range(at..at + key.text.len(), &key.quoted());
    }
    Some(format!("CREATE TABLE {name} {columns}"))
}

/// Where a text stands last, but for literals and quoted names.
fn last_outside_quotes(text: &str, part: &str) -> Option<usize> {
    let mut open = None;
    let begins = text.bytes().enumerate().filter(|(at, byte)| {
        let is_outside = open.is_none();
        match open {
            // A doubled quote closes and opens.
            Some(quote) if quote == *byte => open = None,
            None if matches!(byte, b'\'' | b'"') => open = Some(*byte),
            _ => {}
        }
        is_outside && text.as_bytes()[*at..].starts_with(part.as_bytes())
    });
    begins.last().map(|(at, _)| at)
}

/// Whether a table, as DuckDB tells it, may have columns that are computed.
pub(crate) fn has_generated(told: &str) -> bool {
    told.contains(" GENERATED ALWAYS AS(")
}

/// Whether it may have conditions that its rows have to meet.
pub(crate) fn has_conditions(told: &str) -> bool {
    told.contains("CHECK(")
}

/// As [`create_table`], of a view.
pub(crate) fn create_view(name: &TableRef, told: &str) -> Option<String> {
    Some(format!("CREATE VIEW {name} {}", after_name(told.strip_prefix("CREATE VIEW ")?)))
}

/// As [`create_table`], of an index.
pub(crate) fn create_index(name: &str, table: &TableRef, told: &str) -> Option<String> {
    let (unique, rest) = match told.strip_prefix("CREATE UNIQUE INDEX ") {
        Some(rest) => ("UNIQUE ", rest),
        None => ("", told.strip_prefix("CREATE INDEX ")?),
    };
    let columns = after_name(after_name(rest).trim_start().strip_prefix("ON ")?);
    Some(format!("CREATE {unique}INDEX {} ON {table} {columns}", Identifier(name)))
}

/// What follows a name, quoted or not, of up to three parts.
fn after_name(text: &str) -> &str {
    let (mut quoted, bytes) = (false, text.as_bytes());
    let end = bytes.iter().position(|byte| {
        // A doubled quote closes and opens.
        quoted ^= *byte == b'"';
        !quoted && matches!(byte, b' ' | b'(' | b';')
    });
    &text[end.unwrap_or(text.len())..]
}

/// What a comment is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Commented<'a> {
    Type,
    Sequence,
    Macro { is_table: bool },
    Table,
    View,
    Index,
    Column(&'a str),
}

pub(crate) fn comment(on: Commented<'_>, name: &TableRef, text: &str) -> String {
    let what = match on {
        Commented::Type => "TYPE",
        Commented::Sequence => "SEQUENCE",
        Commented::Macro { is_table: false } => "MACRO",
        Commented::Macro { is_table: true } => "MACRO TABLE",
        Commented::Table => "TABLE",
        Commented::View => "VIEW",
        Commented::Index => "INDEX",
        Commented::Column(column) => {
            return format!("COMMENT ON COLUMN {name}.{} IS {}", Identifier(column), Literal(text));
        }
    };
    format!("COMMENT ON {what} {name} IS {}", Literal(text))
}

/// The rows of a table, in its order.
pub(crate) fn rows_of(table: &TableRef, columns: &[String]) -> String {
    format!("SELECT {} FROM {table}", names(columns))
}

/// Gives a value to one column, which a generated one does not take.
pub(crate) fn give_column(table: &TableRef, column: &str) -> String {
    format!("INSERT INTO {table} ({}) SELECT NULL", Identifier(column))
}

/// Fills a table with the rows that a token stands for.
pub(crate) fn fill_table(table: &TableRef, columns: &[String], token: &str) -> String {
    format!("INSERT INTO {table} ({}) {}", names(columns), handed_over(token))
}

fn handed_over(token: &str) -> String {
    format!("SELECT * FROM system.main.{SCAN_FUNCTION}({})", Literal(token))
}

fn names(names: &[String]) -> String {
    names.iter().map(|name| Identifier(name).to_string()).collect::<Vec<_>>().join(", ")
}

/// Where the rows of a table wait that refer to one another.
const WAITING: &str = "temp.main.waiting_rows";

/// The name of the column by which rows that wait are told apart: none of theirs.
fn place(columns: &[String]) -> String {
    let mut name = "place".to_owned();
    while columns.iter().any(|column| column.eq_ignore_ascii_case(&name)) {
        name.push('_');
    }
    name
}

/// Has rows wait until those are there to which they refer.
pub(crate) fn fill_waiting(columns: &[String], token: &str) -> String {
    let (place, rows) = (place(columns), handed_over(token));
    format!("CREATE TEMP TABLE waiting_rows AS SELECT row_number() OVER () AS {place}, * FROM ({rows})")
}

/// Lets rows into their table whose like is there already, in the order in which they came; and the statement that takes
/// them off the others.
pub(crate) fn let_in(table: &TableRef, columns: &[String], keys: &[&ForeignKey]) -> [String; 3] {
    let conditions = keys.iter().map(|key| {
        let pairs = key.columns.iter().zip(&key.referenced);
        let missing = key.columns.iter().map(|column| format!("w.{} IS NULL OR ", Identifier(column)));
        let same: Vec<_> =
            pairs.map(|(own, other)| format!("t.{} = w.{}", Identifier(other), Identifier(own))).collect();
        let missing: String = missing.collect();
        format!("({missing}EXISTS (SELECT 1 FROM {table} t WHERE {}))", same.join(" AND "))
    });
    let condition = conditions.collect::<Vec<_>>().join(" AND ");
    let (place, columns) = (place(columns), names(columns));
    let is_ready = format!("{place} IN (SELECT r.{place} FROM temp.main.ready_rows r)");
    [
        format!(
            "CREATE OR REPLACE TEMP TABLE ready_rows AS SELECT w.{place} FROM {WAITING} w WHERE {condition}"
        ),
        format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM {WAITING} WHERE {is_ready} ORDER BY {place}"
        ),
        format!("DELETE FROM {WAITING} WHERE {is_ready}"),
    ]
}

/// Has a row if any waits.
pub(crate) const ANY_WAITING: &str = "SELECT 'one' FROM temp.main.waiting_rows LIMIT 1";

/// Has a row if any was let in.
pub(crate) const ANY_READY: &str = "SELECT 'one' FROM temp.main.ready_rows LIMIT 1";

/// Nothing waits any more.
pub(crate) const END_WAITING: &str = "DROP TABLE temp.main.waiting_rows";

#[cfg(test)]
mod tests {
    use super::*;

    fn table(table: &str) -> TableRef {
        TableRef { catalog: "c".to_owned(), schema: "s".to_owned(), table: table.to_owned() }
    }

    #[test]
    fn what_duckdb_tells_is_named_in_full() {
        let told = "CREATE TABLE \"a \"\"(\".t(x INTEGER);";
        assert_eq!(
            create_table(&table("t"), told, &[]).unwrap(),
            "CREATE TABLE \"c\".\"s\".\"t\" (x INTEGER);"
        );
        let view = create_view(&table("v"), "CREATE VIEW v (a) AS SELECT 1;");
        assert_eq!(view.unwrap(), "CREATE VIEW \"c\".\"s\".\"v\"  (a) AS SELECT 1;");
        let index = create_index("i", &table("t"), "CREATE UNIQUE INDEX i ON s.\"t t\"(a);");
        assert_eq!(index.unwrap(), "CREATE UNIQUE INDEX \"i\" ON \"c\".\"s\".\"t\" (a);");
    }

    #[test]
    fn foreign_keys_are_quoted() {
        let key = ForeignKey {
            text: "FOREIGN KEY (a) REFERENCES p q(b)".to_owned(),
            table: "p q".to_owned(),
            columns: vec!["a".to_owned()],
            referenced: vec!["b".to_owned()],
        };
        let told = "CREATE TABLE t(a INTEGER, FOREIGN KEY (a) REFERENCES p q(b));";
        let made = create_table(&table("t"), told, &[key]).unwrap();
        let expected =
            "CREATE TABLE \"c\".\"s\".\"t\" (a INTEGER, FOREIGN KEY (\"a\") REFERENCES \"p q\" (\"b\"));";
        assert_eq!(made, expected);
    }

    #[test]
    fn foreign_keys_to_the_table_itself_are_written() {
        let key = |columns: &str| ForeignKey {
            text: String::new(),
            table: "t".to_owned(),
            columns: vec![columns.to_owned()],
            referenced: vec!["i".to_owned()],
        };
        let told = "CREATE TABLE t(i INTEGER PRIMARY KEY, a INTEGER, b INTEGER, , CHECK((a > 0)), );";
        let made = create_table(&table("t"), told, &[key("b"), key("a")]).unwrap();
        let [one, other] = ["b", "a"].map(|c| format!("FOREIGN KEY (\"{c}\") REFERENCES \"t\" (\"i\")"));
        let columns =
            format!("(i INTEGER PRIMARY KEY, a INTEGER, b INTEGER, {other}, CHECK((a > 0)), {one});");
        assert_eq!(made, format!("CREATE TABLE \"c\".\"s\".\"t\" {columns}"));
    }
}

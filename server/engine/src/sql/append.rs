//! The SQL of an append, whose values arrive as text with their kind.

use std::fmt::Display;

use super::ingest::{whole, with_text_for};
use super::{Identifier, Literal, TableRef};
use duck::types::LogicalType;

/// The kind of a string among the values of a mixed column; any other number is another kind.
pub const STRING_KIND: i8 = 1;

/// A value of an append as SQL: its text in one column of the relation, and its kind in another where they are mixed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    /// The column of texts.
    pub(crate) text: &'a str,
    /// The column of kinds; `None` if all values are of one.
    pub(crate) kind: Option<&'a str>,
    /// Whether all values are strings, when they are of one kind.
    pub(crate) strings: bool,
    /// Whether the values are objects and arrays.
    pub(crate) nested: bool,
    /// Whether the values have a type of their own, and are not JSON text.
    pub(crate) typed: bool,
}

impl Incoming<'_> {
    /// The value as one of type `ty`.
    pub(crate) fn as_type(&self, ty: &LogicalType) -> String {
        let text = Identifier(self.text).to_string();
        if self.typed {
            return self.cast_typed(&text, ty);
        }
        match ty {
            LogicalType::Varchar => text,
            LogicalType::Json => self.by_kind(&json_of(&text), &format!("CAST({text} AS JSON)")),
            LogicalType::Struct(_) | LogicalType::List(_) | LogicalType::Map(..) | LogicalType::Array(..) => {
                self.by_kind(&format!("CAST({text} AS {ty})"), &of_json(&text, ty))
            }
            LogicalType::Variant => self.by_kind(&text, &format!("CAST({text} AS JSON)")),
            _ if self.strings && ty.is_integer() => format!("CAST({} AS {ty})", whole(&text)),
            _ => format!("CAST({text} AS {ty})"),
        }
    }

    /// A typed value; objects and arrays become text as JSON.
    fn cast_typed(&self, value: &str, ty: &LogicalType) -> String {
        match ty {
            LogicalType::Json if !self.strings => format!("to_json({value})"),
            LogicalType::Json => json_of(value),
            LogicalType::Varchar if self.nested => format!("CAST(to_json({value}) AS VARCHAR)"),
            _ if ty.is_integer() => format!("CAST({} AS {ty})", whole(value)),
            _ => format!("CAST({value} AS {ty})"),
        }
    }

    fn by_kind(&self, string: &str, other: &str) -> String {
        match self.kind {
            None if self.strings => string.to_owned(),
            None => other.to_owned(),
            Some(kind) => {
                format!("CASE WHEN {} = {STRING_KIND} THEN {string} ELSE {other} END", Identifier(kind))
            }
        }
    }
}

/// An object or array as a value of a nested type. From JSON, DuckDB takes neither the bytes of a BLOB nor a BIGNUM, and of
/// the numbers in JSON it takes what a double keeps; from text it takes them all.
fn of_json(text: &str, ty: &LogicalType) -> String {
    let json = format!("CAST({text} AS JSON)");
    match with_text_for(ty, &[LogicalType::Blob, LogicalType::BigNum, LogicalType::Json]) {
        None => format!("CAST({json} AS {ty})"),
        Some(texts) => format!("CAST(CAST({json} AS {texts}) AS {ty})"),
    }
}

/// A string in a column of JSON: one that holds an object or array is that, any other a JSON string itself.
fn json_of(text: &str) -> String {
    format!(
        "CASE WHEN ltrim({text})[1] IN ('{{', '[') THEN COALESCE(TRY_CAST({text} AS JSON), to_json({text})) \
         ELSE to_json({text}) END"
    )
}

/// Creates an empty table.
pub(crate) fn create_table(table: &TableRef, columns: &[(String, LogicalType)]) -> String {
    let columns: Vec<String> =
        columns.iter().map(|(name, ty)| format!("{} {ty}", Identifier(name))).collect();
    format!("CREATE TABLE {table} ({})", columns.join(", "))
}

pub(crate) fn add_column(table: &TableRef, name: &str, ty: &LogicalType) -> String {
    format!("ALTER TABLE {table} ADD COLUMN {} {ty}", Identifier(name))
}

pub(crate) fn widen_column(table: &TableRef, name: &str, ty: &LogicalType) -> String {
    format!("ALTER TABLE {table} ALTER COLUMN {} SET DATA TYPE {ty}", Identifier(name))
}

/// A row if a column of integers has a value that a DOUBLE does not keep.
pub(crate) fn inexact_double(table: &TableRef, name: &str) -> String {
    let name = Identifier(name);
    format!(
        "SELECT 1::VARCHAR FROM {table} WHERE TRY_CAST(CAST({name} AS DOUBLE) AS HUGEINT)::VARCHAR \
         IS DISTINCT FROM {name}::VARCHAR LIMIT 1"
    )
}

/// A row if a column of a table has a default.
pub(crate) fn find_default(table: &TableRef) -> String {
    let TableRef { catalog, schema, table } = table;
    format!(
        "SELECT column_name::VARCHAR FROM duckdb_columns() WHERE lower(database_name) = lower({}) \
         AND lower(schema_name) = lower({}) AND lower(table_name) = lower({}) \
         AND coalesce(column_default, 'NULL') <> 'NULL' LIMIT 1",
        Literal(catalog),
        Literal(schema),
        Literal(table)
    )
}

/// Expressions over a relation as a relation with those names.
pub(crate) fn select_values(names: &[String], values: &[String], relation: impl Display) -> String {
    let columns: Vec<String> =
        names.iter().zip(values).map(|(name, value)| format!("{value} AS {}", Identifier(name))).collect();
    format!("(SELECT {} FROM {relation})", columns.join(", "))
}

/// Inserts expressions over a relation into the named columns.
pub(crate) fn insert_values(
    table: &TableRef,
    columns: &[&str],
    values: &[String],
    relation: impl Display,
) -> String {
    let columns: Vec<String> = columns.iter().map(|name| Identifier(name).to_string()).collect();
    format!("INSERT INTO {table} ({}) SELECT {} FROM {relation}", columns.join(", "), values.join(", "))
}

/// Inserts a row of defaults.
pub(crate) fn insert_defaults(table: &TableRef) -> String {
    format!("INSERT INTO {table} DEFAULT VALUES")
}

/// Evaluates an expression for every row of a relation, to see whether it can be.
pub(crate) fn evaluate(value: &str, relation: impl Display) -> String {
    format!("SELECT count({value}) FROM {relation}")
}

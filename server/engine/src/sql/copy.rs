//! Texts for COPY of the PostgreSQL protocol, whose rows go through the server rather than through a file.

use super::Identifier;
use duck::types::LogicalType;

/// The rows of a table, which is named by the parts of its name; of some of its columns, or of all if none are named.
pub fn table_rows(name: &[String], columns: &[String]) -> String {
    let quoted = |names: &[String], between: &str| {
        names.iter().map(|name| Identifier(name).to_string()).collect::<Vec<_>>().join(between)
    };
    let columns = if columns.is_empty() { "*".to_owned() } else { quoted(columns, ", ") };
    format!("SELECT {columns} FROM {}", quoted(name, "."))
}

/// The schemas in which tables are looked for.
pub(crate) const SEARCHED_SCHEMAS: &str = "SELECT unnest(current_schemas(false))";

/// The number of the first row of a relation in which one of its columns has a text that is no value of its type, with that
/// column's number; both from zero, `row` being the relation's last column.
pub(crate) fn first_uncastable(relation: &str, columns: &[(String, LogicalType)], row: &str) -> String {
    let row = Identifier(row);
    let fails = columns.iter().enumerate().map(|(at, (name, ty))| {
        let name = Identifier(name);
        format!("WHEN {name} IS NOT NULL AND TRY_CAST({name} AS {ty}) IS NULL THEN {at}")
    });
    let fails = fails.collect::<Vec<_>>().join(" ");
    format!(
        "SELECT {row}::VARCHAR, place::VARCHAR FROM (SELECT {row}, CASE {fails} END AS place FROM {relation}) \
         WHERE place IS NOT NULL ORDER BY {row} LIMIT 1"
    )
}

//! Settings of DuckDB: which a session may change, and the texts that lock the rest (LX-12).

use super::{Identifier, Literal};

/// Settings of a session, which SET without a scope changes for it alone.
pub(crate) const SESSION_BY_DEFAULT: &[&str] = &[
    "TimeZone",
    "Calendar",
    "schema",
    "search_path",
    "enable_progress_bar",
    "explain_output",
    "integer_division",
    "ieee_floating_point_ops",
    "order_by_non_integer_literal",
    "scalar_subquery_error_on_multiple_rows",
    "disable_timestamptz_casts",
    "preserve_identifier_case",
    "lambda_syntax",
    "ignore_unknown_crs",
];

/// Settings that SET without a scope changes for every session, and SET SESSION for one.
pub(crate) const LASTS_FOR_SESSION: &[&str] = &[
    "default_order",
    "default_null_order",
    "null_order",
    "default_collation",
    "preserve_insertion_order",
    "old_implicit_casting",
];

/// Settings that the server itself changes while an instance is open, or DuckDB within statements that it expands.
const OWN: &[&str] =
    &["enable_progress_bar_print", "streaming_buffer_size", "current_transaction_invalidation_policy"];

/// What stays unlocked after [`LOCK`].
pub(crate) fn unlocked() -> String {
    let names = [SESSION_BY_DEFAULT, LASTS_FOR_SESSION, OWN].concat();
    let names: Vec<String> = names.iter().map(|name| Literal(name).to_string()).collect();
    format!("SET allowed_configs = [{}]", names.join(", "))
}

/// Locks every other setting, for as long as the instance is open.
pub(crate) const LOCK: &str = "SET lock_configuration = true";

/// The zone of one session.
pub(crate) fn zone(name: &str) -> String {
    format!("SET SESSION TimeZone = {}", Literal(name))
}

/// Where one session looks for names: schemas of a catalog, in order.
pub(crate) fn search_path(catalog: &str, schemas: &[String]) -> String {
    let places = schemas.iter().map(|schema| format!("{}.{}", Identifier(catalog), Identifier(schema)));
    let places = places.collect::<Vec<_>>().join(",");
    format!("SET SESSION search_path = {}", Literal(&places))
}

/// Whether SQL may reach the host's files and the network.
pub(crate) const EXTERNAL_ACCESS: &str = "SELECT current_setting('enable_external_access')::VARCHAR";

/// A setting's value, or DuckDB's error when there is none of this name.
pub(crate) fn current(name: &str) -> String {
    format!("SELECT current_setting({})::VARCHAR", Literal(name))
}

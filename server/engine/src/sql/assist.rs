//! The SQL that explains and completes a user's text.

use super::Literal;

/// Explains a statement of the user's as one JSON document, in the second column of its only row.
pub(crate) fn explain_json(statement: &str) -> String {
    format!("EXPLAIN (FORMAT json) {statement}")
}

/// Completions of a text, the best first: text, byte offset, type, score, and the character to put behind.
pub(crate) fn complete(text: &str) -> String {
    format!(
        "SELECT suggestion, suggestion_start::VARCHAR, suggestion_type, suggestion_score::VARCHAR, extra_char \
         FROM sql_auto_complete({})",
        Literal(text)
    )
}

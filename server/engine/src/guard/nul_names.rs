//! Names with a NUL, which DuckDB keeps, but its C API hands on cut: functions that make types of a text may spell one, or be
//! given one that only a computation tells.

use crate::error::{Error, ErrorKind, Result};
use crate::sql::lexer::{self, Token};
use crate::sql::nameable::as_structs;
use duck::types::Column;
use duck::{Connection, Prepared, StatementKind};

/// Functions whose last argument is a type as JSON.
const FUNCTIONS: &[&str] = &["from_json", "from_json_strict", "json_transform", "json_transform_strict"];

/// Refuses a text that spells such a name.
///
/// # Errors
/// `Sql`, in the words of a PIVOT that does the same.
pub(super) fn check(sql: &str) -> Result<()> {
    if !lexer::mentions(sql, &["u0000"]) || !lexer::mentions(sql, FUNCTIONS) {
        return Ok(());
    }
    // For each bracket that is open, whether it is that of such a call.
    let (mut calls, mut last) = (Vec::new(), Token::Symbol(';'));
    for token in lexer::tokens(sql) {
        match token {
            Token::Symbol('(' | '[' | '{') => calls.push(FUNCTIONS.iter().any(|name| last.is_name(name))),
            Token::Symbol(')' | ']' | '}') if calls.pop() == Some(true) && spells_nul(&last) => {
                return Err(refused());
            }
            _ => {}
        }
        last = token;
    }
    Ok(())
}

/// Refuses columns with a field whose name holds a NUL, however it came to it. What such a struct was made of can still be
/// read: its text, for one.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_columns(columns: &[Column]) -> Result<()> {
    if columns.iter().any(|column| column.ty.has_cut_name()) { Err(refused()) } else { Ok(()) }
}

/// Refuses a query that makes columns of the fields of such a type: their names are not those of fields any more.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_query(connection: &Connection, sql: &str, planned: &Prepared) -> Result<()> {
    if planned.kind() != StatementKind::Select || planned.has_parameters() || !lexer::mentions(sql, FUNCTIONS)
    {
        return Ok(());
    }
    // What cannot be planned so is left alone.
    connection.prepare(&as_structs(sql)).map_or(Ok(()), |rows| check_columns(&rows.columns()))
}

fn spells_nul(token: &Token<'_>) -> bool {
    let (Token::Text(text) | Token::Dollar(text) | Token::Escaped(text)) = token else { return false };
    // A backslash that is escaped itself escapes nothing.
    text.replace("\\\\", "").to_ascii_lowercase().contains("\\u0000")
}

fn refused() -> Error {
    let message =
        "Invalid Input Error: a name in a type holds a NUL, which the name of a column or field cannot";
    Error::new(ErrorKind::Sql, message)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"SELECT from_json(j, '{"a\u0000b":"INTEGER"}') FROM t"#, false)]
    #[case(r#"SELECT j.JSON_Transform_Strict($${"a\u0000b":"INTEGER"}$$) FROM t"#, false)]
    #[case(r#"SELECT [from_json(f(1), '["a\u0000b"]')]"#, false)]
    #[case(r#"SELECT from_json('{"a":"\u0000"}', '{"a":"VARCHAR"}')"#, true)]
    #[case(r#"SELECT from_json('{}', '{"a\\u0000b":"VARCHAR"}')"#, true)]
    #[case(r#"SELECT from_json('{}', '{}'), json_valid('"\u0000"')"#, true)]
    fn names_with_a_nul_are_found_in_types_alone(#[case] sql: &str, #[case] passes: bool) {
        assert_eq!(check(sql).is_ok(), passes);
    }
}

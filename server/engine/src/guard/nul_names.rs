//! Functions that make types of a text, in which a name may hold a NUL: DuckDB would keep it, but its C API hands it on cut.

use crate::error::{Error, ErrorKind, Result};
use crate::sql::lexer::{self, Token};

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

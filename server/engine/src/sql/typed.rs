//! A statement whose parameters are said to be of certain types: the C API tells what a result's columns will be only of
//! parameters whose types the statement itself decides.

use duck::types::LogicalType;

use super::lexer::{self, Token};

/// The statement with a cast around each numbered parameter of a type.
pub(crate) fn with_types(sql: &str, types: &[LogicalType]) -> String {
    let (mut text, mut copied) = (String::with_capacity(sql.len()), 0);
    for token in lexer::tokens(sql) {
        let Token::Number(name) = token else { continue };
        let Some(ty) = number(name).and_then(|at| types.get(at)).filter(|ty| **ty != LogicalType::Unknown)
        else {
            continue;
        };
        // A token is a piece of the text.
        let begin = name.as_ptr().addr() - sql.as_ptr().addr();
        text.push_str(&sql[copied..begin]);
        text.push_str(&cast(name, ty));
        copied = begin + name.len();
    }
    text.push_str(&sql[copied..]);
    text
}

/// The name of a column as it is without those casts.
pub(crate) fn without_types(name: &str, types: &[LogicalType]) -> String {
    types.iter().enumerate().fold(name.to_owned(), |name, (at, ty)| {
        let parameter = format!("${}", at + 1);
        name.replace(&cast(&parameter, ty), &parameter)
    })
}

fn cast(parameter: &str, ty: &LogicalType) -> String {
    format!("CAST({parameter} AS {ty})")
}

/// The place of a parameter among all.
fn number(name: &str) -> Option<usize> {
    name.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_cast_where_they_stand() {
        let types = [LogicalType::Integer, LogicalType::Unknown];
        let sql = "SELECT $1, '$1', $2, $1 -- $1";
        let typed = with_types(sql, &types);
        assert_eq!(typed, "SELECT CAST($1 AS INTEGER), '$1', $2, CAST($1 AS INTEGER) -- $1");
        assert_eq!(without_types("(CAST($1 AS INTEGER) + 1)", &types), "($1 + 1)");
    }
}

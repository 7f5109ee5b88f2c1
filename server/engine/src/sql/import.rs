//! What the text of an IMPORT DATABASE tells, and where the COPYs of an exported folder find their files.

use super::Literal;
use super::lexer::{self, Token};

/// The literal of the folder that a statement imports, as it is written, if the statement is an IMPORT DATABASE.
pub(crate) fn folder(sql: &str) -> Option<&str> {
    // Of most statements, no more than this is looked at.
    if !begins_import(sql) || lexer::count_statements(sql) > 1 {
        return None;
    }
    let statement = lexer::first_statement(sql);
    let mut rest = lexer::tokens(statement).skip(1);
    if !rest.next()?.is_keyword("database") {
        return None;
    }
    let is_text = |token| matches!(token, Token::Text(_) | Token::Dollar(_) | Token::Escaped(_));
    let literal = lexer::behind(statement, 2);
    (!literal.is_empty() && rest.all(is_text)).then_some(literal)
}

fn begins_import(sql: &str) -> bool {
    let mut tokens = lexer::tokens(sql).filter(|token| *token != Token::Symbol(';'));
    tokens.next().is_some_and(|first| first.is_keyword("import"))
}

/// Whether a text has an IMPORT among other statements, where DuckDB would read its files to find out how many there are.
pub(crate) fn is_among_others(sql: &str) -> bool {
    if !lexer::mentions(sql, &["import"]) {
        return false;
    }
    let statements = lexer::statements(sql);
    statements.len() > 1 && statements.iter().any(|(_, statement)| begins_import(statement))
}

/// A COPY from a file that was beside the others when it was written, from where it is now; none of other statements.
pub(crate) fn from(folder: &str, copy: &str) -> Option<String> {
    let tokens: Vec<Token<'_>> = lexer::tokens(copy).collect();
    let path = match &tokens[..] {
        // Not one of a query's rows.
        [verb, what, rest @ ..] if verb.is_keyword("copy") && *what != Token::Symbol('(') => {
            let from = rest.iter().position(|token| token.is_keyword("from"))?;
            if let Some(Token::Text(path)) = rest.get(from + 1) { path } else { return None }
        }
        _ => return None,
    };
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path).replace("''", "'");
    let moved = format!("{folder}/{name}");
    Some(copy.replacen(&format!("'{path}'"), &Literal(&moved).to_string(), 1))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("IMPORT DATABASE '/a/b'", Some("'/a/b'"))]
    #[case("/* x */ import database 'it''s' ;", Some("'it''s'"))]
    #[case("; IMPORT DATABASE 'a';;", Some("'a'"))]
    #[case("IMPORT DATABASE/**/$$it's$$", Some("$$it's$$"))]
    #[case(r"IMPORT DATABASE E'it\'s; '", Some(r"E'it\'s; '"))]
    #[case("IMPORT DATABASE 'a'\n'b'", Some("'a'\n'b'"))]
    #[case("IMPORT DATABASE 'a' || 'b'", None)]
    #[case("IMPORT DATABASE 'a', $1", None)]
    #[case("IMPORT DATABASE", None)]
    #[case("IMPORT DATABASE 'a'; SELECT 1", None)]
    #[case("EXPLAIN IMPORT DATABASE 'a'", None)]
    #[case("SELECT 'IMPORT DATABASE x'", None)]
    fn the_folder_is_told_of_an_import_alone(#[case] sql: &str, #[case] expected: Option<&str>) {
        assert_eq!(folder(sql), expected);
    }

    #[rstest]
    #[case("IMPORT DATABASE 'a'; SELECT 1", true)]
    #[case("SELECT ';'; /* ; */ import database 'a'", true)]
    #[case("; IMPORT DATABASE 'a';;", false)]
    #[case("SELECT 1; SELECT 'IMPORT DATABASE a'", false)]
    fn imports_are_told_among_others(#[case] sql: &str, #[case] expected: bool) {
        assert_eq!(is_among_others(sql), expected);
    }

    #[rstest]
    #[case(
        "COPY \"t\" FROM '/old/t.csv' (FORMAT 'csv', quote '\"');",
        Some("COPY \"t\" FROM '/new/t.csv' (FORMAT 'csv', quote '\"');")
    )]
    #[case("COPY t FROM 'o''r.csv'", Some("COPY t FROM '/new/o''r.csv'"))]
    #[case("COPY (SELECT 'a') TO 'b.csv'", None)]
    #[case("SELECT 'a'", None)]
    fn files_are_sought_beside_the_others(#[case] copy: &str, #[case] expected: Option<&str>) {
        assert_eq!(from("/new", copy).as_deref(), expected);
    }
}

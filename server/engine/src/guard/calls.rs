//! Calls that no SQL may make: functions that change the instance, and SQL from texts that cannot be read (LX-12).
//!
//! DuckDB's catalog lets no function of its own be dropped, replaced or locked, and its C API shows no plan. But a
//! function is called only where a text names it, and every text passes here before DuckDB reads it: those that make
//! views, macros and prepared statements, too. The argument of `query()` is a text as well, so it has to stand there in
//! plain. Literals and comments are data otherwise, and so are names that a statement defines.

use super::managed;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::lexer::{self, Token};

/// Functions that change the instance or write to the host, one that runs SQL from a tree that no lexer reads, and those
/// that parse a text by a grammar without a limit of depth (LX-17), which the server asks for itself.
const MANAGED: &[&str] = &[
    "enable_logging",
    "enable_profiling",
    "json_execute_serialized_sql",
    "sql_auto_complete",
    "check_peg_parser",
    "enable_peg_parser",
];

/// Runs a query from a text.
const QUERY: &str = "query";

/// How deep texts of `query()` may stand in one another.
const DEEPEST: usize = 8;

/// What stands before a name that is defined, filled or executed, not called.
const DEFINERS: &[&str] = &[
    "into",
    "table",
    "exists",
    "view",
    "references",
    "with",
    "recursive",
    "execute",
    "as",
    "on",
    "macro",
    "function",
    "copy",
    "vacuum",
];

/// Refuses a text that calls what is managed.
///
/// # Errors
/// Refused, with LX-12's text.
pub(crate) fn check(sql: &str) -> Result<()> {
    check_at(sql, 0)
}

fn check_at(sql: &str, depth: usize) -> Result<()> {
    if !mentions(sql) {
        return Ok(());
    }
    let tokens: Vec<Token<'_>> = lexer::tokens(sql).collect();
    for at in 0..tokens.len() {
        let [name @ Token::Word { .. }, Token::Symbol('('), rest @ ..] = &tokens[at..] else { continue };
        let named = |wanted: &&&str| name.is_name(wanted);
        let (managed_call, is_query) = (MANAGED.iter().find(named), name.is_name(QUERY));
        if (managed_call.is_none() && !is_query) || is_defined(&tokens[..at], rest) {
            continue;
        }
        if let Some(name) = managed_call {
            return Err(managed(name));
        }
        match rest {
            [Token::Text(text), Token::Symbol(')'), ..] if depth < DEEPEST => {
                check_at(&text.replace("''", "'"), depth + 1)?;
            }
            [Token::Dollar(text), Token::Symbol(')'), ..] if depth < DEEPEST => check_at(text, depth + 1)?,
            _ => return Err(unreadable()),
        }
    }
    Ok(())
}

/// A quick test that lets nearly every statement pass without being split into tokens.
fn mentions(sql: &str) -> bool {
    lexer::mentions(sql, &[QUERY]) || lexer::mentions(sql, MANAGED)
}

/// Whether the name between these tokens is defined or filled: a table with its columns, a CTE, an alias, or what
/// EXECUTE names.
fn is_defined(before: &[Token<'_>], rest: &[Token<'_>]) -> bool {
    let mut before = before;
    while let [front @ .., Token::Word { .. }, Token::Symbol('.')] = before {
        before = front;
    }
    before.last().is_some_and(|word| DEFINERS.iter().any(|definer| word.is_keyword(definer))) || is_cte(rest)
}

/// Whether what follows an opening parenthesis is the rest of a CTE: names, `) AS (`, and a query. What a call may have
/// behind `AS (` is a list of columns with their types, none of which can be named by one of these words.
fn is_cte(rest: &[Token<'_>]) -> bool {
    let columns = |token: &Token<'_>| matches!(token, Token::Word { .. } | Token::Symbol(','));
    let end = rest.iter().position(|token| !columns(token)).unwrap_or(rest.len());
    let [Token::Symbol(')'), word, Token::Symbol('('), first, ..] = &rest[end..] else { return false };
    word.is_keyword("as") && ["select", "from", "with"].iter().any(|begins| first.is_keyword(begins))
}

fn unreadable() -> Error {
    let message =
        "Permission Error: query() takes one plain text literal here, so that the server can check it";
    Error::new(ErrorKind::Refused, message)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn managed_functions_are_refused_however_they_are_called() {
        for sql in [
            "CALL enable_logging()",
            "SELECT * FROM \"Enable_Logging\" /* x */ ()",
            "FROM system.main.enable_logging(storage = 'file')",
            "EXPLAIN ANALYZE CALL enable_profiling()",
            "SELECT 1; CALL enable_logging()",
            "PREPARE p AS FROM enable_logging($1)",
            "CREATE MACRO m() AS TABLE FROM enable_logging()",
            "CREATE VIEW v AS FROM enable_logging()",
            "SELECT 1 AS a$$; FROM enable_logging() -- $$",
            "SELECT\u{a0}*\u{200b}FROM\u{3000}enable_logging\u{feff}()",
            "FROM query('FROM enable_logging()')",
            "FROM query($a$FROM query($b$FROM enable_logging()$b$)$a$)",
            "FROM query('FROM query(''FROM query(''''FROM enable_logging()'''')'')')",
            "FROM json_execute_serialized_sql('{}')",
            "PRAGMA json_execute_serialized_sql('{}')",
            "WITH x(a) AS (FROM enable_logging()) FROM x",
            "FROM enable_logging() AS a(b)",
            "FROM enable_logging() AS (a INT)",
            "FROM (SELECT 1), enable_logging() AS (\"select\" INT)",
            "CREATE MACRO m(x) AS TABLE FROM sql_auto_complete(x) AS (a INT)",
        ] {
            let error = check(sql).expect_err(sql);
            assert!(error.message().ends_with("\" is managed by the server"), "{sql}: {error}");
        }
    }

    #[test]
    fn dynamic_sql_has_to_stand_in_plain() {
        for sql in [
            "FROM query('SELECT * FROM enable_' || 'logging()')",
            "FROM query(E'SELECT * FROM enable\\x5flogging()')",
            "FROM query(U&'SELECT 1')",
            "FROM query(('SELECT 1'))",
            "CREATE MACRO m(x) AS TABLE FROM \"query\"(x)",
            "CREATE MACRO m(x) AS TABLE FROM query(x) AS materialized(a)",
            "FROM t, query(x)",
            "CREATE MACRO m(x) AS TABLE FROM query(x) AS (a INT)",
            "FROM (SELECT 1), query(x) AS (a INT, b INT)",
            "PREPARE p AS FROM query($1)",
            "FROM query('SELECT * '\n'FROM x')",
            "FROM query('FROM query(getvariable(''x''))')",
        ] {
            let error = check(sql).expect_err(sql);
            assert!(error.message().contains("plain text literal"), "{sql}: {error}");
        }
        let mut deep = "SELECT 1".to_owned();
        for level in 0..5_000 {
            deep = format!("FROM query($t{level}${deep}$t{level}$)");
        }
        check(&deep).expect_err("texts within texts without end");
    }
}

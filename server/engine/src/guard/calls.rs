//! Calls that no SQL may make: functions that change the instance, and SQL from texts that cannot be read (LX-12).
//!
//! DuckDB's catalog lets no function of its own be dropped, replaced or locked, and its C API shows no plan. But a
//! function is called only where a text names it, and every text passes here before DuckDB reads it: those that make
//! views, macros and prepared statements, too. The argument of `query()` is a text as well, so it has to stand there in
//! plain. Literals and comments are data otherwise. All of these are table functions, which are called only where
//! DuckDB's grammar has a table: the same name with a parenthesis elsewhere is an alias, a type, a macro of values, or a
//! table, a CTE or a prepared statement that is defined, filled or executed.

use super::{managed, nul_names};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::lexer::{self, Token};

/// Functions that change the instance or write to the host, one that runs SQL from a tree that no lexer reads, and those
/// that parse a text by a grammar without a limit of depth (LX-17), which the server asks for itself.
pub(crate) const MANAGED: &[&str] = &[
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

/// Keywords before a table in a FROM clause, or before a function that a statement calls.
const BEFORE_TABLES: &[&str] = &[
    "from",
    "join",
    "lateral",
    "using",
    "call",
    "pragma",
    "pivot",
    "unpivot",
    "pivot_wider",
    "pivot_longer",
    "describe",
    "summarize",
];

/// Reserved words that begin other clauses. As a name each has a dot or AS before it.
const OTHER_CLAUSES: &[&str] = &[
    "select",
    "where",
    "group",
    "having",
    "order",
    "qualify",
    "window",
    "limit",
    "offset",
    "returning",
    "union",
    "intersect",
    "except",
];

/// Refuses a text that calls what is managed, or makes a name with a NUL.
///
/// # Errors
/// Refused, with LX-12's text; as [`nul_names::check`].
pub(crate) fn check(sql: &str) -> Result<()> {
    nul_names::check(sql)?;
    check_at(sql, 0)
}

fn check_at(sql: &str, depth: usize) -> Result<()> {
    if !mentions(sql) {
        return Ok(());
    }
    let tokens: Vec<Token<'_>> = lexer::tokens(sql).collect();
    let mut clauses = Clauses(vec![true]);
    for at in 0..tokens.len() {
        check_call(&clauses, &tokens[..at], &tokens[at..], depth)?;
        clauses.read(&tokens[..at], &tokens[at]);
    }
    Ok(())
}

/// Refuses the call that begins after these tokens, if one does and may not be made.
fn check_call(clauses: &Clauses, before: &[Token<'_>], rest: &[Token<'_>], depth: usize) -> Result<()> {
    let [name @ Token::Word { .. }, Token::Symbol('('), rest @ ..] = rest else { return Ok(()) };
    let named = |wanted: &&&str| name.is_name(wanted);
    let (managed_call, is_query) = (MANAGED.iter().find(named), name.is_name(QUERY));
    if (managed_call.is_none() && !is_query) || !clauses.may_be_called(before, rest) {
        return Ok(());
    }
    if let Some(name) = managed_call {
        return Err(managed(name));
    }
    match rest {
        [Token::Text(text), Token::Symbol(')'), ..] if depth < DEEPEST => {
            check_at(&text.replace("''", "'"), depth + 1)
        }
        [Token::Dollar(text), Token::Symbol(')'), ..] if depth < DEEPEST => check_at(text, depth + 1),
        _ => Err(unreadable()),
    }
}

/// A quick test that lets nearly every statement pass without being split into tokens.
fn mentions(sql: &str) -> bool {
    lexer::mentions(sql, &[QUERY]) || lexer::mentions(sql, MANAGED)
}

/// Where in a text tables may stand: in the clause that is being read, for each bracket that is open.
struct Clauses(Vec<bool>);

impl Clauses {
    /// Reads on over a token behind others.
    fn read(&mut self, before: &[Token<'_>], token: &Token<'_>) {
        match token {
            Token::Symbol('(') => self.0.push(self.opens_tables(before)),
            Token::Symbol('[' | '{') => self.0.push(false),
            Token::Symbol(')' | ']' | '}') if self.0.len() > 1 => drop(self.0.pop()),
            Token::Symbol(';') => self.0 = vec![true],
            word if is_one_of(word, BEFORE_TABLES) => self.turn(true),
            word if is_one_of(word, OTHER_CLAUSES) && !is_label(before) => self.turn(false),
            _ => {}
        }
    }

    fn turn(&mut self, tables: bool) {
        if let Some(clause) = self.0.last_mut() {
            *clause = tables;
        }
    }

    /// Whether a table may stand where something begins or is separated.
    fn has_tables(&self) -> bool {
        self.0.last().is_none_or(|tables| *tables)
    }

    /// Whether a table may stand in a parenthesis behind these tokens.
    fn opens_tables(&self, before: &[Token<'_>]) -> bool {
        match before {
            [.., Token::Symbol(':'), Token::Symbol(':')] => false,
            [] | [.., Token::Symbol(',' | '(' | ':' | ';')] => self.has_tables(),
            [.., word] => word.is_keyword("as") || is_one_of(word, BEFORE_TABLES),
        }
    }

    /// Whether the name between these tokens stands where a table may be.
    fn may_be_called(&self, before: &[Token<'_>], rest: &[Token<'_>]) -> bool {
        let mut before = before;
        while let [front @ .., Token::Word { .. }, Token::Symbol('.')] = before {
            before = front;
        }
        match before {
            [.., Token::Symbol(':'), Token::Symbol(':')] => false,
            [.., Token::Symbol(',')] if is_cte(rest) => false,
            // A colon stands between an alias and its table, too.
            [] | [.., Token::Symbol(',' | '(' | ':' | ';')] => self.has_tables(),
            [.., word] => is_one_of(word, BEFORE_TABLES),
        }
    }
}

/// Whether a word behind these tokens may be a name, whatever it is.
fn is_label(before: &[Token<'_>]) -> bool {
    before.last().is_some_and(|last| *last == Token::Symbol('.') || last.is_keyword("as"))
}

fn is_one_of(word: &Token<'_>, keywords: &[&str]) -> bool {
    keywords.iter().any(|keyword| word.is_keyword(keyword))
}

/// Whether what follows an opening parenthesis is the rest of a CTE: names, `) AS (` or `) AS MATERIALIZED (`, and a query.
/// What a call may have behind `AS (` is a list of columns with their types, none of which can be named by one of these
/// words or be a parenthesis.
fn is_cte(rest: &[Token<'_>]) -> bool {
    const QUERIES: &[&str] =
        &["select", "from", "with", "pivot", "unpivot", "table", "describe", "summarize", "show"];
    let columns = |token: &Token<'_>| matches!(token, Token::Word { .. } | Token::Symbol(','));
    let end = rest.iter().position(|token| !columns(token)).unwrap_or(rest.len());
    let [Token::Symbol(')'), word, rest @ ..] = &rest[end..] else { return false };
    let rest = match rest {
        [not, how, rest @ ..] if not.is_keyword("not") && how.is_keyword("materialized") => rest,
        [how, rest @ ..] if how.is_keyword("materialized") => rest,
        rest => rest,
    };
    let [Token::Symbol('('), first, second, ..] = rest else { return false };
    let is_values = first.is_keyword("values") && *second == Token::Symbol('(');
    word.is_keyword("as") && (is_values || *first == Token::Symbol('(') || is_one_of(first, QUERIES))
}

fn unreadable() -> Error {
    let message =
        "Permission Error: query() takes one plain text literal here, so that the server can check it";
    Error::new(ErrorKind::Refused, message)
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;

//! Keeping `product_analytics`, `altertable` and `mock` what they are (AC-05, RJ-5).
//!
//! They are attached read-only, so that DuckDB itself refuses every write. Two things are left to us: statements that
//! would put another database in their place, which DuckDB allows, and the words for writes to their views, which
//! DuckDB refuses for being views before it gets to their database being read-only.

use super::{ALTERTABLE, MOCK, PRODUCT_ANALYTICS};
use crate::error::{Error, ErrorKind, Result};
use crate::lookup;
use crate::sql::lexer::{self, Token};
use crate::sql::{self, postgres, product_analytics};
use duck::Connection;

/// Refuses to detach, replace or rename a database of ours. These statements stand alone: DuckDB's grammar lets none
/// of them into PREPARE, EXPLAIN or a function.
///
/// # Errors
/// Refused.
pub(crate) fn check(connection: &Connection, sql: &str) -> Result<()> {
    let (moved, made) = moved(sql);
    match moved.and_then(|name| ours(connection, &name)).or_else(|| made.and_then(|name| hidden(&name))) {
        Some(name) => {
            let message = format!("Permission Error: \"{name}\" is managed by the server");
            Err(Error::new(ErrorKind::Refused, message))
        }
        None => Ok(()),
    }
}

/// The database of ours that `name` names.
fn ours(connection: &Connection, name: &str) -> Option<&'static str> {
    if name.eq_ignore_ascii_case(PRODUCT_ANALYTICS) {
        return Some(PRODUCT_ANALYTICS);
    }
    if let Some(hidden) = hidden(name) {
        return Some(hidden);
    }
    // Unless they were asked for, the other names are free for the user's own databases.
    let (name, schema, view) = [(ALTERTABLE, "system", "metrics"), (MOCK, sql::MAIN, "requests")]
        .into_iter()
        .find(|(ours, ..)| name.eq_ignore_ascii_case(ours))?;
    let is_attached = || {
        let found = connection.query(&product_analytics::find_read_only_view(name, schema, view))?;
        Ok::<_, Error>(!found.text_rows()?.is_empty())
    };
    is_attached().unwrap_or(true).then_some(name)
}

/// The database that PostgreSQL's catalogs are read from, if that is its name. It is ours before it is there (PW-41).
fn hidden(name: &str) -> Option<&'static str> {
    name.eq_ignore_ascii_case(postgres::DATABASE).then_some(postgres::DATABASE)
}

/// The database that a statement detaches, replaces or alters, and the name that it gives to one or would have stand for one.
fn moved(sql: &str) -> (Option<String>, Option<String>) {
    let tokens: Vec<Token<'_>> = lexer::tokens(sql).collect();
    let [first, rest @ ..] = &tokens[..] else { return (None, None) };
    let is_next = |keyword: &str| rest.first().is_some_and(|token| token.is_keyword(keyword));
    if first.is_keyword("detach") {
        (name_after(rest, &["database", "schema", "if", "exists"]), None)
    } else if first.is_keyword("alter") && is_next("database") {
        let alias = rest.iter().position(|token| token.is_keyword("to"));
        (name_after(&rest[1..], &["if", "exists"]), alias.and_then(|at| name_after(&rest[at + 1..], &[])))
    } else if first.is_keyword("attach") && is_next("or") {
        (attached(rest), None)
    } else if first.is_keyword("attach") {
        (None, attached(rest))
    } else if first.is_keyword("use") {
        (None, name_after(rest, &[]))
    } else {
        (None, None)
    }
}

/// The first name that is none of the keywords before it.
fn name_after(tokens: &[Token<'_>], keywords: &[&str]) -> Option<String> {
    let name = tokens.iter().find(|token| !keywords.iter().any(|keyword| token.is_keyword(keyword)));
    match name {
        Some(Token::Word { name, .. }) => Some(name.clone()),
        Some(Token::Text(text) | Token::Dollar(text)) => Some((*text).to_owned()),
        _ => None,
    }
}

/// What an ATTACH calls its database: the alias, else the name that DuckDB takes from the path.
fn attached(tokens: &[Token<'_>]) -> Option<String> {
    let alias = tokens.iter().position(|token| token.is_keyword("as"));
    if let Some(alias) = alias {
        return name_after(&tokens[alias + 1..], &[]);
    }
    let path = tokens.iter().find_map(|token| {
        if let Token::Text(path) | Token::Dollar(path) = token { Some(*path) } else { None }
    })?;
    let name = path.rsplit(['/', '\\', ':']).next().unwrap_or(path);
    Some(name.split('.').next().unwrap_or(name).to_owned())
}

/// What DuckDB would have said of a write to a table of a database of ours, if `sql`, whose planning failed with
/// `error`, writes to one of its views; else `error`.
pub(crate) fn rephrase(connection: &Connection, sql: &str, error: Error) -> Error {
    let tokens: Vec<_> = lexer::tokens(sql).collect();
    let Some((kind, target)) = write_target(&tokens) else { return error };
    match database_of_view(connection, &target) {
        Ok(Some(database)) => Error::new(
            error.kind(),
            format!(
                "Invalid Input Error: Cannot execute statement of type \"{kind}\" on database \"{database}\" which is attached in read-only mode!"
            ),
        ),
        // A transaction that is aborted tells nothing about names; then DuckDB's first error stands.
        Ok(None) | Err(_) => error,
    }
}

/// What a statement writes to, and DuckDB's name for its type. CTEs and options stand in parentheses, so that the
/// first verb outside of them is the statement's own.
fn write_target(tokens: &[Token<'_>]) -> Option<(&'static str, Vec<String>)> {
    const VERBS: &[(&str, &str, &[&str])] = &[
        ("insert", "INSERT", &["or", "replace", "ignore", "into"]),
        ("update", "UPDATE", &["or", "only"]),
        ("delete", "DELETE", &["from", "only"]),
        ("truncate", "DELETE", &["table"]),
        ("merge", "MERGE_INTO", &["into"]),
        ("copy", "COPY", &[]),
    ];
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ => {
                if let Some((_, kind, between)) = VERBS.iter().find(|(verb, ..)| token.is_keyword(verb)) {
                    let rest = tokens[at + 1..].iter();
                    let rest = rest.skip_while(|token| between.iter().any(|word| token.is_keyword(word)));
                    return Some((kind, dotted_name(rest)));
                }
            }
        }
    }
    None
}

fn dotted_name<'a>(mut tokens: impl Iterator<Item = &'a Token<'a>>) -> Vec<String> {
    let mut parts = Vec::new();
    while let Some(Token::Word { name, .. }) = tokens.next() {
        parts.push(name.clone());
        if tokens.next() != Some(&Token::Symbol('.')) {
            break;
        }
    }
    parts
}

/// The database of ours that has `name` as a view, looked up as DuckDB does from where the session stands.
fn database_of_view(connection: &Connection, name: &[String]) -> Result<Option<&'static str>> {
    let (catalog, schema) = lookup::current_target(connection)?;
    let (database, schema, view) = match name {
        [database, schema, view] => (ours(connection, database), schema.as_str(), view),
        [first, view] => match ours(connection, first) {
            Some(database) => (Some(database), sql::MAIN, view),
            None => (ours(connection, &catalog), first.as_str(), view),
        },
        [view] => (ours(connection, &catalog), schema.as_str(), view),
        _ => return Ok(None),
    };
    let Some(database) = database else { return Ok(None) };
    let found = connection.query(&product_analytics::find_view(database, schema, view))?.text_rows()?;
    Ok((!found.is_empty()).then_some(database))
}

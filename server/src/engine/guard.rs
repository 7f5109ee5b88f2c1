//! What no user's SQL may change: settings that belong to the instance or the host (LX-12).

use super::sql::lexer::{self, Token};
use crate::error::{Error, ErrorKind, Result};

/// Settings and functions that only the server sets.
const MANAGED: &[&str] = &[
    "enable_logging",
    "disable_logging",
    "truncate_duckdb_logs",
    "enable_profiling",
    "enable_profile",
    "disable_profiling",
    "profiling_output",
    "profile_output",
    "profiling_mode",
    "threads",
    "worker_threads",
    "external_threads",
    "memory_limit",
    "max_memory",
    "max_temp_directory_size",
    "lock_configuration",
    // What it lets through fits a thread's stack (LX-15).
    "max_expression_depth",
    // Parse a text by a grammar without a limit of depth; autocompletion checks it first.
    "sql_auto_complete",
    "check_peg_parser",
    "enable_peg_parser",
    "allow_parser_override_extension",
    "enable_external_access",
    "allowed_directories",
    "allowed_paths",
    "disabled_filesystems",
    "logging_level",
    "logging_mode",
    "logging_storage",
    "enabled_log_types",
    "disabled_log_types",
];

/// Table functions that change the instance, however they are called.
const MANAGED_FUNCTIONS: &[&str] = &[
    "enable_logging",
    "disable_logging",
    "truncate_duckdb_logs",
    "enable_profiling",
    "disable_profiling",
    "sql_auto_complete",
    "check_peg_parser",
    "enable_peg_parser",
    DESERIALIZER,
];

/// Runs SQL from a tree that no lexer reads.
const DESERIALIZER: &str = "json_execute_serialized_sql";

/// Runs SQL from a text, which has to stand there in plain for the server to read it first.
const QUERY: &str = "query";

/// Refuses a statement that would change a managed setting.
///
/// Settings change by SET, RESET, PRAGMA and, for logging, by
/// a table function; inside EXPLAIN, PREPARE or a macro it is the same text, so the words decide wherever they stand.
///
/// # Errors
/// Refused, with LX-12's text.
pub(super) fn check_text(sql: &str) -> Result<()> {
    if !mentions_managed(sql) {
        return Ok(());
    }
    let tokens: Vec<Token<'_>> = lexer::tokens(sql).collect();
    for (at, token) in tokens.iter().enumerate() {
        if let Token::Text(text) = token
            && mentions_managed(text)
        {
            // A text may be SQL for `query('…')`.
            check_functions(&lexer::tokens(text).collect::<Vec<_>>())?;
        }
        if ["set", "reset", "pragma"].iter().any(|keyword| token.is_keyword(keyword)) && begins(&tokens[..at])
        {
            check_setting(&tokens[at + 1..])?;
        }
    }
    check_functions(&tokens)
}

/// A quick test that lets nearly every statement pass without being split into tokens.
fn mentions_managed(sql: &str) -> bool {
    let lower = sql.to_ascii_lowercase();
    lower.contains("_directory")
        || lower.contains(QUERY)
        || lower.contains(DESERIALIZER)
        || MANAGED.iter().any(|name| lower.contains(name))
}

/// Whether a statement may begin behind these tokens: at the start, after `;`, or inside EXPLAIN and PREPARE. The SET
/// of an UPDATE stands behind its table, whose columns may have any name.
fn begins(before: &[Token<'_>]) -> bool {
    match before.last() {
        None | Some(Token::Symbol(';' | ')')) => true,
        Some(word) => ["as", "explain", "analyze", "verbose"].iter().any(|keyword| word.is_keyword(keyword)),
    }
}

/// The name after SET, RESET or PRAGMA, behind an optional scope.
fn check_setting(rest: &[Token<'_>]) -> Result<()> {
    let scope = |token: &&Token<'_>| ["global", "session", "local"].iter().any(|word| token.is_keyword(word));
    let name = rest.iter().find(|token| !scope(token));
    match name {
        Some(Token::Word { name, .. }) if is_managed(name) => Err(refused(name)),
        // `SET 'threads' = 1` is not SQL to DuckDB, but costs nothing to refuse.
        Some(Token::Text(name)) if is_managed(name) => Err(refused(name)),
        _ => Ok(()),
    }
}

fn check_functions(tokens: &[Token<'_>]) -> Result<()> {
    for at in 0..tokens.len() {
        let [name, Token::Symbol('('), rest @ ..] = &tokens[at..] else { continue };
        if name.is_name(QUERY) && !is_table(&tokens[..at]) && !is_plain_call(rest) {
            let message = "Permission Error: query() takes one plain text literal here, so that the server can check it";
            return Err(Error::new(ErrorKind::Refused, message));
        }
        if let Some(managed) = MANAGED_FUNCTIONS.iter().find(|managed| name.is_name(managed)) {
            return Err(refused(managed));
        }
    }
    Ok(())
}

/// Whether the name behind these tokens is that of a table with its columns, as in INSERT INTO and CREATE TABLE.
fn is_table(before: &[Token<'_>]) -> bool {
    let mut before = before;
    while let [rest @ .., Token::Word { .. }, Token::Symbol('.')] = before {
        before = rest;
    }
    let words = ["into", "table", "exists", "view", "references"];
    before.last().is_some_and(|word| words.iter().any(|keyword| word.is_keyword(keyword)))
}

/// Whether a call's argument is one text literal: `query` may also be a user's column or alias, with anything behind it
/// but a call.
fn is_plain_call(rest: &[Token<'_>]) -> bool {
    matches!(rest, [Token::Text(_), Token::Symbol(')'), ..])
}

fn is_managed(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with("_directory") || MANAGED.contains(&lower.as_str())
}

fn refused(name: &str) -> Error {
    let name = name.to_ascii_lowercase();
    Error::new(ErrorKind::Refused, format!("Permission Error: \"{name}\" is managed by the server"))
}

#[cfg(test)]
mod tests {
    use super::check_text;

    #[test]
    fn managed_settings_are_refused_in_every_spelling() {
        for sql in [
            "SET threads = 1",
            "set GLOBAL threads TO 1",
            "SET SESSION \"threads\" = 1",
            "RESET memory_limit",
            "RESET GLOBAL max_memory",
            "PRAGMA threads=4",
            "PRAGMA enable_profiling",
            "PRAGMA profiling_output = '/tmp/x'",
            "SET /* why */ temp_directory = '/tmp'",
            "SET secret_directory = '/tmp'",
            "SET lock_configuration = true",
            "CALL enable_logging()",
            "CALL enable_logging('QueryLog', storage = 'file')",
            "SELECT * FROM enable_logging ()",
            "SELECT * FROM \"enable_logging\"()",
            "FROM query('SELECT * FROM enable_logging()')",
            "CALL enable_profiling()",
            "FROM json_execute_serialized_sql('{}')",
            "CREATE MACRO m() AS TABLE SELECT * FROM enable_logging()",
            "SET enable_logging = true",
            "SELECT 1; SET threads = 1",
            "EXPLAIN ANALYZE SET threads = 1",
            "EXPLAIN (FORMAT json) PRAGMA threads = 1",
            "PREPARE p AS SET threads = 1",
            "SET disabled_filesystems = 'LocalFileSystem'",
        ] {
            let error = check_text(sql).expect_err(sql);
            assert!(error.message().starts_with("Permission Error: \""), "{sql}: {error}");
            assert!(error.message().ends_with("\" is managed by the server"), "{sql}: {error}");
        }
    }

    #[test]
    fn dynamic_sql_has_to_stand_in_plain() {
        for sql in [
            "FROM query('SELECT * FROM enable_' || 'logging()')",
            "FROM query(E'SELECT * FROM enable\\x5flogging()')",
            "FROM query(('SELECT 1'))",
            "CREATE MACRO m(x) AS TABLE FROM \"query\"(x)",
            "CREATE TABLE t AS FROM query('SELECT ' || '1')",
            "INSERT INTO t FROM system.main.query(getvariable('x'))",
            "SELECT * FROM t JOIN query(upper('x')) ON true",
            "PREPARE p AS FROM query($1)",
            "FROM query('SELECT * ' 'FROM x')",
        ] {
            let error = check_text(sql).expect_err(sql);
            assert!(error.message().contains("plain text literal"), "{sql}: {error}");
        }
    }

    #[test]
    fn other_statements_pass() {
        for sql in [
            "SET TimeZone = 'Europe/Paris'",
            "SET search_path = 'main'",
            "SET VARIABLE threads_wanted = 1",
            "SELECT threads FROM t",
            "SELECT current_setting('threads')",
            "INSERT INTO settings VALUES ('memory_limit')",
            "UPDATE t SET x = 1 WHERE name = 'threads'",
            "SELECT 'enable_logging'",
            "FROM query('SELECT 1')",
            "SELECT query FROM log",
            "CREATE TABLE IF NOT EXISTS query(id INTEGER)",
            "CREATE TABLE main.\"query\" (id INTEGER)",
            "INSERT INTO memory.main.query(id) VALUES (1)",
            "UPDATE t SET threads = 2",
            "UPDATE t AS x SET memory_limit = 2, threads = 1",
            "INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET home_directory = 'x'",
            "MERGE INTO t USING s ON true WHEN MATCHED THEN UPDATE SET threads = 1",
            "ALTER TABLE t ALTER threads SET DEFAULT 1",
            "WITH query AS (SELECT 1) FROM query",
        ] {
            check_text(sql).expect(sql);
        }
    }
}

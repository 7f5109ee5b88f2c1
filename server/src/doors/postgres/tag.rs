//! The tag of a command that is complete (PW-20).

use duck::types::LogicalType;
use engine::lexer::{self, Token};
use engine::{Returns, StatementKind};

pub(super) const LOCK: &str = "LOCK TABLE";
pub(super) const DECLARE: &str = "DECLARE CURSOR";
pub(super) const COPY: &str = "COPY";
pub(super) const BEGIN: &str = "BEGIN";
pub(super) const COMMIT: &str = "COMMIT";
pub(super) const ROLLBACK: &str = "ROLLBACK";

/// The tag of so many rows that were read.
pub(super) fn selected(rows: u64) -> String {
    format!("SELECT {rows}")
}

/// The tag of so many rows that were copied.
pub(super) fn copied(rows: u64) -> String {
    format!("{COPY} {rows}")
}

/// The tag of so many rows that a cursor gave.
pub(super) fn fetched(rows: u64) -> String {
    format!("FETCH {rows}")
}

/// The tag of so many rows that a cursor left out.
pub(super) fn moved(rows: u64) -> String {
    format!("MOVE {rows}")
}

/// The tag of a statement of this kind, which gave or changed so many rows.
pub(super) fn tag(sql: &str, kind: StatementKind, returns: Returns, rows: u64) -> String {
    use StatementKind as Kind;
    match kind {
        Kind::Select => selected(rows),
        Kind::Insert => format!("INSERT 0 {rows}"),
        Kind::Update => format!("UPDATE {rows}"),
        Kind::Delete if is_truncate(sql) => "TRUNCATE TABLE".to_owned(),
        Kind::Delete => format!("DELETE {rows}"),
        Kind::Merge => format!("MERGE {rows}"),
        Kind::Copy => copied(rows),
        Kind::Create if returns == Returns::Count || makes_table_of_query(sql) => selected(rows),
        _ => words(sql),
    }
}

/// Whether a statement of this kind may give DuckDB's `Count` of rows that it made.
pub(super) fn counts(kind: StatementKind, columns: &[duck::types::Column]) -> bool {
    let is_count = matches!(columns, [column] if column.name == "Count" && column.ty == LogicalType::BigInt);
    is_count && !matches!(kind, StatementKind::Select | StatementKind::Explain)
}

fn is_truncate(sql: &str) -> bool {
    lexer::tokens(sql).next().is_some_and(|first| first.is_keyword("truncate"))
}

/// Whether a statement is CREATE TABLE … AS: behind the name of the table comes AS, after its columns at most.
fn makes_table_of_query(sql: &str) -> bool {
    let mut tokens = lexer::tokens(sql).skip_while(|token| !token.is_keyword("table")).skip(1).peekable();
    let mut depth = 0_usize;
    if tokens.peek().is_none() || words(sql) != "CREATE TABLE" {
        return false;
    }
    tokens.any(|token| {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.is_keyword("as")
    })
}

/// The words by which PostgreSQL names a statement: its verb, and for those that make, change or drop something, what. Those
/// that DuckDB alone has get their first word.
pub(super) fn words(sql: &str) -> String {
    let mut keywords = lexer::tokens(sql).map_while(|token| match token {
        Token::Word { name, quoted: false } => Some(name.to_ascii_uppercase()),
        _ => None,
    });
    let Some(verb) = keywords.next() else { return String::new() };
    if !["CREATE", "ALTER", "DROP"].contains(&verb.as_str()) {
        return verb;
    }
    let beside =
        ["OR", "REPLACE", "TEMP", "TEMPORARY", "PERSISTENT", "UNIQUE", "LOCAL", "GLOBAL", "RECURSIVE"];
    match keywords.find(|word| !beside.contains(&word.as_str())) {
        Some(what) => format!("{verb} {what}"),
        None => verb,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("create or replace temp table t (a int)", "CREATE TABLE")]
    #[case("CREATE UNIQUE INDEX i ON t (a)", "CREATE INDEX")]
    #[case("DROP VIEW IF EXISTS v", "DROP VIEW")]
    #[case("ALTER TABLE t ADD COLUMN b INT", "ALTER TABLE")]
    #[case("CREATE SCHEMA s", "CREATE SCHEMA")]
    #[case("ATTACH ':memory:' AS x", "ATTACH")]
    #[case("EXPLAIN SELECT 1", "EXPLAIN")]
    fn statements_are_named_by_their_words(#[case] sql: &str, #[case] expected: &str) {
        assert_eq!(words(sql), expected);
    }

    #[rstest]
    #[case("CREATE TABLE t AS SELECT 1", true)]
    #[case("create temp table if not exists s.\"t\" (a) as from x", true)]
    #[case("CREATE TABLE t (a INT CHECK (a > 0), b INT GENERATED ALWAYS AS (a))", false)]
    #[case("CREATE VIEW v AS SELECT 1", false)]
    fn tables_made_of_queries_are_known(#[case] sql: &str, #[case] expected: bool) {
        assert_eq!(makes_table_of_query(sql), expected);
    }
}

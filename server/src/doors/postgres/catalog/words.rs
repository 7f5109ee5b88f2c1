//! By which names a statement is known to be about PostgreSQL's catalogs (PW-37).

use engine::lexer::{self, Token};
use engine::postgres_catalogs::{CATALOG, known};

/// Types whose values are names of objects.
pub(super) const OBJECT_TYPES: [&str; 11] = [
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
];

/// Functions that DuckDB has as well, with another meaning or under another name in the answer, and those that the door itself
/// answers. Of those that DuckDB has not, a call means PostgreSQL's; of these too.
const SHARED: &[&str] = &["current_setting", "pg_backend_pid", "set_config"];

/// Functions that are known to PostgreSQL's statements, but by which no statement is known: DuckDB has them too.
const DUCKDBS: &[&str] = &["cardinality", "txid_current"];

/// What any such statement has somewhere in it: a quick test before its tokens are looked at.
const HINTS: &[&str] = &[
    "pg_",
    "information_schema",
    "reg",
    "version",
    "current_",
    "session_user",
    "set_config",
    "_description",
    "_privilege",
    "format_type",
    "inet_",
    "getdatabaseencoding",
    "txid",
    "quote_",
];

/// Whether a statement names any of PostgreSQL's catalogs, a type of names of objects, or a function of PostgreSQL's.
pub(super) fn is_about_catalogs(sql: &str) -> bool {
    if !lexer::mentions(sql, HINTS) {
        return false;
    }
    let tokens: Vec<Token<'_>> = lexer::tokens(sql).collect();
    if tokens.first().is_some_and(|first| ["set", "reset", "use"].iter().any(|word| first.is_keyword(word))) {
        return false;
    }
    (0..tokens.len()).any(|at| is_catalog_word(&tokens, at))
}

fn is_catalog_word(tokens: &[Token<'_>], at: usize) -> bool {
    let Token::Word { name, quoted } = &tokens[at] else { return false };
    let name = if *quoted { name.clone() } else { name.to_ascii_lowercase() };
    let symbol = |at: Option<usize>, wanted: char| {
        at.and_then(|at| tokens.get(at)).is_some_and(|token| *token == Token::Symbol(wanted))
    };
    let (before, after) = (at.checked_sub(1), Some(at + 1));
    if matches!(name.as_str(), "pg_catalog" | "information_schema") {
        return symbol(after, '.');
    }
    // A name behind a point belongs to what is before the point.
    if symbol(before, '.') {
        return false;
    }
    if OBJECT_TYPES.contains(&name.as_str()) {
        return symbol(before, ':') || before.is_some_and(|before| tokens[before].is_keyword("as"));
    }
    if symbol(after, '(') {
        let is_known = known().function(&name).is_some() && !DUCKDBS.contains(&name.as_str());
        return is_known || SHARED.contains(&name.as_str());
    }
    !quoted && matches!(name.as_str(), "current_user" | "session_user" | "current_catalog")
        || name.starts_with("pg_") && known().relation(CATALOG, &name).is_some()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("SELECT * FROM pg_class", true)]
    #[case("SELECT * FROM \"pg_catalog\".\"pg_class\"", true)]
    #[case("SELECT * FROM information_schema.tables", true)]
    #[case("SELECT version()", true)]
    #[case("SELECT 'a'::regclass", true)]
    #[case("SELECT CAST('a' AS REGTYPE)", true)]
    #[case("SELECT current_setting('TimeZone')", true)]
    #[case("SELECT pg_backend_pid()", true)]
    #[case("SELECT 'pg_class', $$information_schema.tables$$ -- pg_type", false)]
    #[case("SELECT cardinality(MAP {})", false)]
    #[case("SELECT version FROM t", false)]
    #[case("SELECT pg_class_of_mine FROM t", false)]
    #[case("SELECT mine.pg_class FROM mine", false)]
    #[case("SELECT regclass FROM t", false)]
    #[case("SET search_path = pg_catalog", false)]
    fn statements_are_known_by_their_names(#[case] sql: &str, #[case] expected: bool) {
        assert_eq!(is_about_catalogs(sql), expected, "{sql}");
    }
}

//! SQL text is written in the engine's sql only, and names enter it only through types that quote them.

use crate::source::Source;
use crate::token::Kind;
use crate::{Finding, Rule};

/// How the SQL texts begin that a server has reason to write.
const BEGINNINGS: [&str; 29] = [
    "ALTER ",
    "ANALYZE ",
    "ATTACH ",
    "BEGIN ",
    "CALL ",
    "CHECKPOINT",
    "COPY ",
    "CREATE ",
    "DELETE FROM ",
    "DESCRIBE ",
    "DETACH ",
    "DROP ",
    "EXPLAIN ",
    "FROM ",
    "INSERT INTO ",
    "INSERT OR ",
    "INSTALL ",
    "LOAD ",
    "MERGE INTO ",
    "PRAGMA ",
    "RESET ",
    "SELECT ",
    "SET ",
    "SHOW ",
    "TRUNCATE ",
    "UPDATE ",
    "USE ",
    "VALUES ",
    "WITH ",
];

/// Whole statements of one word.
const STATEMENTS: [&str; 3] = ["BEGIN", "COMMIT", "ROLLBACK"];

/// Messages that the contract words like SQL (LQ-11).
const MESSAGES: [&str; 1] = ["SET schema: No catalog"];

pub(crate) const PLACE: Rule = Rule {
    name: "SQL outside the engine's sql",
    why: "with every SQL text in one place, quoting and injection can be judged by reading one folder",
    fix: "give it a function in the engine's sql that takes Identifier, TableRef or typed values",
    find: |source| {
        // The tags of the PostgreSQL protocol begin as the statements do that they name.
        let is_of_tags = source.is_in("server", &["doors", "postgres", "tag"]);
        if !source.is_of_server() || source.is_in("server/engine", &["sql"]) || is_of_tags {
            return Vec::new();
        }
        sql_literals(source)
    },
};

pub(crate) const QUOTING: Rule = Rule {
    name: "SQL quoted by hand",
    why: "a quote inside the name or the value would end the quotation: this is how SQL is injected",
    fix: "interpolate an Identifier, a TableRef or a Literal, whose Display quotes; leave the quotes out of the text",
    find: |source| {
        let quotes_a_hole = |text: &str| text.contains("\"{") || text.contains("'{");
        let mut found = sql_literals(source);
        found.retain(|finding| source.is_of_server() && quotes_a_hole(&finding.what));
        found
    },
};

/// The string literals outside tests and attributes that read like SQL.
fn sql_literals(source: &Source) -> Vec<Finding> {
    let tokens = source.tokens.iter().filter(|token| !token.in_test && !token.in_attribute);
    let literals = tokens.filter_map(|token| match &token.kind {
        Kind::Literal(text) => Some((token.line, unquote(text)?)),
        _ => None,
    });
    literals.filter(|(_, text)| is_sql(text)).map(|(line, text)| Finding::new(line, text)).collect()
}

fn is_sql(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(' || c == '\\');
    let text = text.strip_prefix("n ").unwrap_or(text);
    let message = MESSAGES.iter().any(|message| text.starts_with(message));
    !message && (STATEMENTS.contains(&text) || BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)))
}

/// The inside of a string literal, with its escaped quotes plain.
fn unquote(literal: &str) -> Option<String> {
    let inside = literal.trim_start_matches(['b', 'c', 'r', '#']).trim_end_matches('#');
    Some(inside.strip_prefix('"')?.strip_suffix('"')?.replace("\\\"", "\"").replace("\\n", "\n"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::rules::faults;

    const SESSION: &str = "server/engine/src/session.rs";
    const SQL: &str = "server/engine/src/sql/catalog.rs";

    #[rstest]
    #[case::constant(PLACE, SESSION, r#"const S: &str = "SELECT 1";"#)]
    #[case::formatted(PLACE, SESSION, r#"fn f(n: &str) { format!("CREATE TABLE {n} (i INT)"); }"#)]
    #[case::raw(PLACE, SESSION, r##"const S: &str = r#"INSERT INTO t VALUES (1)"#;"##)]
    #[case::indented(PLACE, SESSION, r#"const S: &str = "\n    SELECT 1";"#)]
    #[case::one_word(PLACE, SESSION, r#"fn f() { run("COMMIT"); }"#)]
    #[case::in_the_wrapper(PLACE, "server/duck/src/statement.rs", r#"const S: &str = "SELECT 1";"#)]
    #[case::in_a_protocol(PLACE, "server/src/doors/lakehouse/query.rs", r#"const S: &str = "USE x";"#)]
    #[case::quoted_name(QUOTING, SQL, r#"fn f(n: &str) { format!("USE \"{n}\""); }"#)]
    #[case::quoted_value(QUOTING, SQL, r#"fn f(n: &str) { format!("SET TimeZone = '{n}'"); }"#)]
    fn sql_out_of_place_is_found(#[case] rule: Rule, #[case] path: &str, #[case] text: &str) {
        assert_eq!(faults(&rule, path, text), [1]);
    }

    #[rstest]
    #[case::in_its_place(PLACE, SQL, r#"const S: &str = "SELECT 1";"#)]
    #[case::in_docs(PLACE, SESSION, "/// SELECT 1 is a statement.\nfn f() {}")]
    #[case::in_an_example(PLACE, SESSION, r#"#[schema(example = "SELECT 1")] struct S;"#)]
    #[case::in_tests(PLACE, SESSION, r#"#[cfg(test)] mod tests { const S: &str = "SELECT 1"; }"#)]
    #[case::a_message(PLACE, SESSION, r#"const S: &str = "SET schema: No catalog + schema named";"#)]
    #[case::a_word(PLACE, SESSION, r#"const S: &str = "SELECT";"#)]
    #[case::typed_name(QUOTING, SQL, r#"fn f(n: &Identifier) { format!("USE {n}"); }"#)]
    #[case::fixed_text(QUOTING, SQL, r#"const S: &str = "SET TimeZone = 'Etc/UTC'";"#)]
    fn other_text_is_left_alone(#[case] rule: Rule, #[case] path: &str, #[case] text: &str) {
        assert_eq!(faults(&rule, path, text), [0; 0]);
    }
}

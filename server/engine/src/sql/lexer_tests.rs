//! Where tokens and statements begin and end.

use rstest::rstest;

use super::*;

#[test]
fn statements_are_counted_as_a_reader_would() {
    for (sql, count) in [
        ("", 0),
        (" ; ;; -- nothing\n", 0),
        ("SELECT 1", 1),
        ("SELECT 1; -- done", 1),
        ("SELECT 1; SELECT 2", 2),
        ("SELECT ';'; /* ; /* ; */ ; */", 1),
        ("SELECT $$ ; $$, $tag$ ; $$ ; $tag$", 1),
        (r"SELECT E'\'; ', 'it''s;'", 1),
        ("SELECT \"a;\"\"b;\" FROM t; SELECT $1", 2),
        ("SELECT 'é;ü' ; SELECT 'ü", 2),
        ("SELECT 1 /* open ; ", 1),
    ] {
        assert_eq!(count_statements(sql), count, "{sql}");
    }
}

#[test]
fn statements_lose_nothing_of_their_text() {
    let text = "\n;; SELECT ';' ;\n/* ; */SELECT 2; -- x;\n ;SELECT 3 -- y;";
    let found = statements(text);
    assert_eq!(found, [(3, " SELECT ';' ;"), (16, "\n/* ; */SELECT 2;"), (42, "SELECT 3 -- y;")]);
    assert!(found.iter().all(|(begin, statement)| text[*begin..].starts_with(statement)));
}

#[test]
fn parameters_are_named_as_duckdb_names_them() {
    let named = parameters("SELECT $a, $B, '$c', $$d$$, ?, $1 -- ?\n, ?, ?7");
    assert_eq!(named, ["a", "b", "1", "1", "2", "7"]);
}

#[test]
fn numbers_without_gaps_are_left_alone() {
    assert_eq!(without_gaps("SELECT $2, $1, '$9'"), None);
    assert_eq!(without_gaps("SELECT $a, ?"), None);
    let (text, given) = without_gaps("SELECT $12 + $3, '$3', $12").unwrap();
    assert_eq!((&*text, given), ("SELECT $2 + $1, '$3', $2", vec!["3".to_owned(), "12".to_owned()]));
}

#[test]
fn the_first_statement_stands_alone() {
    for (sql, first) in [
        ("", ""),
        ("SELECT 1", "SELECT 1"),
        (" ;; SELECT ';' /* ; */; -- x", " SELECT ';'"),
        ("SELECT 1 -- x;", "SELECT 1 -- x;"),
    ] {
        assert_eq!(first_statement(sql), first, "{sql}");
    }
}

#[rstest]
#[case("INSERT INTO t VALUES (1, 'a'), ($1, ?), (-1.5e3, NULL), (TRUE, default)", true)]
#[case("/* x */ insert or replace into \"values\".t (a, b) values ($a, $b);", true)]
#[case("INSERT INTO t VALUES (now())", false)]
#[case("INSERT INTO t VALUES (getvariable('x'))", false)]
#[case("INSERT INTO t VALUES ((SELECT max(a) FROM t))", false)]
#[case("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", false)]
#[case("INSERT INTO t SELECT 1", false)]
#[case("INSERT INTO t DEFAULT VALUES", true)]
#[case("UPDATE t SET a = 1", false)]
#[case("VALUES (1)", false)]
#[case("", false)]
fn inserted_values_are_plain_or_not(#[case] sql: &str, #[case] plain: bool) {
    assert_eq!(inserts_plain_values(sql), plain);
}

#[test]
fn tokens_tell_quoted_names_from_keywords() {
    let all: Vec<_> = tokens("SET \"Thr\"\"eads\" = 4.5e3, $1").collect();
    assert!(all[0].is_keyword("set"));
    assert_eq!(all[1], Token::Word { name: "Thr\"eads".to_owned(), quoted: true });
    assert!(!all[1].is_keyword("Thr\"eads"));
    assert_eq!(all[3], Token::Number("4.5e3"));
    assert_eq!(all[5], Token::Number("$1"));
}

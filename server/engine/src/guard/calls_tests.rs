//! What is taken for a call, and what is not (LX-12).

use super::{MANAGED, check};
use duck::{Database, Workers};

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
        "FROM a: enable_logging()",
        "SELECT 1 AS as FROM t, enable_logging()",
        "FROM s.select, enable_logging()",
        "FROM t AS where, enable_logging()",
        "FROM a JOIN b ON (a.x = b.x), enable_logging()",
        "FROM a JOIN b USING (k), enable_logging()",
        "FROM (enable_logging() JOIN t ON true)",
        "FROM t WITH ORDINALITY, enable_logging()",
        "SELECT 1 AS from, 2 FROM (SELECT 3 ORDER BY 1), enable_logging()",
        "SELECT (SELECT count(*) FROM t, enable_logging())",
        "DELETE FROM t USING u, enable_logging()",
        "MERGE INTO t USING enable_logging() ON true WHEN MATCHED THEN DELETE",
        "PIVOT enable_logging() ON a",
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

#[test]
fn names_are_no_calls_where_no_table_stands() {
    for sql in [
        "FROM log query(b)",
        "FROM log AS query(b), \"log\" enable_logging (c)",
        "SELECT * FROM (SELECT 1) query(a), (VALUES (2)) enable_logging(b)",
        "FROM range(1) query(a) JOIN range(2) enable_logging(b) ON a = b",
        "WITH a AS (SELECT 1), query(b) AS MATERIALIZED (SELECT 2) FROM query",
        "WITH a AS (SELECT 1), query(b) AS NOT MATERIALIZED (SELECT 2), enable_logging(c) AS (VALUES (1)) FROM query",
        "SELECT 1::query(3), query(1), 'a' || enable_logging(2) FROM t",
        "SELECT * FROM b WHERE query(a) = 1 GROUP BY query(b), enable_logging(c) HAVING query(d) ORDER BY 1, query(e)",
        "SELECT [1, query(2)], {'a': 1, b: query(2)}, f(1, query(2)), a[1:query(2)]",
        "INSERT INTO query(a) VALUES (query(1), query(2))",
        "CREATE TABLE enable_logging(a INT, CHECK (query(a)), FOREIGN KEY (a) REFERENCES query(a))",
        "UPDATE t SET a = query(1), b = query(2) WHERE enable_logging(a)",
        "CREATE MACRO query(a) AS a + 1",
        "CREATE INDEX i ON query(a)",
        "EXECUTE query(1)",
        "SELECT 'FROM enable_logging()', \"FROM enable_logging()\", e'FROM query(x)' -- FROM query(x)",
    ] {
        check(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

#[test]
fn many_names_are_read_in_time() {
    let sql = format!("SELECT {}1", "query(1), ".repeat(30_000));
    let begun = std::time::Instant::now();
    check(&sql).unwrap();
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}

/// Wherever DuckDB takes a name for a table function, it is taken for a call, whatever keyword stands beside it.
#[test]
fn duckdb_calls_nothing_that_passes() {
    let database = Database::open_in_memory(&Vec::new(), 1, &Workers::new(0)).unwrap();
    let connection = database.connect().unwrap();
    connection.run("CREATE TABLE t (range INTEGER)").unwrap();
    let words = connection.query("SELECT keyword_name FROM duckdb_keywords()").unwrap().text_rows().unwrap();
    let words = words.into_iter().flatten().flatten();
    let words = words.chain(["", ",", "(", "=", "+", "::", ":", ".", "t.", "t:", "AS t"].map(str::to_owned));
    // As the columns of an alias, this would be no call.
    let call = "enable_logging(storage = 'memory')";
    for word in words {
        for sql in [
            format!("{word} {call}"),
            format!("SELECT * {word} {call}"),
            format!("SELECT 1 {word} {call} x"),
            format!("FROM t {word} {call}"),
            format!("FROM t, {word} {call}"),
            format!("FROM {word}, {call}"),
            format!("FROM t AS {word}, {call}"),
            format!("FROM t {word}, {call}"),
            format!("FROM main.{word}, {call}"),
            format!("SELECT range AS {word} FROM t, {call}"),
            format!("SELECT t.{word} FROM t, {call}"),
            format!("FROM (t {word} {call})"),
            format!("FROM ({word} {call})"),
            format!("FROM {word} ({call})"),
            format!("FROM t {word} ({call})"),
            format!("FROM t a JOIN t b ON (a.range = b.range) {word} {call}"),
            format!("FROM t a JOIN t b ON a.{word} = 1, {call}"),
            format!("FROM t WHERE range IN ({word} {call})"),
            format!("SELECT 1 {word} (FROM t, {call})"),
            format!("DELETE FROM t {word} {call}"),
            format!("UPDATE t SET range = 1 {word} {call}"),
            format!("INSERT INTO t {word} {call}"),
            format!("WITH {word} AS (FROM {call}) FROM t"),
            format!("WITH {word} AS (SELECT 1) FROM t, {call}"),
        ] {
            let planned = connection.extract(&sql).and_then(|extracted| extracted.prepare(&connection, 0));
            if planned.is_ok() {
                assert!(check(&sql).is_err(), "passes: {sql}");
            }
        }
    }
    assert!(MANAGED.contains(&"enable_logging"));
}

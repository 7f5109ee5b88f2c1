//! Copies, held against what they are copies of.

use std::sync::Arc;

use rstest::rstest;

use super::*;
use crate::blocking;
use crate::config::EngineConfig;

fn pool() -> Arc<InstancePool> {
    InstancePool::new(Arc::new(EngineConfig::default()))
}

/// What DuckDB tells of a database, and the rows of its tables.
fn told(instance: &Instance, thread: &MayBlock) -> Vec<String> {
    let connection = instance.connect(thread).unwrap();
    let rows = |sql: &str| connection.query(sql).unwrap().text_rows().unwrap();
    let mut told = Vec::new();
    for list in
        [text::CATALOGS, text::SCHEMAS, text::TYPES, text::TABLES, text::COLUMNS, text::VIEWS, text::INDEXES]
    {
        told.extend(rows(list).into_iter().map(|row| format!("{row:?}")));
    }
    let sequences = rows(text::SEQUENCES).into_iter().map(|mut row| {
        row.remove(4);
        format!("{row:?}")
    });
    told.extend(sequences);
    told.extend(rows(text::MACROS).into_iter().map(|row| format!("{:?}", &row[1..])));
    for table in rows(text::TABLES) {
        let name = |at: usize| sql::Identifier(table[at].as_deref().unwrap()).to_string();
        let from = format!("{}.{}.{}", name(0), name(1), name(2));
        let text = format!("SELECT t::VARCHAR FROM {from} AS t");
        told.extend(rows(&text).into_iter().map(|row| format!("{from}: {row:?}")));
    }
    let constraints = "SELECT database_name, table_name, constraint_text FROM duckdb_constraints()";
    told.extend(rows(constraints).into_iter().map(|row| format!("{row:?}")));
    told.sort();
    told
}

/// Runs statements in a new database, copies it, and holds the copy against it.
async fn check(statements: &[&str], left_out: &[&str]) -> Arc<Instance> {
    let statements: Vec<String> = statements.iter().map(ToString::to_string).collect();
    let left_out: Vec<String> = left_out.iter().map(ToString::to_string).collect();
    let copied = blocking::run(move |thread| {
        let pool = pool();
        let source = pool.take()?;
        let connection = source.connect(thread)?;
        source.note_macros();
        for statement in &statements {
            connection.run(statement)?;
        }
        let (copy, lacks) = copied(&source, None, &pool, thread)?;
        let lacks: Vec<_> = lacks.left_out.into_iter().map(|lack| lack.what).collect();
        assert_eq!(lacks, left_out);
        if left_out.is_empty() {
            assert_eq!(told(&copy, thread), told(&source, thread));
        }
        Ok(copy)
    });
    copied.await.unwrap()
}

/// The one text of a query in a database.
async fn one(instance: &Arc<Instance>, sql: &'static str) -> String {
    let instance = Arc::clone(instance);
    let told = blocking::run(move |thread| {
        let rows = instance.connect(thread)?.query(sql)?.text_rows()?;
        Ok(rows.into_iter().flatten().flatten().next().unwrap_or_default())
    });
    told.await.unwrap()
}

#[rstest]
#[case::nothing(&[])]
#[case::keys_in_any_order(&[
    "CREATE TABLE z (id INTEGER PRIMARY KEY, u VARCHAR UNIQUE, CHECK (id > 0))",
    "CREATE TABLE a (z INTEGER REFERENCES z(id), n INTEGER NOT NULL DEFAULT 7)",
    "INSERT INTO z VALUES (1, 'x'), (2, NULL)",
    "INSERT INTO a VALUES (2, 1), (NULL, 2)",
])]
#[case::keys_between_odd_names(&[
    "CREATE SCHEMA \"s \"\"1\"",
    "CREATE TABLE \"s \"\"1\".\"select\" (\"a b\" INTEGER, c INTEGER, PRIMARY KEY (\"a b\", c))",
    "CREATE TABLE \"s \"\"1\".\"b c\" (x INTEGER, \"y y\" INTEGER, FOREIGN KEY (x, \"y y\") REFERENCES \"s \"\"1\".\"select\" (\"a b\", c))",
    "INSERT INTO \"s \"\"1\".\"select\" VALUES (1, 2)",
    "INSERT INTO \"s \"\"1\".\"b c\" VALUES (1, 2)",
])]
#[case::a_table_that_refers_to_itself(&[
    "CREATE TABLE t (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES t(id))",
    "INSERT INTO t VALUES (3, NULL)", "INSERT INTO t VALUES (1, 3)", "INSERT INTO t VALUES (2, 1)",
])]
#[case::a_table_that_refers_to_itself_and_has_columns_named_as_those_of_the_server(&[
    "CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER REFERENCES t(id), rowid INTEGER, place INTEGER)",
    "INSERT INTO t VALUES (1, NULL, NULL, 7)",
    "INSERT INTO t VALUES (2, 1, NULL, 7)",
    "INSERT INTO t VALUES (3, 2, 1, 7)",
])]
#[case::keys_whose_text_stands_in_conditions(&[
    "CREATE TABLE p (id INTEGER PRIMARY KEY)",
    "CREATE TABLE c (a INTEGER REFERENCES p(id), s VARCHAR, CHECK (s <> 'FOREIGN KEY (a) REFERENCES p(id)'))",
    "CREATE TABLE d (id INTEGER PRIMARY KEY, p INTEGER REFERENCES d(id), s VARCHAR, CHECK (s <> ', , '))",
    "CREATE TABLE \"it's\" (id INTEGER PRIMARY KEY)",
    "CREATE TABLE e (a INTEGER REFERENCES \"it's\"(id), b INTEGER REFERENCES p(id), s VARCHAR, CHECK (s <> 'x'))",
])]
#[case::types_within_types(&[
    "CREATE TYPE mood AS ENUM ('sad', 'it''s', 'a\"b', '')",
    "CREATE TYPE a_list AS STRUCT(m mood, \"x y\" INTEGER)[]",
    "CREATE TABLE t (m mood, l a_list, n DECIMAL(12, 3))",
    "INSERT INTO t VALUES ('it''s', [{m: 'sad', \"x y\": 1}], 1.5), (NULL, NULL, NULL)",
    "COMMENT ON TYPE mood IS 'it''s'",
])]
#[case::every_type(&[
    "CREATE TABLE t (v VARIANT, g GEOMETRY, u UNION(i INTEGER, s VARCHAR), m MAP(VARCHAR, INTEGER[]), a INTEGER[3],
     b BLOB, bi BIT, tz TIMETZ, hg UHUGEINT, iv INTERVAL, j JSON, uu UUID, ns TIMESTAMP_NS, bn BIGNUM, t TIMESTAMPTZ)",
    "INSERT INTO t VALUES ('{\"a\":[1]}'::JSON::VARIANT, 'POINT(1 2)'::GEOMETRY, 'x', MAP {'a': [1, NULL]}, [1, 2, 3],
     '\\xAA'::BLOB, '101', '10:00:00+02', 340282366920938463463374607431768211455, INTERVAL '1 day 1 us', '{\"a\": 1}',
     '00000000-0000-0000-0000-00000000000a', '2024-01-01 00:00:00.123456789', 12345678901234567890123456789012345678901,
     '2024-01-01 00:00:00+02')",
    "INSERT INTO t (a) VALUES (NULL)",
])]
#[case::macros(&[
    "CREATE MACRO one(a) AS a + 1",
    "CREATE MACRO two(a INTEGER) AS one(a) + 1, (a, \"b c\") AS a + \"b c\"",
    "CREATE TABLE t (x INTEGER DEFAULT two(1), y INTEGER CHECK (one(y) > 0), z INTEGER GENERATED ALWAYS AS (one(x)))",
    "INSERT INTO t (y) VALUES (5)",
    "CREATE MACRO rows(a) AS TABLE SELECT * FROM t WHERE x > a",
    "CREATE VIEW v AS FROM t", "CREATE MACRO of_view() AS TABLE FROM v",
    "COMMENT ON MACRO one IS 'c'", "COMMENT ON MACRO TABLE rows IS 'd'",
])]
#[case::macros_named_as_functions(&[
    "CREATE MACRO duckdb_tables() AS TABLE SELECT 1 AS a", "CREATE MACRO nextval(a) AS 5",
    "CREATE MACRO altertable_mock_stream(a) AS TABLE SELECT 1 AS a",
    "CREATE SEQUENCE q START 3", "CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (1)",
    "SELECT system.main.nextval('q')",
])]
#[case::views_on_views(&[
    "CREATE TABLE z (a INTEGER)", "CREATE VIEW y AS FROM z", "CREATE VIEW x (b, \"c d\") AS SELECT a, a + 1 FROM y",
    "CREATE OR REPLACE VIEW y AS SELECT a FROM z WHERE a > 1", "CREATE SCHEMA s", "CREATE TABLE s.there (a INTEGER)",
    "USE memory.s", "CREATE VIEW memory.main.near AS FROM there", "USE memory.main",
    "COMMENT ON VIEW x IS 'c'", "COMMENT ON COLUMN y.a IS 'd'",
])]
#[case::several_catalogs(&[
    "ATTACH ':memory:' AS \"o \"\"ther\"", "CREATE TABLE \"o \"\"ther\".main.t (a INTEGER)", "CREATE TABLE t (a INTEGER)",
    "INSERT INTO \"o \"\"ther\".main.t VALUES (1)", "INSERT INTO t VALUES (2)", "ATTACH ':memory:' AS \"select\"",
    "CREATE SCHEMA \"select\".empty", "CREATE VIEW v AS FROM \"o \"\"ther\".main.t", "CREATE SCHEMA t",
    "CREATE TABLE \"select\".empty.\"t.t\" (a INTEGER)", "CREATE INDEX i ON \"select\".empty.\"t.t\" (a)",
])]
#[case::indexes_and_comments(&[
    "CREATE TABLE \"t (\" (a INTEGER, \"b b\" VARCHAR COLLATE NOCASE)", "CREATE INDEX \"i i\" ON \"t (\" (a, (a + 1))",
    "CREATE UNIQUE INDEX u ON \"t (\" (\"b b\")", "INSERT INTO \"t (\" SELECT i, i::VARCHAR FROM range(5000) r(i)",
    "COMMENT ON INDEX u IS 'i'", "COMMENT ON TABLE \"t (\" IS 't''t'", "COMMENT ON COLUMN \"t (\".a IS 'c'",
])]
#[case::altered_tables(&[
    "CREATE TABLE t (a INTEGER, b INTEGER)", "INSERT INTO t VALUES (1, 2)", "ALTER TABLE t DROP a",
    "ALTER TABLE t ADD COLUMN c INTEGER DEFAULT 4", "ALTER TABLE t RENAME b TO d", "DELETE FROM t", "INSERT INTO t VALUES (8, 9)",
])]
#[case::views_of_what_was_tracked(&["CREATE VIEW v AS SELECT event FROM product_analytics.main.events"])]
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_told_as_its_original(#[case] statements: &[&str]) {
    check(statements, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_go_on_where_they_were() {
    let copy = check(
        &[
            "CREATE SEQUENCE used START 5 INCREMENT 3",
            "SELECT nextval('used')",
            "SELECT nextval('used')",
            "CREATE SEQUENCE unused START 9",
            "CREATE SEQUENCE down INCREMENT -1 MINVALUE 1 MAXVALUE 9",
            "SELECT nextval('down')",
            "CREATE SEQUENCE over MAXVALUE 2",
            "SELECT nextval('over')",
            "SELECT nextval('over')",
            "COMMENT ON SEQUENCE used IS 's'",
        ],
        &[],
    );
    let copy = copy.await;
    assert_eq!(one(&copy, "SELECT nextval('used')::VARCHAR").await, "11");
    assert_eq!(one(&copy, "SELECT nextval('unused')::VARCHAR").await, "9");
    assert_eq!(one(&copy, "SELECT nextval('down')::VARCHAR").await, "8");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_lacks_is_named() {
    let statements = [
        "CREATE TABLE t (a INTEGER)",
        "CREATE VIEW v AS FROM t",
        "CREATE VIEW w AS FROM v",
        "DROP TABLE t",
        "CREATE MACRO m(a, b := 5) AS a + b",
        "CREATE VIEW x AS SELECT 1",
    ];
    let lacks = [
        "defaults of macro \"memory\".\"main\".\"m\"",
        "view \"memory\".\"main\".\"v\"",
        "view \"memory\".\"main\".\"w\"",
    ];
    let copy = check(&statements, &lacks).await;
    assert_eq!(one(&copy, "SELECT m(1, 2)::VARCHAR").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_made_again_is_told_of() {
    let failed = blocking::run(|thread| {
        let pool = pool();
        let source = pool.take()?;
        let connection = source.connect(thread)?;
        for statement in [
            "CREATE TABLE t (a INTEGER CHECK (a < coalesce(getvariable('most'), 0)))",
            "SET VARIABLE most = 9",
            "INSERT INTO t VALUES (1)",
        ] {
            connection.run(statement)?;
        }
        let failed = copied(&source, None, &pool, thread).unwrap_err();
        connection.run("SELECT 1")?;
        Ok(failed)
    });
    let failed = failed.await.unwrap();
    assert_eq!(failed.kind(), ErrorKind::FailedPrecondition);
    assert!(failed.message().starts_with("table \"memory\".\"main\".\"t\" cannot be copied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_that_of_one_moment_in_all_catalogs() {
    let done = blocking::run(|thread| {
        let pool = pool();
        let source = pool.take()?;
        let connection = source.connect(thread)?;
        connection.run("ATTACH ':memory:' AS other")?;
        connection.run("CREATE TABLE t (a INTEGER)")?;
        connection.run("CREATE TABLE other.main.t (a INTEGER)")?;
        let reader = still(&source, thread)?;
        connection.run("INSERT INTO t VALUES (1)")?;
        connection.run("INSERT INTO other.main.t VALUES (1)")?;
        connection.run("CREATE TABLE other.main.u (a INTEGER)")?;
        let rows = |sql| -> Result<usize> { Ok(reader.query(sql)?.text_rows()?.len()) };
        assert_eq!(rows("SELECT 'x' FROM t")? + rows("SELECT 'x' FROM other.main.t")?, 0);
        assert_eq!(rows("SELECT 'x' FROM duckdb_tables() WHERE table_name = 'u'")?, 0);
        Ok(())
    });
    done.await.unwrap();
}

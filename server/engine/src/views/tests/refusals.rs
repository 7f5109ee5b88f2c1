//! AC-05: nothing can be written, in DuckDB's own words.

use rstest::rstest;

use super::*;

fn read_only(kind: &str) -> String {
    format!(
        "Invalid Input Error: Cannot execute statement of type \"{kind}\" on database \"product_analytics\" which is attached in read-only mode!"
    )
}

#[rstest]
#[case("INSERT INTO {}events (event) VALUES ('x')", "INSERT")]
#[case("INSERT OR REPLACE INTO {}events (event) VALUES ('x')", "INSERT")]
#[case("WITH x AS (SELECT 'update' AS event) INSERT INTO {}events (event) SELECT event FROM x", "INSERT")]
#[case("UPDATE {}events SET event = 'x'", "UPDATE")]
#[case("DELETE FROM {}events", "DELETE")]
#[case("TRUNCATE {}events", "DELETE")]
#[case("TRUNCATE TABLE {}\"EVENTS\"", "DELETE")]
#[case(
    "MERGE INTO {}events e USING (SELECT 1 AS n) s ON e.event = 'x' WHEN MATCHED THEN DELETE",
    "MERGE_INTO"
)]
#[case("COPY {}events FROM 'x.csv'", "COPY")]
#[case("INSERT INTO {}layout VALUES (2)", "INSERT")]
#[case("UPDATE {}layout SET version = 2", "UPDATE")]
#[case("DELETE FROM {}layout", "DELETE")]
#[case("PREPARE p AS INSERT INTO {}events (event) VALUES ('x')", "INSERT")]
#[case("EXPLAIN ANALYZE DELETE FROM {}events", "DELETE")]
#[case("CREATE TABLE {}t (a INTEGER)", "CREATE")]
#[case("CREATE OR REPLACE VIEW {}events AS SELECT 1 AS a", "CREATE")]
#[case("CREATE SEQUENCE {}s", "CREATE")]
#[case("CREATE MACRO {}m(a) AS a", "CREATE")]
#[case("CREATE TYPE {}e AS ENUM ('a')", "CREATE")]
#[case("CREATE INDEX i ON {}layout (version)", "CREATE")]
#[case("DROP VIEW {}events", "DROP")]
#[case("DROP TABLE {}layout", "DROP")]
#[case("ALTER VIEW {}events RENAME TO e", "ALTER")]
#[case("ALTER TABLE {}layout ADD COLUMN b INTEGER", "ALTER")]
#[case("COMMENT ON VIEW {}events IS 'x'", "ALTER")]
#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_refused(#[case] statement: &str, #[case] kind: &str) {
    let world = World::new();
    world.ingest(vec![track("kept", "u", "")]);
    let session = world.session("alice").await;
    let used = world.session("alice").await;
    rows(&used, "USE product_analytics").await;
    let qualified = [
        (&session, "product_analytics.main."),
        (&session, "product_analytics."),
        (&used, ""),
        (&used, "main."),
    ];
    for (session, prefix) in qualified {
        let sql = statement.replace("{}", prefix);
        let error = try_rows(session, &sql).await.expect_err(&sql);
        assert_eq!(error.message(), read_only(kind), "{sql}");
    }
    assert_eq!(rows(&session, "SELECT event FROM product_analytics.main.events").await, [["kept"]]);
}

#[rstest]
#[case("CREATE SCHEMA product_analytics.s", "CREATE")]
#[case("DROP SCHEMA product_analytics.analytics CASCADE", "DROP")]
#[case("INSERT INTO product_analytics.analytics.web_sessions (session_id) VALUES ('x')", "INSERT")]
#[tokio::test(flavor = "multi_thread")]
async fn a_write_outside_main_is_refused(#[case] sql: &str, #[case] kind: &str) {
    let session = World::new().session("alice").await;
    assert_eq!(try_rows(&session, sql).await.expect_err(sql).message(), read_only(kind));
}

#[rstest]
#[case("DETACH product_analytics")]
#[case("detach database if exists \"Product_Analytics\"")]
#[case("ATTACH OR REPLACE ':memory:' AS product_analytics")]
#[case("ATTACH OR REPLACE DATABASE ':memory:' AS \"PRODUCT_ANALYTICS\"")]
#[case("ATTACH OR REPLACE 'product_analytics'")]
#[case("ATTACH OR REPLACE '/tmp/product_analytics.db'")]
#[case("ALTER DATABASE product_analytics SET ALIAS TO mine")]
#[case("/* why */ ALTER DATABASE IF EXISTS product_analytics SET ALIAS TO mine")]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_takes_its_place(#[case] sql: &str) {
    let session = World::new().session("alice").await;
    let error = try_rows(&session, sql).await.expect_err(sql);
    assert_eq!(error.message(), "Permission Error: \"product_analytics\" is managed by the server");
    assert_eq!(value(&session, "SELECT count(*) FROM product_analytics.main.events").await, "0");
}

#[rstest]
#[case("DETACH __postgresql")]
#[case("USE __postgresql.pg")]
#[case("ATTACH ':memory:' AS __postgresql")]
#[case("ATTACH IF NOT EXISTS ':memory:' AS \"__PostgreSQL\"")]
#[case("ATTACH OR REPLACE ':memory:' AS __postgresql")]
#[case("ALTER DATABASE memory SET ALIAS TO __postgresql")]
#[case("ALTER DATABASE __postgresql SET ALIAS TO mine")]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_takes_the_place_of_the_hidden_one_before_or_after_it_is_there(#[case] sql: &str) {
    let session = World::new().session("alice").await;
    let error = try_rows(&session, sql).await.expect_err(sql);
    assert_eq!(error.message(), "Permission Error: \"__postgresql\" is managed by the server");
}

#[rstest]
#[case("CREATE TEMP TABLE t AS SELECT 1 AS a")]
#[case("ATTACH ':memory:' AS other")]
#[case("ATTACH OR REPLACE ':memory:' AS other")]
#[case("CREATE TABLE memory.main.events AS SELECT 1 AS product_analytics")]
#[case("CREATE VIEW memory.main.v AS SELECT * FROM product_analytics.main.events")]
#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_the_user_stays_possible(#[case] sql: &str) {
    let session = World::new().session("alice").await;
    rows(&session, sql).await;
    rows(&session, "USE product_analytics").await;
    rows(&session, "CREATE TEMP TABLE mine AS SELECT * FROM events").await;
    rows(&session, "INSERT INTO mine (event) VALUES ('x')").await;
    assert_eq!(value(&session, "SELECT event FROM mine").await, "x");
}

#[rstest]
#[case("INSERT INTO product_analytics.main.nowhere VALUES (1)", "nowhere")]
#[case("INSERT INTO v VALUES (1)", "v is not an table")]
#[case("DELETE FROM nowhere", "nowhere")]
#[tokio::test(flavor = "multi_thread")]
async fn other_mistakes_keep_duckdbs_words(#[case] sql: &str, #[case] expected: &str) {
    let session = World::new().session("alice").await;
    rows(&session, "CREATE VIEW v AS SELECT event FROM product_analytics.main.events").await;
    let error = try_rows(&session, sql).await.expect_err(sql);
    assert!(error.message().contains(expected) && !error.message().contains("read-only"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_in_a_transaction_has_the_same_words() {
    let session = World::new().session("alice").await;
    rows(&session, "BEGIN").await;
    let sql = "DELETE FROM product_analytics.main.events";
    assert_eq!(try_rows(&session, sql).await.expect_err(sql).message(), read_only("DELETE"));
}

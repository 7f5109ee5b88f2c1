//! AC-12: the database under its former name.

use rstest::rstest;

use super::*;

fn world() -> World {
    World::with(|config| config.legacy_altertable_catalog = true)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_the_same_data_under_the_names_of_before() {
    let world = world();
    world.ingest(vec![track("$pageview", "u", ""), identify("u", "", &[("a", "1")])]);
    let session = world.session("alice").await;
    for (name, count) in [
        ("main.events", "1"),
        ("main.identities", "1"),
        ("main.web_pageviews", "1"),
        ("analytics.events", "1"),
        ("analytics.identities", "1"),
        ("analytics.web_pageviews", "1"),
        ("analytics.web_sessions", "1"),
        ("system.metrics", "4"),
    ] {
        assert_eq!(
            value(&session, &format!("SELECT count(*) FROM altertable.{name}")).await,
            count,
            "{name}"
        );
    }
    let user = "SELECT user_id, user_id = distinct_id FROM altertable.main.web_sessions";
    assert_eq!(rows(&session, user).await, [["u", "true"]]);
    let same = "SELECT count(*) FROM (FROM altertable.analytics.events EXCEPT FROM product_analytics.analytics.events)";
    assert_eq!(value(&session, same).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_current() {
    let world = world();
    let session = world.session("alice").await;
    let sql = "SELECT name, value FROM altertable.system.metrics WHERE name IN ('events', 'requests') ORDER BY name";
    assert_eq!(rows(&session, sql).await, [["events", "0.0"], ["requests", "0.0"]]);
    world.ingest(vec![track("e", "u", ""); 3]);
    assert_eq!(rows(&session, sql).await, [["events", "3.0"], ["requests", "1.0"]]);
    let now = "SELECT bool_and(abs(epoch(recorded_at) - epoch(now())) < 60), bool_and(value >= 0) FROM altertable.system.metrics";
    assert_eq!(rows(&session, now).await, [["true", "true"]]);
    let types = "SELECT string_agg(column_name || ' ' || column_type, ', ') FROM (DESCRIBE altertable.system.metrics)";
    assert_eq!(
        value(&session, types).await,
        "name VARCHAR, value DOUBLE, recorded_at TIMESTAMP WITH TIME ZONE"
    );
}

#[rstest]
#[case(
    "INSERT INTO altertable.main.events (event) VALUES ('x')",
    "Cannot execute statement of type \"INSERT\" on database \"altertable\""
)]
#[case(
    "DROP VIEW altertable.system.metrics",
    "Cannot execute statement of type \"DROP\" on database \"altertable\""
)]
#[case("DETACH altertable", "\"altertable\" is managed by the server")]
#[tokio::test(flavor = "multi_thread")]
async fn it_cannot_be_written(#[case] sql: &str, #[case] expected: &str) {
    let session = world().session("alice").await;
    let error = try_rows(&session, sql).await.expect_err(sql);
    assert!(error.message().contains(expected), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_is_the_users_own_unless_asked_for() {
    let session = World::new().session("alice").await;
    rows(&session, "ATTACH ':memory:' AS altertable").await;
    rows(&session, "CREATE TABLE altertable.main.t AS SELECT 1 AS a").await;
    rows(&session, "ATTACH OR REPLACE ':memory:' AS altertable").await;
    rows(&session, "DETACH altertable").await;
}

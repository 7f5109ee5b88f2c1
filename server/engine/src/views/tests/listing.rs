//! AC-01 to AC-03: a genuine database, and whose data it shows.

use rstest::rstest;

use super::*;

const OBJECTS: &str = "SELECT schema_name || '.' || view_name FROM duckdb_views()
    WHERE database_name = 'product_analytics' AND NOT internal ORDER BY ALL";

#[rstest]
#[case(
    "SELECT count(*) > 0 FROM duckdb_databases() WHERE database_name = 'product_analytics' AND NOT internal"
)]
#[case("SELECT bool_and(readonly) FROM duckdb_databases() WHERE database_name = 'product_analytics'")]
#[case(
    "SELECT count(*) > 0 FROM duckdb_schemas() WHERE database_name = 'product_analytics' AND NOT internal"
)]
#[case("SELECT count(*) > 0 FROM duckdb_tables() WHERE database_name = 'product_analytics' AND NOT internal")]
#[case(
    "SELECT count(*) > 0 FROM duckdb_columns() WHERE database_name = 'product_analytics' AND NOT internal"
)]
#[case("SELECT count(*) = 9 FROM information_schema.tables WHERE table_catalog = 'product_analytics'")]
#[case("SELECT count(*) > 9 FROM information_schema.columns WHERE table_catalog = 'product_analytics'")]
#[case(
    "SELECT count(*) = 2 FROM information_schema.schemata WHERE catalog_name = 'product_analytics' AND schema_name IN ('main', 'analytics')"
)]
#[case("SELECT count(*) > 0 FROM (SHOW DATABASES) WHERE database_name = 'product_analytics'")]
#[case("SELECT count(*) = 9 FROM (SHOW ALL TABLES) WHERE database = 'product_analytics'")]
#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_listed(#[case] sql: &str) {
    let session = World::new().session("alice").await;
    assert_eq!(value(&session, sql).await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_all_objects_are_there_and_no_rows() {
    let world = World::with(|config| config.api_keys.clear());
    let session = world.session("alice").await;
    let names: Vec<String> = rows(&session, OBJECTS).await.concat();
    assert_eq!(
        names,
        [
            "analytics.events",
            "analytics.identities",
            "analytics.web_pageviews",
            "analytics.web_sessions",
            "main.events",
            "main.identities",
            "main.identity_distinct_id_overrides",
            "main.identity_distinct_ids",
        ]
    );
    for name in names {
        assert_eq!(
            value(&session, &format!("SELECT count(*) FROM product_analytics.{name}")).await,
            "0",
            "{name}"
        );
    }
}

#[rstest]
#[case(
    "main.events",
    "uuid VARCHAR, timestamp TIMESTAMP WITH TIME ZONE, event VARCHAR, properties JSON, distinct_id VARCHAR, anonymous_id VARCHAR, device_id VARCHAR, session_id VARCHAR, identity_uuid VARCHAR, identity_traits JSON"
)]
#[case(
    "main.identities",
    "uuid VARCHAR, traits JSON, is_identified BOOLEAN, is_deleted BOOLEAN, version BIGINT, created_at TIMESTAMP WITH TIME ZONE"
)]
#[case(
    "main.identity_distinct_ids",
    "distinct_id VARCHAR, identity_uuid VARCHAR, version BIGINT, created_at TIMESTAMP WITH TIME ZONE"
)]
#[case(
    "main.identity_distinct_id_overrides",
    "distinct_id VARCHAR, identity_uuid VARCHAR, version BIGINT, created_at TIMESTAMP WITH TIME ZONE"
)]
#[case(
    "analytics.events",
    "uuid VARCHAR, timestamp TIMESTAMP WITH TIME ZONE, event VARCHAR, properties JSON, distinct_id VARCHAR, anonymous_id VARCHAR, device_id VARCHAR, session_id VARCHAR, identity_uuid VARCHAR, identity_traits JSON, properties_bucketed JSON"
)]
#[case(
    "analytics.identities",
    "distinct_id VARCHAR, traits JSON, updated_at TIMESTAMP WITH TIME ZONE, identity_uuid VARCHAR, is_identified BOOLEAN, created_at TIMESTAMP WITH TIME ZONE"
)]
#[case(
    "analytics.web_pageviews",
    "uuid VARCHAR, timestamp TIMESTAMP WITH TIME ZONE, distinct_id VARCHAR, identity_uuid VARCHAR, session_id VARCHAR, url VARCHAR, path VARCHAR, referrer VARCHAR, referrer_host VARCHAR, utm_source VARCHAR, utm_medium VARCHAR, utm_campaign VARCHAR, utm_term VARCHAR, utm_content VARCHAR, viewport VARCHAR, device_type VARCHAR, browser VARCHAR, os VARCHAR, country VARCHAR"
)]
#[case(
    "analytics.web_sessions",
    "session_id VARCHAR, distinct_id VARCHAR, identity_uuid VARCHAR, device_id VARCHAR, started_at TIMESTAMP WITH TIME ZONE, ended_at TIMESTAMP WITH TIME ZONE, duration_seconds DOUBLE, pageviews BIGINT, entry_page VARCHAR, exit_page VARCHAR, is_bounce BOOLEAN, referrer VARCHAR, referrer_host VARCHAR, utm_source VARCHAR, utm_medium VARCHAR, utm_campaign VARCHAR, utm_term VARCHAR, utm_content VARCHAR, country VARCHAR, device_type VARCHAR"
)]
#[tokio::test(flavor = "multi_thread")]
async fn an_object_has_its_columns(#[case] name: &str, #[case] columns: &str) {
    let session = World::new().session("alice").await;
    let described = rows(&session, &format!("DESCRIBE product_analytics.{name}")).await;
    let shown: Vec<_> = described.iter().map(|row| format!("{} {}", row[0], row[1])).collect();
    assert_eq!(shown.join(", "), columns);
    let listed = format!(
        "SELECT column_name || ' ' || data_type FROM duckdb_columns() WHERE database_name = 'product_analytics'
         AND schema_name || '.' || table_name = '{name}' ORDER BY column_index"
    );
    assert_eq!(rows(&session, &listed).await.concat().join(", "), columns);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_project_is_shown_unless_another_is_chosen() {
    let world = World::with(|config| {
        config.product_analytics = vec![ProjectChoice {
            user: "bob".to_owned(),
            api_key: "k2".to_owned(),
            environment: "staging".to_owned(),
        }];
    });
    world.send("k1", "production", vec![track("one", "u", "")]);
    world.send("k2", "staging", vec![track("two", "u", "")]);
    world.send("k1", "staging", vec![track("nobody sees this", "u", "")]);
    for (user, event) in [("alice", "one"), ("bob", "two")] {
        let session = world.session(user).await;
        let events = rows(&session, "SELECT event FROM product_analytics.main.events").await;
        assert_eq!(events, [[event]], "{user}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undeclared_user_sees_the_key_of_that_name() {
    let world = World::with(|config| {
        config.allow_any_user = true;
        config.users.clear();
        config.api_keys.clear();
    });
    world.send("test-17", "production", vec![track("mine", "u", "")]);
    world.send("test-18", "production", vec![track("other", "u", "")]);
    let session = world.session("test-17").await;
    assert_eq!(rows(&session, "SELECT event FROM product_analytics.main.events").await, [["mine"]]);
}

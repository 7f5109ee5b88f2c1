//! AC-06 to AC-11: what the objects hold.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_sequence_reads_as_one_person() {
    let world = World::new();
    world.ingest(vec![track("before", "A", "")]);
    world.ingest(vec![identify("u", "A", &[("plan", "\"pro\"")])]);
    world.ingest(vec![track("after", "u", "A")]);
    let session = world.session("alice").await;
    let now = "SELECT count(*), count(DISTINCT identity_uuid), min(identity_traits::VARCHAR), max(identity_traits::VARCHAR)
               FROM product_analytics.analytics.events";
    assert_eq!(rows(&session, now).await, [["2", "1", r#"{"plan":"pro"}"#, r#"{"plan":"pro"}"#]]);
    let then = "SELECT event, identity_traits::VARCHAR FROM product_analytics.main.events ORDER BY uuid";
    assert_eq!(rows(&session, then).await, [["before", "{}"], ["after", r#"{"plan":"pro"}"#]]);
    let then = "SELECT count(DISTINCT identity_uuid) FROM product_analytics.main.events";
    assert_eq!(value(&session, then).await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_shows_what_was_sent() {
    let world = World::new();
    world.ingest(vec![Action::Track(Track {
        event: "e".into(),
        properties: members(&[
            ("n", "1.50"),
            ("none", "null"),
            ("$x", "\"a longer text than twelve bytes\""),
        ]),
        device_id: some("device"),
        session_id: some("session"),
        timestamp: Some(Micros(1_736_937_000_123_456)),
        ..Track::default()
    })]);
    let session = world.session("alice").await;
    let sql = "SELECT timestamp::VARCHAR, event, properties::VARCHAR, distinct_id, anonymous_id, device_id, session_id,
               identity_uuid, identity_traits::VARCHAR, regexp_matches(uuid, '^[0-9a-f]{8}-[0-9a-f]{4}-7') FROM product_analytics.main.events";
    let properties = r#"{"n":1.50,"none":null,"$x":"a longer text than twelve bytes"}"#;
    let expected = [
        "2025-01-15 10:30:00.123456+00",
        "e",
        properties,
        "NULL",
        "NULL",
        "device",
        "session",
        "NULL",
        "NULL",
        "true",
    ];
    assert_eq!(rows(&session, sql).await, [expected]);
    let current = sql.replace("main.", "analytics.");
    assert_eq!(rows(&session, &current).await, [expected]);
    let bucketed =
        "SELECT json_extract_string_property(properties_bucketed, '$.n'), properties_bucketed = properties
                    FROM product_analytics.analytics.events";
    assert_eq!(rows(&session, bucketed).await, [["1.5", "true"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_show_merges() {
    let world = World::new();
    world.ingest(vec![track("e", "A", "B"), identify("u", "", &[("a", "1")]), alias("u", "A")]);
    let session = world.session("alice").await;
    let identities = "SELECT traits::VARCHAR, is_identified, is_deleted, version, epoch_us(created_at)
                      FROM product_analytics.main.identities ORDER BY uuid";
    let expected = [["{}", "false", "true", "2", "1000000"], [r#"{"a":1}"#, "true", "false", "3", "1000000"]];
    assert_eq!(rows(&session, identities).await, expected);
    let ids = "SELECT distinct_id, i.version, (SELECT count(*) FROM product_analytics.main.identities x WHERE x.uuid = identity_uuid)
               FROM product_analytics.main.identity_distinct_ids i ORDER BY 1";
    assert_eq!(rows(&session, ids).await, [["A", "1", "1"], ["B", "1", "1"], ["u", "1", "1"]]);
    let overrides = "SELECT o.distinct_id, o.version, is_deleted
                     FROM product_analytics.main.identity_distinct_id_overrides o
                     JOIN product_analytics.main.identities ON uuid = identity_uuid ORDER BY 1";
    assert_eq!(rows(&session, overrides).await, [["A", "1", "false"], ["B", "1", "false"]]);
    let present =
        "SELECT distinct_id, traits::VARCHAR, epoch_us(updated_at), is_identified, epoch_us(created_at)
                   FROM product_analytics.analytics.identities ORDER BY 1";
    let person = |id| [id, r#"{"a":1}"#, "1000000", "true", "1000000"];
    assert_eq!(rows(&session, present).await, [person("A"), person("B"), person("u")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_tables_joined_by_hand_give_the_derived_identity() {
    let world = World::new();
    let person = |n: usize| format!("p{}", n % 7);
    world.ingest((0..100).map(|n| track("e", &person(n * 3), &person(n))).collect());
    world.ingest(vec![alias("p1", "other"), identify("p2", "p5", &[("k", "1")])]);
    let session = world.session("alice").await;
    let differing = "SELECT count(*) FROM product_analytics.main.events e
         LEFT JOIN product_analytics.main.identity_distinct_ids i ON i.distinct_id = coalesce(e.distinct_id, e.anonymous_id)
         LEFT JOIN product_analytics.main.identity_distinct_id_overrides o ON o.distinct_id = i.distinct_id
         JOIN product_analytics.analytics.events a ON a.uuid = e.uuid
         WHERE a.identity_uuid IS DISTINCT FROM coalesce(o.identity_uuid, i.identity_uuid)";
    assert_eq!(value(&session, differing).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_are_scanned_once_each_whatever_is_asked_for() {
    let world = World::new();
    let event = |n: usize| track(&format!("e{}", n % 10), &format!("user-with-a-long-id-{}", n % 1_000), "");
    for batch in 0..10 {
        world.ingest((0..1_000).map(|n| event(batch * 1_000 + n)).collect());
    }
    let session = world.session("alice").await;
    let sql = "SELECT count(*), count(DISTINCT uuid), count(DISTINCT distinct_id), count(DISTINCT event),
               count(*) FILTER (identity_uuid IS NULL) FROM product_analytics.analytics.events";
    assert_eq!(rows(&session, sql).await, [["10000", "10000", "1000", "10", "0"]]);
    assert_eq!(value(&session, "SELECT count(*) FROM product_analytics.analytics.identities").await, "1000");
    let sorted = "SELECT bool_and(uuid > before) FROM (SELECT uuid, lag(uuid) OVER (ORDER BY uuid) AS before
                  FROM product_analytics.main.events)";
    assert_eq!(value(&session, sorted).await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_property_function_is_there_whatever_use_says() {
    let session = World::new().session("alice").await;
    let sql = "SELECT json_extract_string_property('{\"a\":\"b\"}'::JSON, '$.a')";
    assert_eq!(value(&session, sql).await, "b");
    rows(&session, "CREATE SCHEMA elsewhere").await;
    for place in ["product_analytics", "product_analytics.analytics", "memory.elsewhere"] {
        rows(&session, &format!("USE {place}")).await;
        assert_eq!(value(&session, sql).await, "b", "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_property_function_is_found_inside_views_and_transactions() {
    let world = World::new();
    let extract = "json_extract_string_property('{\"a\":\"b\"}'::JSON, '$.a')";
    let maker = world.session("alice").await;
    rows(&maker, &format!("CREATE VIEW v AS SELECT {extract} AS a")).await;
    let reader = world.session("alice").await;
    assert_eq!(value(&reader, "SELECT a FROM v").await, "b");
    let transaction = world.session("alice").await;
    rows(&transaction, "BEGIN").await;
    rows(&transaction, "CREATE TABLE t AS SELECT 1 AS a").await;
    assert_eq!(value(&transaction, &format!("SELECT {extract}")).await, "b");
    rows(&transaction, "ROLLBACK").await;
    assert_eq!(value(&transaction, &format!("SELECT {extract}")).await, "b");
}

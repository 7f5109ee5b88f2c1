//! AW: pageviews and sessions.

use super::*;

/// A pageview at `minute` (and `ms`), with properties as JSON text.
fn pageview(id: &str, session: &str, micros: i64, properties: &[(&str, &str)]) -> Action {
    Action::Track(Track {
        event: "$pageview".into(),
        properties: members(properties),
        distinct_id: some(id),
        session_id: some(session),
        timestamp: Some(Micros(micros)),
        ..Track::default()
    })
}

const MINUTE: i64 = 60_000_000;
const GAP: i64 = 30 * MINUTE;

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_of_more_than_half_an_hour_starts_a_session() {
    let world = World::new();
    world.ingest(vec![
        pageview("u", "", 0, &[("$url", "\"https://a/1\"")]),
        pageview("u", "", GAP, &[("$url", "\"https://a/2\"")]),
        pageview("u", "", 2 * GAP + 1, &[("$url", "\"https://a/3\"")]),
        pageview("v", "", MINUTE, &[("$url", "\"https://a/4\"")]),
        track("other", "u", ""),
    ]);
    let session = world.session("alice").await;
    let sql = "SELECT distinct_id, pageviews, duration_seconds, entry_page, exit_page, is_bounce,
                      session_id = 'gap-' || (SELECT p.uuid FROM product_analytics.analytics.web_pageviews p
                                              WHERE p.session_id = s.session_id ORDER BY timestamp LIMIT 1)
               FROM product_analytics.analytics.web_sessions s ORDER BY started_at";
    assert_eq!(
        rows(&session, sql).await,
        [
            ["u", "2", "1800.0", "/1", "/2", "false", "true"],
            ["v", "1", "0.0", "/4", "/4", "true", "true"],
            ["u", "1", "0.0", "/3", "/3", "true", "true"],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_id_of_the_client_makes_the_session() {
    let world = World::new();
    world.ingest(vec![
        pageview("A", "s1", 5 * GAP, &[("$url", "\"https://a/last\""), ("utm_source", "\"late\"")]),
        pageview("A", "s1", 0, &[("$url", "\"https://a/first\""), ("utm_source", "\"early\"")]),
        pageview("A", "", MINUTE, &[("$url", "\"https://a/alone\"")]),
        pageview("u", "s1", 9 * GAP, &[]),
        pageview("", "", MINUTE, &[]),
    ]);
    let session = world.session("alice").await;
    let sql = "SELECT distinct_id, pageviews, entry_page, exit_page, utm_source, epoch_us(started_at), epoch_us(ended_at)
               FROM product_analytics.analytics.web_sessions ORDER BY started_at";
    let ended = (9 * GAP).to_string();
    let minute = MINUTE.to_string();
    assert_eq!(
        rows(&session, sql).await,
        [
            ["u", "3", "/first", "NULL", "early", "0", &ended],
            ["A", "1", "/alone", "/alone", "NULL", &minute, &minute],
        ]
    );
    let none = "SELECT session_id FROM product_analytics.analytics.web_pageviews WHERE distinct_id IS NULL";
    assert_eq!(value(&session, none).await, "NULL", "without session id and subject there is no session");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pageview_shows_its_properties() {
    let world = World::new();
    let cases = [
        (r#""https://Shop.example:8080/cart?x=1#top""#, "https://Shop.example:8080/cart?x=1#top", "/cart"),
        (r#""https://shop.example""#, "https://shop.example", "/"),
        (r#""https://shop.example?x""#, "https://shop.example?x", "/"),
        (r#""/relative""#, "/relative", "NULL"),
        (r#""mailto:a@b""#, "mailto:a@b", "NULL"),
        ("null", "NULL", "NULL"),
    ];
    world.ingest(
        cases.iter().zip(0..).map(|((url, ..), at)| pageview("u", "s", at, &[("$url", url)])).collect(),
    );
    let session = world.session("alice").await;
    let sql = "SELECT url, path FROM product_analytics.analytics.web_pageviews ORDER BY timestamp";
    assert_eq!(rows(&session, sql).await, cases.map(|(_, url, path)| vec![url.to_owned(), path.to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn referrers_and_campaigns_are_taken_apart() {
    let world = World::new();
    world.ingest(vec![
        pageview(
            "u",
            "s",
            0,
            &[
                ("$referer", "\"https://me@News.Example:443/x\""),
                ("$utm_source", "\"segment\""),
                ("utm_medium", "\"plain\""),
                ("$utm_medium", "\"dollar\""),
                ("$viewport", "\"1x2\""),
                ("$os", "\"Linux\""),
            ],
        ),
        pageview("u", "s", 1, &[("$referer", "\"\""), ("$country", "\"FR\"")]),
        pageview(
            "u",
            "s",
            2,
            &[("$referer", "\"https://[::1]:80/\""), ("utm_source", "null"), ("$utm_source", "\"s\"")],
        ),
    ]);
    let session = world.session("alice").await;
    let sql = "SELECT referrer, referrer_host, utm_source, utm_medium, viewport, os, country, browser
               FROM product_analytics.analytics.web_pageviews ORDER BY timestamp";
    assert_eq!(
        rows(&session, sql).await,
        [
            [
                "https://me@News.Example:443/x",
                "news.example",
                "segment",
                "plain",
                "1x2",
                "Linux",
                "NULL",
                "NULL"
            ],
            ["NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "FR", "NULL"],
            ["https://[::1]:80/", "[::1]", "s", "NULL", "NULL", "NULL", "NULL", "NULL"],
        ]
    );
}

//! The objects of the catalog `product_analytics`: views over the store's table function (AC, AW).

use super::Literal;

/// The table function that scans the store.
pub const SCAN: &str = "product_analytics_scan";

/// The function that published queries apply to properties (AC-11).
pub const PROPERTY_FUNCTION: &str = "json_extract_string_property";

/// Defines it for a session; found whatever `USE` says, because temporary names come first.
pub const PROPERTY_MACRO: &str = "CREATE TEMP MACRO IF NOT EXISTS json_extract_string_property(value, path) AS json_extract_string(value, path)";

/// The statements that made the file of `product_analytics`, in a database of its own that is the current one.
#[cfg(test)]
pub fn objects() -> Vec<String> {
    let tables = RAW.iter().chain(ANALYTICS).map(|statement| scanning(statement));
    tables.chain([web_pageviews("analytics"), web_sessions("analytics", "")]).collect()
}

/// The statements that make `altertable`, the same under the names of before (AC-12).
pub fn legacy_objects() -> Vec<String> {
    let raw = RAW.iter().filter(|statement| LEGACY_RAW.iter().any(|head| statement.starts_with(head)));
    let tables = raw.chain(ANALYTICS).chain(METRICS).map(|statement| scanning(statement));
    let web = [
        web_pageviews("main"),
        web_sessions("main", ", last(distinct_id ORDER BY timestamp, uuid) AS user_id"),
        web_pageviews("analytics"),
        web_sessions("analytics", ""),
    ];
    tables.chain(web).collect()
}

/// The statements that make `mock`, a tenant's calls and events (RJ-5), in a database of its own that is the current one.
pub fn mock_objects() -> Vec<String> {
    MOCK.iter().map(|statement| scanning(statement)).collect()
}

fn scanning(statement: &str) -> String {
    statement.replace("$SCAN", &format!("system.main.{SCAN}"))
}

/// What of [`RAW`] the former database had.
const LEGACY_RAW: &[&str] = &["CREATE VIEW main.events ", "CREATE VIEW main.identities "];

/// The server's figures (AC-12); `system` alone would be DuckDB's own catalog.
const METRICS: &[&str] = &[
    "CREATE SCHEMA altertable.system",
    "CREATE VIEW altertable.system.metrics AS SELECT name, value, recorded_at FROM $SCAN('metrics')",
];

/// Finds a view by its names, in any case.
pub fn find_view(catalog: &str, schema: &str, view: &str) -> String {
    let (catalog, schema, view) = (Literal(catalog), Literal(schema), Literal(view));
    format!(
        "SELECT view_name FROM duckdb_views() WHERE database_name = {catalog} AND lower(schema_name) = lower({schema})
         AND lower(view_name) = lower({view})"
    )
}

/// As [`find_view`], in a database that is attached read-only.
pub fn find_read_only_view(catalog: &str, schema: &str, view: &str) -> String {
    let (found, catalog) = (find_view(catalog, schema, view), Literal(catalog));
    format!("{found} AND (SELECT readonly FROM duckdb_databases() WHERE database_name = {catalog})")
}

/// As the control plane shows them (RJ-1, RJ-4), and a base table as in [`RAW`].
const MOCK: &[&str] = &[
    "CREATE TABLE main.layout AS SELECT 1::BIGINT AS version",
    "CREATE VIEW main.requests AS
     SELECT id, time, door, operation, tenant, session, statement, statement_length, \"table\",
            from_json(events, '[\"VARCHAR\"]') AS events, from_json(parameters, '[\"VARCHAR\"]') AS parameters,
            status, error, \"rows\", bytes_in, bytes_out, duration_us, client, fault
     FROM $SCAN('requests')",
    "CREATE VIEW main.events AS
     SELECT uuid, event, timestamp, properties, distinct_id, anonymous_id, device_id, session_id, request
     FROM $SCAN('events')",
];

/// A base table, so that what lists only base tables lists the catalog too, and the raw views (AC-06 to AC-08).
const RAW: &[&str] = &[
    "CREATE TABLE main.layout AS SELECT 1::BIGINT AS version",
    "CREATE VIEW main.events AS
     SELECT uuid, timestamp, event, properties, distinct_id, anonymous_id, device_id, session_id,
            identity_then AS identity_uuid, traits_then AS identity_traits
     FROM $SCAN('events')",
    "CREATE VIEW main.identities AS
     SELECT uuid, traits, is_identified, is_deleted, version, created_at FROM $SCAN('identities')",
    "CREATE VIEW main.identity_distinct_ids AS
     SELECT distinct_id, first_identity AS identity_uuid, 1::BIGINT AS version, created_at FROM $SCAN('ids')",
    "CREATE VIEW main.identity_distinct_id_overrides AS
     SELECT distinct_id, identity_now AS identity_uuid, moves AS version, moved_at AS created_at
     FROM $SCAN('ids') WHERE moves > 0",
];

/// Events and ids with their present identity (AC-09, AC-10).
const ANALYTICS: &[&str] = &[
    "CREATE SCHEMA analytics",
    "CREATE VIEW analytics.events AS
     SELECT uuid, timestamp, event, properties, distinct_id, anonymous_id, device_id, session_id,
            identity_now AS identity_uuid, traits_now AS identity_traits, properties AS properties_bucketed
     FROM $SCAN('events')",
    "CREATE VIEW analytics.identities AS
     SELECT distinct_id, traits_now AS traits, updated_at, identity_now AS identity_uuid, is_identified,
            identity_created_at AS created_at
     FROM $SCAN('ids')",
];

/// The properties of a pageview that become columns, and where they come from; UTM names also with `$` (Segment), and last
/// from the query of `$url`.
const PROPERTIES: &[(&str, &[&str])] = &[
    ("utm_source", &["utm_source", "$utm_source"]),
    ("utm_medium", &["utm_medium", "$utm_medium"]),
    ("utm_campaign", &["utm_campaign", "$utm_campaign"]),
    ("utm_term", &["utm_term", "$utm_term"]),
    ("utm_content", &["utm_content", "$utm_content"]),
    ("viewport", &["$viewport"]),
    ("device_type", &["$device_type"]),
    ("browser", &["$browser"]),
    ("os", &["$os"]),
    ("country", &["$country"]),
];

/// A parameter's value, encoded: of the first of that name in the query of a URL.
fn parameter(name: &str) -> String {
    format!("^[^?#]*[?](?:[^#]*?&)??{name}=([^&#]*)")
}

/// An absolute URL, whose path is the group.
const ABSOLUTE_URL: &str = "^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]+([^?#]*)";

/// An absolute URL, whose host without port is the group.
const AUTHORITY: &str = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)";

/// A property of an event, as text.
fn property(name: &str) -> String {
    let path = format!("$.\"{name}\"");
    format!("json_extract_string(properties, {})", Literal(&path))
}

/// What [`PROPERTIES`] says, each column after a comma.
fn property_columns() -> String {
    let column = |(column, names): &(&str, &[&str])| {
        let mut values: Vec<String> = names.iter().map(|name| property(name)).collect();
        if column.starts_with("utm_") {
            let pattern = parameter(column);
            let sent = format!("regexp_extract({}, {}, 1)", property("$url"), Literal(&pattern));
            let sent = format!("replace({sent}, '+', ' ')");
            // What decodes to no UTF-8 stays as it was sent.
            values.push(format!("nullif(coalesce(TRY(url_decode({sent})), {sent}), '')"));
        }
        format!(", coalesce({}) AS {column}", values.join(", "))
    };
    PROPERTIES.iter().map(column).collect()
}

/// The pageviews with everything that AW-04 and AW-05 say of them, as a chain of common table expressions.
///
/// `gapped` numbers nothing: a pageview without session id that comes more than 30 minutes after its subject's last
/// begins a session and lends it its own uuid; the others take over the latest such uuid (AW-03).
fn pageviews() -> String {
    let columns = property_columns();
    format!(
        "WITH sent AS (
             SELECT uuid, timestamp, distinct_id, identity_now AS identity_uuid, device_id,
                    session_id AS sent_session, coalesce(distinct_id, anonymous_id) AS subject, properties
             FROM system.main.{SCAN}('events') WHERE event = '$pageview'
         ), gapped AS (
             SELECT *, CASE WHEN lag(timestamp) OVER visits IS NULL
                              OR epoch_us(timestamp) - epoch_us(lag(timestamp) OVER visits) > 1800000000
                       THEN uuid END AS beginning
             FROM sent
             WINDOW visits AS (PARTITION BY sent_session IS NULL, subject ORDER BY timestamp, uuid)
         ), pageviews AS (
             SELECT uuid, timestamp, distinct_id, identity_uuid, device_id,
                    CASE WHEN sent_session IS NOT NULL THEN sent_session
                         WHEN subject IS NOT NULL THEN 'gap-' || last_value(beginning IGNORE NULLS) OVER (
                             PARTITION BY sent_session IS NULL, subject ORDER BY timestamp, uuid
                             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
                    END AS session_id,
                    {url} AS url,
                    CASE WHEN regexp_matches({url}, {absolute})
                         THEN coalesce(nullif(regexp_extract({url}, {absolute}, 1), ''), '/') END AS path,
                    nullif({referer}, '') AS referrer,
                    nullif(lower(regexp_extract({referer}, {authority}, 1)), '') AS referrer_host{columns}
             FROM gapped
         )",
        url = property("$url"),
        referer = property("$referer"),
        absolute = Literal(ABSOLUTE_URL),
        authority = Literal(AUTHORITY),
    )
}

/// AW-04.
fn web_pageviews(schema: &str) -> String {
    format!(
        "CREATE VIEW {schema}.web_pageviews AS {}
         SELECT uuid, timestamp, distinct_id, identity_uuid, session_id, url, path, referrer, referrer_host,
                utm_source, utm_medium, utm_campaign, utm_term, utm_content, viewport, device_type, browser, os,
                country
         FROM pageviews",
        pageviews()
    )
}

/// AW-05, with further columns at the end.
fn web_sessions(schema: &str, further: &str) -> String {
    let first = |column: &str| format!("first({column} ORDER BY timestamp, uuid) AS {column}");
    let of_the_first = [
        "referrer",
        "referrer_host",
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "utm_term",
        "utm_content",
        "country",
        "device_type",
    ]
    .map(first)
    .join(", ");
    format!(
        "CREATE VIEW {schema}.web_sessions AS {}
         SELECT session_id,
                last(distinct_id ORDER BY timestamp, uuid) AS distinct_id,
                last(identity_uuid ORDER BY timestamp, uuid) AS identity_uuid,
                any_value(device_id ORDER BY timestamp, uuid) AS device_id,
                min(timestamp) AS started_at, max(timestamp) AS ended_at,
                (epoch_us(max(timestamp)) - epoch_us(min(timestamp)))::DOUBLE / 1000000 AS duration_seconds,
                count(*) AS pageviews,
                first(path ORDER BY timestamp, uuid) AS entry_page,
                last(path ORDER BY timestamp, uuid) AS exit_page,
                count(*) = 1 AS is_bounce, {of_the_first}{further}
         FROM pageviews WHERE session_id IS NOT NULL GROUP BY session_id",
        pageviews()
    )
}

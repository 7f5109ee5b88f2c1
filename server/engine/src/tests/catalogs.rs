//! Managed and attached catalogs (LS-09, LS-10): the documentation's join over all of them.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use super::*;

/// A DuckDB file with `public.users`, as an external catalog would have it.
async fn external_file(folder: &std::path::Path) -> String {
    let file = folder.join("acme.duckdb").to_str().unwrap().to_owned();
    let engine = Engine::new(EngineConfig {
        users: vec![Account { name: "alice".to_owned(), password: "secret".to_owned() }],
        allow_external_access: true,
        ..EngineConfig::default()
    });
    let maker = session(&engine).await;
    for sql in [
        &format!("ATTACH '{file}' AS acme"),
        "CREATE SCHEMA acme.public",
        "CREATE TABLE acme.public.users AS SELECT 'u' || i AS id, i AS age FROM range(3) r(i)",
        "DETACH acme",
    ] {
        run(&maker, sql).await.unwrap();
    }
    file
}

fn with_catalogs(file: String) -> Arc<Engine> {
    let account = |name: &str| Account { name: name.to_owned(), password: "secret".to_owned() };
    Engine::new(EngineConfig {
        users: vec![account("alice"), account("bob")],
        api_keys: vec!["k".to_owned()],
        catalogs: vec!["acme_lakehouse".to_owned()],
        attaches: vec![("acme_pg".to_owned(), file)],
        ..EngineConfig::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_query_joins_every_kind_of_catalog() {
    let folder = tempfile::tempdir().unwrap();
    let engine = with_catalogs(external_file(folder.path()).await);
    engine.check().await.unwrap();
    let alice = session(&engine).await;
    for sql in [
        "CREATE TABLE acme_lakehouse.main.orders AS SELECT 'u' || (i % 3) AS user_id, i AS amount FROM range(6) r(i)",
        "CREATE SCHEMA acme_lakehouse.analytics",
        "CREATE TABLE acme_lakehouse.analytics.targets AS SELECT 'u1' AS user_id, 5 AS target",
    ] {
        run(&alice, sql).await.unwrap();
    }
    let joined = "SELECT sum(o.amount)::BIGINT FROM acme_lakehouse.main.orders o \
        JOIN acme_pg.public.users u ON u.id = o.user_id \
        JOIN acme_lakehouse.analytics.targets t ON t.user_id = o.user_id \
        LEFT JOIN product_analytics.analytics.events e ON e.distinct_id = o.user_id";
    assert_eq!(number(&alice, joined).await, 1 + 4);
    let bob = engine.authenticate("bob", "secret").unwrap().open_session().await.unwrap();
    assert_eq!(number(&bob, "SELECT count(*) FROM acme_pg.public.users").await, 3);
    assert!(run(&bob, "FROM acme_lakehouse.main.orders").await.is_err(), "catalogs are each tenant's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attached_file_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let engine = with_catalogs(external_file(folder.path()).await);
    let alice = session(&engine).await;
    let error = run(&alice, "INSERT INTO acme_pg.public.users VALUES ('x', 1)").await.unwrap_err();
    assert!(error.message().contains("attached in read-only mode"), "{error}");
    let rows = run(&alice, "SELECT count(*) FROM acme_pg.public.users").await.unwrap();
    assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_is_a_start_up_fault() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "this is no database, however long it goes on").unwrap();
    let engine = with_catalogs(file.path().to_str().unwrap().to_owned());
    let error = engine.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().starts_with("cannot attach the catalog \"acme_pg\": "), "{error}");
}

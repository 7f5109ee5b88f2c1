//! The routes, called as hyper would call them: what the wire does not show.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::MethodRouter;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Lakehouse, router};
use crate::config::LakehouseOptions;
use crate::doors::calls;
use crate::doors::metrics::Metrics;
use engine::{Account, Engine, EngineConfig};

/// alice:secret, as Basic credentials carry it.
const ALICE: &str = "Basic YWxpY2U6c2VjcmV0";

/// A query that would run for minutes.
const LONG: &str = "SELECT sum((a.range * b.range) % 7) FROM range(1000000) a, range(1000000) b";

fn door() -> (Arc<Engine>, Router) {
    let account = Account { name: "alice".to_owned(), password: "secret".to_owned() };
    let engine = Engine::new(EngineConfig { users: vec![account], ..EngineConfig::default() });
    let lakehouse = Lakehouse::new(Arc::clone(&engine), LakehouseOptions::default());
    let metrics = Metrics::new(&engine).unwrap();
    (engine, router(lakehouse, MethodRouter::new(), Router::new(), &metrics))
}

fn request(method: Method, uri: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder().method(method).uri(uri).header("authorization", ALICE).body(body.into()).unwrap()
}

fn query(statement: &str) -> Request<Body> {
    request(Method::POST, "/query", json!({ "statement": statement }).to_string())
}

async fn first_line(body: &mut Body) -> Value {
    let chunk = body.frame().await.unwrap().unwrap().into_data().unwrap();
    serde_json::from_slice(&chunk).unwrap()
}

async fn json(router: &Router, request: Request<Body>) -> Value {
    let response = router.clone().oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

async fn log(router: &Router, opening: &Value) -> Value {
    let uri = format!("/query/{}", opening["query_id"].as_str().unwrap());
    json(router, request(Method::GET, &uri, Body::empty())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn line_one_is_there_while_the_statement_runs_and_hanging_up_stops_it() {
    let (_engine, router) = door();
    let mut body = router.clone().oneshot(query(LONG)).await.unwrap().into_body();
    let opening = tokio::time::timeout(Duration::from_secs(5), first_line(&mut body)).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), body.frame()).await.is_err());
    assert_eq!(log(&router, &opening).await["end_time"], Value::Null);
    drop(body);
    let ended = log(&router, &opening).await;
    assert_eq!(ended["error"], "the client disconnected before the end of the result");
    // The session is free again: its next statement does not wait for minutes.
    let next = json!({ "statement": "SELECT 1", "session_id": opening["session_id"], "format": "csv" });
    let answer = router.clone().oneshot(request(Method::POST, "/query", next.to_string()));
    assert_eq!(tokio::time::timeout(Duration::from_secs(1), answer).await.unwrap().unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_the_query_back() {
    let (_engine, router) = door();
    let statement = "SELECT range AS i, repeat('x', 1000) AS x FROM range(10000000)";
    let mut body = router.clone().oneshot(query(statement)).await.unwrap().into_body();
    let opening = first_line(&mut body).await;
    for _ in 0..4 {
        body.frame().await.unwrap().unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let rows = log(&router, &opening).await["rows_processed"].as_u64().unwrap();
    assert!((1..1_000_000).contains(&rows), "{rows} of ten million rows are delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_hold_nothing_are_forgotten_with_their_request() {
    let (engine, router) = door();
    let tenant = engine.authenticate("alice", "secret").unwrap();
    let mut body = router.clone().oneshot(query("SELECT 1")).await.unwrap().into_body();
    let opening = first_line(&mut body).await;
    let id = opening["session_id"].as_str().unwrap().parse().unwrap();
    assert!(tenant.sessions().get(id).is_some());
    body.collect().await.unwrap();
    assert!(tenant.sessions().get(id).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_checked_before_the_body_is_read() {
    let (_engine, router) = door();
    let never = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let request = Request::builder().method(Method::POST).uri("/query").body(never).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(1), router.oneshot(request)).await;
    assert_eq!(answer.unwrap().unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_neither_table_nor_file() {
    let (engine, router) = door();
    let parts = [Ok(bytes::Bytes::from("a,b\n1,2\n")), Err(std::io::Error::other("gone"))];
    let uri = "/upload?catalog=memory&schema=main&table=t&mode=create";
    let upload = request(Method::POST, uri, Body::from_stream(futures::stream::iter(parts)));
    assert_eq!(router.clone().oneshot(upload).await.unwrap().status(), StatusCode::BAD_REQUEST);
    let session = engine.authenticate("alice", "secret").unwrap().open_session().await.unwrap();
    let folder = session.upload_file().unwrap().path().parent().unwrap().to_owned();
    let left: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("upload-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let statement = json!({ "statement": "FROM t", "format": "csv" }).to_string();
    let answer = router.clone().oneshot(request(Method::POST, "/query", statement)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_that_make_the_same_table_and_columns_lose_nothing() {
    let (_engine, router) = door();
    let writers = (0..8).map(|writer| {
        let router = router.clone();
        tokio::spawn(async move {
            for row in 0..25 {
                let uri = "/append?catalog=memory&schema=fresh&table=t";
                let body = json!({ "id": writer * 25 + row, format!("of_{}", row % 5): row }).to_string();
                let answer = json(&router, request(Method::POST, uri, body)).await;
                assert_eq!(answer["ok"], true, "{answer}");
            }
        })
    });
    futures::future::try_join_all(writers).await.unwrap();
    let statement = "SELECT count(*) AS n, count(DISTINCT id) AS ids, count(of_0) AS some FROM fresh.t";
    let body = json!({ "statement": statement, "format": "jsonl" }).to_string();
    let counts = json(&router, request(Method::POST, "/query", body)).await;
    assert_eq!(counts, json!({ "n": 200, "ids": 200, "some": 40 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openapi_document_covers_every_route() {
    let (_engine, router) = door();
    let document = json(&router, request(Method::GET, "/openapi/lakehouse.json", Body::empty())).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths: Vec<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    for path in paths.iter().filter(|path| **path != "/health") {
        let uri = path.replace("{query_id}", "x").replace("{task_id}", "x");
        let answer = router.clone().oneshot(request(Method::PATCH, &uri, Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path} is described and not served");
    }
    for path in ["/", "/health", "/query", "/query/{query_id}", "/validate", "/explain", "/autocomplete"] {
        assert!(paths.contains(&path), "{path} is not described");
    }
    for path in ["/upload", "/upsert", "/append", "/tasks/{task_id}"] {
        assert!(paths.contains(&path), "{path} is not described");
    }
    assert_eq!(document["paths"]["/query"]["post"]["security"].as_array().unwrap().len(), 2);
    assert!(document["paths"]["/"]["get"]["security"].is_null());
}

#[tokio::test]
async fn a_panic_is_a_500_with_the_requests_id() {
    let router = super::transport::wrap(calls::panicking(), &Metrics::new(&door().0).unwrap());
    let request = Request::builder().uri("/panic").header("x-request-id", "r1").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["x-request-id"], "r1");
    assert_eq!(json(&router, request_to_panic()).await["error"]["code"], "internal");

    let later = Request::builder().uri("/panic/later").body(Body::empty()).unwrap();
    let mut body = router.oneshot(later).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "begun");
    assert!(body.frame().await.unwrap().is_err(), "an answer that breaks off must not look whole");
}

fn request_to_panic() -> Request<Body> {
    Request::builder().uri("/panic").body(Body::empty()).unwrap()
}

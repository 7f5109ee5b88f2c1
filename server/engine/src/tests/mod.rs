//! Sessions and streams at work: what no single module shows.

mod catalogs;
mod contract;
mod control;
mod guard;
mod import;
mod limits;
mod streams;
mod survival;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use rstest::rstest;

use super::*;
use crate::error::{Error, ErrorKind};
use duck::types::Fidelity;

fn engine() -> Arc<Engine> {
    let account = |name: &str| Account { name: name.to_owned(), password: "secret".to_owned() };
    Engine::new(EngineConfig { users: vec![account("alice"), account("bob")], ..EngineConfig::default() })
}

async fn session(engine: &Arc<Engine>) -> Arc<Session> {
    engine.authenticate("alice", "secret").unwrap().open_session().await.unwrap()
}

/// Cancels from a thread of its own, which a frozen async thread cannot hold up.
fn cancel_in(seconds: u64, call: &Arc<Call>) {
    let call = Arc::clone(call);
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(seconds));
        call.cancel().cancel("the test is over");
    });
}

async fn run(session: &Arc<Session>, sql: &str) -> Result<Vec<RecordBatch>, Error> {
    let mut stream = session.execute(Execute::sql(sql, Fidelity::Exact), &Call::of_server("test")).await?;
    collect(&mut stream).await
}

async fn collect(stream: &mut ResultStream) -> Result<Vec<RecordBatch>, Error> {
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        batches.push(batch?);
    }
    Ok(batches)
}

async fn number(session: &Arc<Session>, sql: &str) -> i64 {
    run(session, sql).await.unwrap()[0].column(0).as_primitive::<Int64Type>().value(0)
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

const MANY: &str = "SELECT i::BIGINT AS i FROM range(3000000) r(i)";
const ENDLESS: &str = "SELECT count(*) FROM range(1000000000000) a(i), range(1000000) b(j) WHERE i + j < 0";

#[tokio::test(flavor = "multi_thread")]
async fn two_live_streams_of_one_session_can_be_joined() {
    let session = session(&engine()).await;
    let mut first =
        session.execute(Execute::sql(MANY, Fidelity::Exact), &Call::of_server("test")).await.unwrap();
    let head = first.next().await.unwrap().unwrap();
    let mut second =
        session.execute(Execute::sql(MANY, Fidelity::Exact), &Call::of_server("test")).await.unwrap();
    let mut counts = (head.num_rows(), 0);
    loop {
        let (one, two) = (first.next().await, second.next().await);
        if one.is_none() && two.is_none() {
            break;
        }
        counts.0 += one.map_or(0, |batch| batch.unwrap().num_rows());
        counts.1 += two.map_or(0, |batch| batch.unwrap().num_rows());
    }
    assert_eq!(counts, (3_000_000, 3_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unread_stream_never_blocks_the_next_statement() {
    let session = session(&engine()).await;
    let wide = "SELECT i::BIGINT AS i, repeat('x', 100) AS s FROM range(2000000) r(i)";
    let mut unread =
        session.execute(Execute::sql(wide, Fidelity::Exact), &Call::of_server("test")).await.unwrap();
    run(&session, "CREATE TABLE t AS SELECT 1 AS i").await.unwrap();
    assert_eq!(number(&session, "SELECT count(*) FROM t").await, 1);
    assert_eq!(rows(&collect(&mut unread).await.unwrap()), 2_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_query_stops_within_a_second_and_the_session_goes_on() {
    let session = session(&engine()).await;
    let call = Call::of_server("test");
    let running = tokio::spawn({
        let (session, call) = (Arc::clone(&session), Arc::clone(&call));
        async move { session.execute(Execute::sql(ENDLESS, Fidelity::Exact), &call).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    call.cancel().cancel("the query was cancelled");
    let error = running.await.unwrap().unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!((error.kind(), error.message()), (ErrorKind::Cancelled, "the query was cancelled"));
    assert_eq!(number(&session, "SELECT 42::BIGINT").await, 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_cancelled_while_queued_never_runs() {
    let session = session(&engine()).await;
    run(&session, "CREATE TABLE t (i INTEGER)").await.unwrap();
    let (busy, queued) = (Call::of_server("test"), &Call::of_server("test"));
    let spawn = |sql: &'static str, call: &Arc<Call>| {
        let (session, call) = (Arc::clone(&session), Arc::clone(call));
        tokio::spawn(
            async move { session.execute(Execute::sql(sql, Fidelity::Exact), &call).await.map(drop) },
        )
    };
    let running = spawn(ENDLESS, &busy);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = spawn("INSERT INTO t VALUES (1)", queued);
    tokio::time::sleep(Duration::from_millis(50)).await;
    queued.cancel().cancel("the query was cancelled");
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    busy.cancel().cancel("the query was cancelled");
    assert!(running.await.unwrap().is_err());
    assert_eq!(number(&session, "SELECT count(*) FROM t").await, 0);
}

/// Whatever a statement may leave in a connection, seen by anybody or not, no other session meets it.
#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_served_by_the_connection_of_another() {
    const WHICH: &str = "SELECT current_connection_id()::BIGINT";
    let engine = engine();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..10 {
        assert!(seen.insert(number(&session(&engine).await, WHICH).await));
        // Its connection is closed, and the next one opened, a moment later.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_call_interrupts_what_it_started() {
    let session = session(&engine()).await;
    let asks = Call::of_server("test");
    let call = session.execute(Execute::sql(ENDLESS, Fidelity::Exact), &asks);
    assert!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err());
    let begun = Instant::now();
    assert_eq!(number(&session, "SELECT 42::BIGINT").await, 42);
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_may_not_be_stopped_finishes_after_its_call_is_dropped() {
    let session = session(&engine()).await;
    let sql = "CREATE TABLE t AS SELECT i, md5(i::VARCHAR) AS m FROM range(1500000) r(i)";
    let call = Execute { finish_writes: true, ..Execute::sql(sql, Fidelity::Exact) };
    let asks = Call::of_server("test");
    let call = session.execute(call, &asks);
    assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
    assert_eq!(number(&session, "SELECT count(*) FROM t").await, 1_500_000);
}

#[rstest]
#[case("")]
#[case(" ; -- nothing")]
#[case("SELECT 1; SELECT 2")]
#[case("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")]
#[tokio::test(flavor = "multi_thread")]
async fn only_exactly_one_statement_runs(#[case] sql: &str) {
    let session = session(&engine()).await;
    run(&session, "CREATE TABLE t (i INTEGER)").await.unwrap();
    let error = run(&session, sql).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::NotOneStatement, "Expected exactly one SQL statement")
    );
    assert_eq!(number(&session, "SELECT count(*) FROM t").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pivot_that_duckdb_expands_is_one_statement() {
    let session = session(&engine()).await;
    run(&session, "CREATE TABLE t AS SELECT i % 3 AS a, i AS b FROM range(9) r(i)").await.unwrap();
    assert_eq!(rows(&run(&session, "PIVOT t ON a USING sum(b); -- done").await.unwrap()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_shared_and_uncommitted_work_is_not() {
    let engine = engine();
    let (one, two) = (session(&engine).await, session(&engine).await);
    run(&one, "CREATE TABLE t (i BIGINT)").await.unwrap();
    run(&one, "BEGIN").await.unwrap();
    run(&one, "INSERT INTO t VALUES (1)").await.unwrap();
    assert_eq!(number(&two, "SELECT count(*) FROM t").await, 0);
    run(&one, "COMMIT").await.unwrap();
    assert_eq!(number(&two, "SELECT count(*) FROM t").await, 1);
    let bob = engine.authenticate("bob", "secret").unwrap().open_session().await.unwrap();
    assert_eq!(run(&bob, "FROM t").await.unwrap_err().kind(), ErrorKind::Sql);
}

#[rstest]
#[case("COPY (SELECT 1) TO '/tmp/altertable-mock-escape.csv'")]
#[case("SELECT * FROM read_text('/etc/passwd')")]
#[case("ATTACH '/tmp/altertable-mock-escape.db' AS x")]
#[case("INSTALL httpfs")]
#[case("LOAD httpfs")]
#[case("SET enable_external_access = true")]
#[case("SET allowed_directories = ['/']")]
#[tokio::test(flavor = "multi_thread")]
async fn sql_cannot_reach_the_host(#[case] sql: &str) {
    let session = session(&engine()).await;
    assert!(run(&session, sql).await.is_err(), "{sql}");
    run(&session, "ATTACH ':memory:' AS other").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_start_in_utc_in_memory_main() {
    let session = session(&engine()).await;
    let sql = "SELECT current_setting('TimeZone') = 'Etc/UTC' AND current_catalog() = 'memory' AND current_schema() = 'main'";
    assert!(run(&session, sql).await.unwrap()[0].column(0).as_boolean().value(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_refused() {
    let engine = engine();
    for (user, password) in [("alice", "wrong"), ("alice", ""), ("carol", "secret"), ("", "")] {
        assert_eq!(engine.authenticate(user, password).unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
}

#[rstest]
#[case("CALL enable_logging(storage = 'file', storage_path = '/nowhere/logs')")]
#[case("SELECT * FROM enable_logging(storage = 'file', storage_path = '/nowhere/logs')")]
#[case(
    "FROM query('SELECT * FROM enable_' || 'logging(storage = ''file'', storage_path = ''/nowhere/logs'')')"
)]
#[case("SET enable_profiling = 'json'")]
#[case("SET profiling_output = '/nowhere/x'")]
#[case("PRAGMA profiling_output = '/nowhere/x'")]
#[case("SET threads = 64")]
#[case("SET memory_limit = '1TB'")]
#[case("SET max_memory = '1TB'")]
#[case("SET temp_directory = '/nowhere'")]
#[case("SET secret_directory = '/nowhere'")]
#[case("SET extension_directory = '/nowhere'")]
#[case("SET home_directory = '/nowhere'")]
#[case("SET lock_configuration = true")]
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_takes_the_process_down_with_its_database(#[case] sql: &str) {
    let engine = engine();
    let one = session(&engine).await;
    let error = run(&one, sql).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{sql}: {error}");
    run(&one, "SELECT 1").await.unwrap();
    one.close().await;
    drop((one, engine));
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_database_is_replaced_for_its_tenant_alone() {
    let engine = engine();
    let (alice, bob) =
        (engine.authenticate("alice", "secret").unwrap(), engine.authenticate("bob", "secret").unwrap());
    let (one, other) = (alice.open_session().await.unwrap(), bob.open_session().await.unwrap());
    for session in [&one, &other] {
        run(session, "CREATE TABLE t AS SELECT 1::BIGINT AS i").await.unwrap();
    }
    one.break_database();
    assert_eq!(run(&one, "FROM t").await.unwrap_err().kind(), ErrorKind::SessionExpired);
    let fresh = alice.open_session().await.unwrap();
    assert_eq!(run(&fresh, "FROM t").await.unwrap_err().kind(), ErrorKind::Sql);
    assert_eq!(number(&fresh, "SELECT 42::BIGINT").await, 42);
    assert_eq!(number(&other, "SELECT count(*) FROM t").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_adopt_one_id_at_once_share_one_session() {
    let tenant = engine().authenticate("alice", "secret").unwrap();
    let id = uuid::Uuid::new_v4();
    let calls = (0..16).map(|_| {
        let tenant = Arc::clone(&tenant);
        tokio::spawn(async move { tenant.rest_session(Some(id)).await.unwrap() })
    });
    let sessions: Vec<_> =
        futures::future::join_all(calls).await.into_iter().map(|call| call.unwrap()).collect();
    assert!(sessions.iter().all(|session| Arc::ptr_eq(session, &sessions[0])));
}

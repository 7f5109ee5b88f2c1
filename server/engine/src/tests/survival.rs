//! What no client's call may do: stand in the way of the others, or take a user's tables.

use arrow::datatypes::Int64Type;

use super::*;

/// How long the async thread may be kept by one task; DuckDB would keep it for seconds.
const PROMPT: Duration = Duration::from_millis(250);

/// Runs `work` on the one async thread there is, and returns the longest time that another task had to wait for it.
async fn longest_wait(work: impl Future<Output = ()>) -> Duration {
    let ticks = async {
        let mut longest = Duration::ZERO;
        loop {
            let asked = Instant::now();
            tokio::task::yield_now().await;
            longest = longest.max(asked.elapsed());
            LONGEST.with(|cell| cell.set(longest));
        }
    };
    tokio::select! { biased; () = work => {}, () = ticks => {} }
    LONGEST.with(std::cell::Cell::get)
}

thread_local! {
    static LONGEST: std::cell::Cell<Duration> = const { std::cell::Cell::new(Duration::ZERO) };
}

#[tokio::test]
async fn closing_a_statement_that_runs_keeps_nobody_waiting() {
    let session = session(&engine()).await;
    let statement =
        session.prepare(ENDLESS.to_owned(), Fidelity::Exact, &Call::of_server("test")).await.unwrap();
    let cancelled = Call::of_server("test");
    cancel_in(2, &cancelled);
    let call = Execute::new(Statement::Prepared(Arc::clone(&statement)), Fidelity::Exact);
    let running = session.execute(call, &cancelled);
    let waited = longest_wait(async {
        let closing = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            session.discard(&statement);
            assert!(!session.is_current(&statement) || statement.sql() == ENDLESS);
            assert_eq!(session.idle(), Duration::ZERO);
        };
        let (outcome, ()) = tokio::join!(running, closing);
        assert_eq!(outcome.err().map(|error| error.kind()), Some(ErrorKind::Cancelled));
    })
    .await;
    assert!(waited < PROMPT, "another task waited {waited:?}");
    // A ticket may still execute it (FQ-5).
    let cancelled = Call::of_server("test");
    let again = Execute::new(Statement::Prepared(statement), Fidelity::Exact);
    cancel_in(0, &cancelled);
    assert!(session.execute(again, &cancelled).await.is_err());
}

#[tokio::test]
async fn dropping_a_session_with_a_large_transaction_keeps_nobody_waiting() {
    let session = session(&engine()).await;
    run(&session, "CREATE TABLE t AS SELECT range AS i FROM range(3000000)").await.unwrap();
    run(&session, "BEGIN").await.unwrap();
    let cancelled = Call::of_server("test");
    let update = Execute::sql("UPDATE t SET i = i + 1", Fidelity::Exact);
    session.execute(update, &cancelled).await.map(drop).unwrap();
    let waited = longest_wait(async move {
        drop(session);
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            // What GET /query/{id} asks.
            cancelled.cancel().progress();
        }
    })
    .await;
    assert!(waited < PROMPT, "another task waited {waited:?}");
}

#[tokio::test]
async fn a_database_that_is_slow_to_open_keeps_nobody_waiting() {
    let engine = engine();
    let tenant = engine.authenticate("alice", "secret").unwrap();
    let opening = tenant.hold_opening().await;
    let waited = longest_wait(async {
        let first = tokio::time::timeout(Duration::from_millis(100), tenant.open_session());
        assert!(first.await.is_err(), "nobody opens it");
        assert!(!tenant.is_open());
        tenant.remove_folder();
        engine.authenticate("bob", "secret").unwrap().open_session().await.unwrap();
    })
    .await;
    assert!(waited < PROMPT, "another task waited {waited:?}");
    drop(opening);
    assert_eq!(number(&tenant.open_session().await.unwrap(), "SELECT 42::BIGINT").await, 42);
}

fn with_spool_limit(bytes: u64) -> Arc<Engine> {
    let users = vec![Account { name: "alice".to_owned(), password: "secret".to_owned() }];
    let limits = Limits { tenant_spool: Some(bytes), ..Limits::default() };
    Engine::new(EngineConfig { users, limits, ..EngineConfig::default() })
}

/// The next row of an endless stream of 0, 1, 2, …, which lost none before it.
async fn next_rows(stream: &mut ResultStream, expected: &mut i64) {
    let batch = stream.next().await.unwrap().unwrap();
    for value in batch.column(0).as_primitive::<Int64Type>().values() {
        assert_eq!(*value, *expected);
        *expected += 1;
    }
}

const ROWS_WITHOUT_END: &str = "SELECT range AS i FROM range(1000000000000)";

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_does_not_fit_the_spool_goes_on_and_the_call_that_wanted_room_fails() {
    let session = session(&with_spool_limit(8 << 20)).await;
    let call = Execute::sql(ROWS_WITHOUT_END, Fidelity::Exact);
    let mut stream = session.execute(call, &Call::of_server("test")).await.unwrap();
    let mut expected = 0;
    next_rows(&mut stream, &mut expected).await;
    for _ in 0..3 {
        let error = run(&session, "SELECT 1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        assert!(error.message().contains("8388608 bytes; raise it with --tenant-spool-limit"), "{error}");
        for _ in 0..5 {
            next_rows(&mut stream, &mut expected).await;
        }
    }
    // 64 MiB of memory and 8 MiB of file hold nine million rows; behind them the stream computes more.
    while expected < 20_000_000 {
        next_rows(&mut stream, &mut expected).await;
    }
    drop(stream);
    assert_eq!(number(&session, "SELECT 42::BIGINT").await, 42);
    assert_eq!(session.instance().spool_space().usage().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_has_gone_makes_no_more_room() {
    let session = session(&with_spool_limit(1 << 40)).await;
    let call = Execute::sql(ROWS_WITHOUT_END, Fidelity::Exact);
    let mut stream = session.execute(call, &Call::of_server("test")).await.unwrap();
    let mut expected = 0;
    next_rows(&mut stream, &mut expected).await;
    let (cancelled, patience) = (Call::of_server("test"), Duration::from_millis(500));
    let planned = session.plan("SELECT 1".to_owned(), Target::default(), Fidelity::Exact, &cancelled);
    assert!(tokio::time::timeout(patience, planned).await.is_err());
    assert!(tokio::time::timeout(patience, run(&session, "SELECT 1")).await.is_err());
    // What they were at ends within a batch; then nothing grows.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (before, _) = session.instance().spool_space().usage();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(session.instance().spool_space().usage().0, before);
    while expected < 30_000_000 {
        next_rows(&mut stream, &mut expected).await;
    }
    drop(stream);
    assert_eq!(number(&session, "SELECT 42::BIGINT").await, 42);
}

#[rstest]
#[case("SELECT 'database has been invalidated'::INTEGER")]
#[case("SELECT 'FATAL Error: database has been invalidated because of a previous fatal error'::DATE")]
#[case("SELECT error('FATAL Error: x')")]
#[case("SELECT error('INTERNAL Error: x')")]
#[case("SELECT * FROM \"INTERNAL Error: database has been invalidated\"")]
#[case("FATAL Error: database has been invalidated")]
#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_a_user_empties_a_database(#[case] sql: &str) {
    let session = session(&engine()).await;
    run(&session, "CREATE TABLE t AS SELECT 42::BIGINT AS i").await.unwrap();
    run(&session, sql).await.unwrap_err();
    assert!(!session.is_lost());
    assert_eq!(number(&session, "SELECT i FROM t").await, 42);
}

/// A fault of DuckDB 1.5.5: the foreign key of a table that was there already is noted all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_beyond_use_is_replaced_at_the_next_call() {
    let engine = engine();
    let broken = session(&engine).await;
    for sql in [
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "INSERT INTO parent VALUES (1)",
        "CREATE TABLE child (pid INTEGER)",
        "CREATE TABLE IF NOT EXISTS child (pid INTEGER REFERENCES parent (id))",
    ] {
        run(&broken, sql).await.unwrap();
    }
    let error = run(&broken, "DELETE FROM parent").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    assert!(error.message().starts_with("INTERNAL Error: ") && !error.message().contains("Stack Trace"));
    assert_eq!(run(&broken, "SELECT 1").await.unwrap_err().kind(), ErrorKind::SessionExpired);
    assert_eq!(number(&session(&engine).await, "SELECT 42::BIGINT").await, 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_set_inside_a_macro_stays_in_its_session() {
    let engine = engine();
    let first = session(&engine).await;
    run(&first, "CREATE MACRO sow() AS setseed(0.5)").await.unwrap();
    let mut drawn = Vec::new();
    for _ in 0..6 {
        let seeded = session(&engine).await;
        run(&seeded, "SELECT sow()").await.unwrap();
        let id = seeded.id();
        drop(seeded);
        engine.authenticate("alice", "secret").unwrap().sessions().remove(id);
        tokio::time::sleep(Duration::from_millis(20)).await;
        drawn.push(number(&session(&engine).await, "SELECT (random() * 1e15)::BIGINT").await);
    }
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_larger_than_the_memory_limit_uses_the_disk() {
    let users = vec![Account { name: "alice".to_owned(), password: "secret".to_owned() }];
    let tenant_memory_limit = "80MB".to_owned();
    let engine = Engine::new(EngineConfig { users, tenant_memory_limit, ..EngineConfig::default() });
    let sorted = "SELECT count(*) FROM (SELECT i, md5(i::VARCHAR) AS m FROM range(4000000) r(i) ORDER BY m) WHERE m <> ''";
    assert_eq!(number(&session(&engine).await, sorted).await, 4_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reaches_the_folder_of_uploads_and_spilled_rows() {
    let session = session(&engine()).await;
    run(&session, "CREATE TABLE t AS SELECT 42::BIGINT AS i").await.unwrap();
    let folder = session.instance().spool_folder().create().unwrap().to_owned();
    let path = folder.display();
    for sql in [
        format!("COPY t TO '{path}/x.csv'"),
        format!("COPY (FROM t) TO $${path}/x.parquet$$ (FORMAT 'parquet')"),
        format!("EXPLAIN ANALYZE COPY t TO '{path}/x.csv'"),
        format!("PREPARE p AS COPY t TO '{path}/x.csv'"),
        format!("PREPARE p /* as */ AS -- as\n COPY t TO '{path}/x'"),
        format!("EXPORT DATABASE '{path}/x'"),
        format!("ATTACH '{path}/x.db' AS x"),
        format!("ATTACH IF NOT EXISTS $${path}/x.db$$ AS x (TYPE '')"),
        format!("ATTACH E'{path}/x.db' AS x (TYPE ':memory:')"),
    ] {
        let refused = run(&session, &sql).await.unwrap_err();
        assert!(refused.message().contains("disabled by configuration"), "{sql}: {refused}");
        let _ = run(&session, "EXECUTE p").await;
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "{sql}");
    }
    for sql in ["ATTACH ':memory:' AS m", "CREATE TABLE m.t AS FROM t", "PREPARE q AS SELECT 1 AS copy"] {
        run(&session, sql).await.unwrap();
    }
}

#[tokio::test]
async fn a_tenant_that_a_request_has_does_not_idle() {
    let tenant = engine().authenticate("alice", "secret").unwrap();
    let visit = tenant.visit();
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(tenant.idle(), Duration::ZERO);
    drop(visit);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(tenant.idle() >= Duration::from_millis(5));
}

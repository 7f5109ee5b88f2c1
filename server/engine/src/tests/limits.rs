//! What happens at the limits of sessions and of a statement's time.

use super::*;

fn limited(limits: Limits) -> Arc<Engine> {
    let users = vec![Account { name: "alice".to_owned(), password: "secret".to_owned() }];
    Engine::new(EngineConfig { users, limits, ..EngineConfig::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_that_idles_longest_makes_room_unless_it_is_in_use_or_would_lose_something() {
    let tenant = limited(Limits { tenant_sessions: 3, ..Limits::default() });
    let tenant = tenant.authenticate("alice", "secret").unwrap();
    let mut ids = Vec::new();
    for sql in ["CREATE TEMP TABLE t (a INTEGER)", "SET VARIABLE x = 1", "SET VARIABLE x = 2"] {
        let session = tenant.rest_session(None).await.unwrap();
        run(&session, sql).await.unwrap();
        tenant.sessions().release(&session);
        ids.push(session.id());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let held = tenant.rest_session(Some(ids[1])).await.unwrap();
    let fourth = tenant.rest_session(None).await.unwrap();
    let gone: Vec<_> = ids.iter().map(|id| tenant.sessions().is_expired(*id)).collect();
    assert_eq!(gone, [false, false, true]);
    // The fourth and the held one are in use, and the first has its table.
    let refused = tenant.rest_session(None).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
    assert_eq!(tenant.sessions().len(), 3);
    let first = tenant.rest_session(Some(ids[0])).await.unwrap();
    run(&first, "DROP TABLE t").await.unwrap();
    tenant.sessions().release(&first);
    assert!(tenant.rest_session(None).await.is_ok() && first.is_closed());
    drop((held, fourth));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_beyond_its_time_is_interrupted_and_one_that_has_ended_is_not() {
    let timeout = Duration::from_millis(500);
    let engine = limited(Limits { statement_timeout: Some(timeout), ..Limits::default() });
    let session = session(&engine).await;
    let begun = Instant::now();
    let error = run(&session, ENDLESS).await.unwrap_err();
    assert!(begun.elapsed() >= timeout && begun.elapsed() < Duration::from_secs(5));
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(error.message().contains("0.5 s; raise it with --statement-timeout"), "{error}");

    let insert = Execute::sql("CREATE TABLE t AS SELECT 1 AS a", Fidelity::Exact);
    let mut done = session.execute(insert, &Call::of_server("test")).await.unwrap();
    let mut slow =
        session.execute(Execute::sql(MANY, Fidelity::Exact), &Call::of_server("test")).await.unwrap();
    slow.next().await.unwrap().unwrap();
    tokio::time::sleep(2 * timeout).await;
    assert_eq!(rows(&collect(&mut done).await.unwrap()), 1);
    assert_eq!(collect(&mut slow).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert_eq!(number(&session, "SELECT 42::BIGINT").await, 42);
}

/// One value that takes DuckDB some ten seconds, in which it looks at no interrupt.
const ONE_VALUE: &str = "SELECT levenshtein(repeat('a', n), repeat('b', n)) FROM (VALUES (60000)) t(n)";

/// What DuckDB plans for some ten seconds: twice as long with each level.
fn planned_slowly(levels: usize) -> String {
    let (open, close) = (0..levels)
        .map(|level| (format!("list_transform([1], lambda x{level}: "), ")"))
        .unzip::<_, _, String, String>();
    format!("SELECT {open}x0{close}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_statement_is_answered_while_duckdb_goes_on_with_it() {
    let engine = limited(Limits { tenant_lingering: 1, ..Limits::default() });
    let stuck = session(&engine).await;
    let tenant = engine.authenticate("alice", "secret").unwrap();
    let lingering = || tenant.meters().lingering.used();
    let cancelled = Call::of_server("test");
    cancel_in(1, &cancelled);
    let begun = Instant::now();
    let call = Execute::sql(ONE_VALUE, Fidelity::Exact);
    let error = stuck.execute(call, &cancelled).await.err().unwrap();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Cancelled, "the test is over"));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    // The user's statements wait until it has stopped; nobody else's do.
    let refused = run(&stuck, "SELECT 1").await.unwrap_err();
    assert!(refused.message().contains("at most 1; raise it with --tenant-lingering-limit"), "{refused}");
    assert_eq!(lingering(), 1);
    let closing = Instant::now();
    stuck.close().await;
    assert!(closing.elapsed() < Duration::from_secs(2), "{:?}", closing.elapsed());
    while lingering() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(120));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(number(&session(&engine).await, "SELECT 42::BIGINT").await, 42);
}

/// Where DuckDB is compiled in, and on macOS, nothing ends a planning.
#[cfg(all(target_os = "linux", not(feature = "bundled")))]
#[tokio::test(flavor = "multi_thread")]
async fn the_planning_of_a_cancelled_statement_ends_and_its_session_goes_on() {
    let engine = limited(Limits { tenant_lingering: 1, ..Limits::default() });
    let session = session(&engine).await;
    run(&session, "CREATE TABLE kept AS SELECT 42::BIGINT AS a").await.unwrap();
    run(&session, "BEGIN").await.unwrap();
    let cancelled = Call::of_server("test");
    cancel_in(1, &cancelled);
    let begun = Instant::now();
    // Hours of planning, were it not ended.
    let call = Execute::sql(planned_slowly(35), Fidelity::Exact);
    let error = session.execute(call, &cancelled).await.err().unwrap();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Cancelled, "the test is over"));
    let tenant = engine.authenticate("alice", "secret").unwrap();
    while tenant.meters().lingering.used() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(6));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    run(&session, "ROLLBACK").await.unwrap();
    assert_eq!(number(&session, "FROM kept").await, 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_planned_is_answered_as_soon() {
    let session = session(&engine()).await;
    let cancelled = Call::of_server("test");
    cancel_in(1, &cancelled);
    let begun = Instant::now();
    let error = session.prepare(planned_slowly(23), Fidelity::Exact, &cancelled).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

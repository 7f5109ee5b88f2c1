//! Streams on their way to readers that are slow, leave, or are told of a failure.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_gives_every_row_once_and_in_order() {
    let session = session(&engine()).await;
    let batches = run(&session, MANY).await.unwrap();
    let mut next = 0;
    for batch in &batches {
        for value in batch.column(0).as_primitive::<Int64Type>().values() {
            assert_eq!(*value, next);
            next += 1;
        }
    }
    assert_eq!(next, 3_000_000);
    assert!(batches.len() < 200, "batches are merged: {}", batches.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_reader_frees_the_session() {
    let session = session(&engine()).await;
    let slow = "SELECT i, md5(i::VARCHAR) FROM range(2000000000) r(i)";
    let mut stream =
        session.execute(Execute::sql(slow, Fidelity::Exact), &Call::of_server("test")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let begun = Instant::now();
    assert_eq!(number(&session, "SELECT 42::BIGINT").await, 42);
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_failure_ends_the_stream_and_not_the_session() {
    let session = session(&engine()).await;
    let sql = "SELECT CASE WHEN i = 500000 THEN error('boom') ELSE i END AS i FROM range(1000000) r(i)";
    let error = run(&session, sql).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Sql, "Invalid Input Error: boom"));
    assert_eq!(number(&session, "SELECT 42::BIGINT").await, 42);
}

/// While the reader pauses, threads of DuckDB's compute ahead, and may be the ones to meet the error.
#[rstest]
#[case::of_one_thread("SELECT CASE WHEN i = 999999 THEN error('boom') ELSE i END FROM range(1000000) r(i)")]
#[case::of_several(
    "SELECT CASE WHEN k = 777777 THEN error('boom') ELSE k END FROM (SELECT DISTINCT k FROM t)"
)]
#[case::in_order("SELECT CASE WHEN k = 999999 THEN error('boom') ELSE k END FROM t")]
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_told_the_same_failure(#[case] sql: &str, #[values(false, true)] prepared: bool) {
    let session = session(&engine()).await;
    run(&session, "CREATE TABLE t AS SELECT range AS k FROM range(1000000)").await.unwrap();
    let statement = if prepared {
        let (sql, call) = (sql.to_owned(), Call::of_server("test"));
        Statement::Prepared(session.prepare(sql, Fidelity::Exact, &call).await.unwrap())
    } else {
        Statement::Sql(sql.to_owned())
    };
    for _ in 0..20 {
        let call = Execute::new(statement.clone(), Fidelity::Exact);
        let mut stream = session.execute(call, &Call::of_server("test")).await.unwrap();
        let error = loop {
            tokio::time::sleep(Duration::from_millis(3)).await;
            if let Err(error) = stream.next().await.unwrap() {
                break error;
            }
        };
        assert_eq!((error.kind(), error.message()), (ErrorKind::Sql, "Invalid Input Error: boom"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_session_ends_its_streams_and_rolls_back() {
    let engine = engine();
    let (one, two) = (session(&engine).await, session(&engine).await);
    run(&one, "CREATE TABLE t (i BIGINT)").await.unwrap();
    run(&one, "BEGIN").await.unwrap();
    run(&one, "INSERT INTO t VALUES (1)").await.unwrap();
    let mut stream =
        one.execute(Execute::sql(MANY, Fidelity::Exact), &Call::of_server("test")).await.unwrap();
    one.close().await;
    assert_eq!(collect(&mut stream).await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(number(&two, "SELECT count(*) FROM t").await, 0);
    assert_eq!(run(&one, "SELECT 1").await.unwrap_err().kind(), ErrorKind::SessionUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_cuts_rows_and_ends_the_query() {
    let session = session(&engine()).await;
    let window = Window { limit: Some(3), offset: 2 };
    let endless = "SELECT i::BIGINT AS i FROM range(1000000000000) r(i)";
    let request = Execute { window, ..Execute::sql(endless, Fidelity::Exact) };
    let mut stream = session.execute(request, &Call::of_server("test")).await.unwrap();
    let batches = collect(&mut stream).await.unwrap();
    let values: Vec<i64> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    assert_eq!(values, [2, 3, 4]);
    assert_eq!(batches[0].column(0).null_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_reader_inside_a_transaction_leaves_it_usable() {
    let session = session(&engine()).await;
    run(&session, "CREATE TABLE t (i BIGINT)").await.unwrap();
    run(&session, "BEGIN").await.unwrap();
    run(&session, "INSERT INTO t VALUES (1)").await.unwrap();
    for _ in 0..20 {
        let mut stream =
            session.execute(Execute::sql(MANY, Fidelity::Exact), &Call::of_server("test")).await.unwrap();
        stream.next().await.unwrap().unwrap();
        drop(stream);
        assert_eq!(number(&session, "SELECT count(*) FROM t").await, 1);
    }
    run(&session, "COMMIT").await.unwrap();
    assert_eq!(number(&session, "SELECT count(*) FROM t").await, 1);
}

/// Whoever has the answer of a statement, and asks another session next, is told what holds since.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_before_its_statement_is_answered() {
    let engine = engine();
    let (session, other) = (session(&engine).await, session(&engine).await);
    run(&session, "CREATE TABLE t AS SELECT 1 AS a").await.unwrap();
    for round in 0..2000 {
        let planned =
            session.prepare("FROM t".to_owned(), Fidelity::Exact, &Call::of_server("test")).await.unwrap();
        let change = Execute::sql("UPDATE t SET a = a + 1", Fidelity::Exact);
        let answered = other.execute(change, &Call::of_server("test")).await.unwrap();
        assert!(!session.is_current(&planned), "round {round}");
        drop(answered);
    }
}

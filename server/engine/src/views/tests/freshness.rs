//! AC-04: data is there for the next statement, and an open transaction keeps what it saw.

use super::*;

const COUNT: &str = "SELECT count(*) FROM product_analytics.main.events";

#[tokio::test(flavor = "multi_thread")]
async fn sessions_already_open_see_new_data() {
    let world = World::new();
    let (open, used) = (world.session("alice").await, world.session("alice").await);
    rows(&used, "USE product_analytics.analytics").await;
    assert_eq!(value(&open, COUNT).await, "0");
    for sent in 1..=5 {
        world.ingest(vec![track("e", "u", "")]);
        assert_eq!(value(&open, COUNT).await, sent.to_string());
        assert_eq!(value(&used, "SELECT count(*) FROM events").await, sent.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_sees_new_data_at_each_execution() {
    let world = World::new();
    let session = world.session("alice").await;
    rows(&session, &format!("PREPARE counting AS {COUNT}")).await;
    for sent in 1..=3 {
        world.ingest(vec![track("e", "u", "")]);
        assert_eq!(value(&session, "EXECUTE counting").await, sent.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_keeps_its_snapshot() {
    let world = World::new();
    world.ingest(vec![track("e", "A", "")]);
    let (inside, outside) = (world.session("alice").await, world.session("alice").await);
    rows(&inside, "BEGIN").await;
    assert_eq!(value(&inside, COUNT).await, "1");
    world.ingest(vec![track("e", "u", ""), identify("u", "A", &[("a", "1")])]);
    assert_eq!(value(&inside, COUNT).await, "1");
    let traits = "SELECT DISTINCT identity_traits::VARCHAR FROM product_analytics.analytics.events";
    assert_eq!(rows(&inside, traits).await, [["{}"]]);
    assert_eq!(value(&outside, COUNT).await, "2");
    rows(&inside, "COMMIT").await;
    assert_eq!(value(&inside, COUNT).await, "2");
    assert_eq!(rows(&inside, traits).await, [[r#"{"a":1}"#]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_sees_what_was_there_at_its_first_look() {
    let world = World::new();
    let session = world.session("alice").await;
    rows(&session, "BEGIN").await;
    world.ingest(vec![track("e", "u", "")]);
    assert_eq!(value(&session, COUNT).await, "1");
    rows(&session, "ROLLBACK").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_statement_sees_one_moment() {
    let world = World::new();
    let session = world.session("alice").await;
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (store, flag) = (Arc::clone(world.store()), Arc::clone(&stop));
    let writer = std::thread::spawn(move || {
        let access = store.access("k1").unwrap();
        for n in 0.. {
            if flag.load(std::sync::atomic::Ordering::SeqCst) {
                return;
            }
            let item = Item { environment: "production".into(), action: track("e", &format!("u{n}"), "") };
            store.apply(&access, vec![item], Micros(1)).unwrap();
        }
    });
    let sql = "SELECT (SELECT count(*) FROM product_analytics.main.events)
                    - (SELECT count(*) FROM product_analytics.analytics.events)
                    + (SELECT count(*) FROM product_analytics.main.identities)
                    - (SELECT count(*) FROM product_analytics.analytics.identities)";
    for _ in 0..100 {
        assert_eq!(value(&session, sql).await, "0");
    }
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    writer.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_being_read_does_not_change() {
    let world = World::new();
    world.ingest((0..100_000).map(|_| track("e", "u", "")).collect());
    let session = world.session("alice").await;
    let sql = "SELECT event FROM product_analytics.main.events";
    let mut stream =
        session.execute(Execute::sql(sql, Fidelity::Exact), &Call::of_server("test")).await.unwrap();
    let mut count = stream.next().await.unwrap().unwrap().num_rows();
    world.ingest(vec![track("late", "u", ""); 10]);
    assert_eq!(value(&session, COUNT).await, "100010", "the next statement of the same session");
    while let Some(batch) = stream.next().await {
        count += batch.unwrap().num_rows();
    }
    assert_eq!(count, 100_000);
}

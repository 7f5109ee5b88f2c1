//! Users, keys and contents changed while the engine runs.

use super::*;
use crate::events::{Action, Item, Micros, Track};

fn account(name: &str) -> Account {
    Account { name: name.to_owned(), password: "secret".to_owned() }
}

async fn session_of(engine: &Arc<Engine>, user: &str) -> Arc<Session> {
    engine.authenticate(user, "secret").unwrap().open_session().await.unwrap()
}

fn track(engine: &Engine, key: &str) {
    let track = Track { event: "e".into(), distinct_id: Some("u".into()), ..Track::default() };
    let item = Item { environment: "production".into(), action: Action::Track(track) };
    let access = engine.events().access(key).unwrap();
    engine.events().apply(&access, vec![item], Micros(1)).unwrap();
}

async fn events(session: &Arc<Session>) -> i64 {
    number(session, "SELECT count(*) FROM product_analytics.main.events").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_added_user_has_an_empty_database_and_the_project_of_its_key() {
    let engine = engine();
    assert_eq!(engine.authenticate("carol", "secret").unwrap_err().kind(), ErrorKind::Unauthenticated);
    engine.add_user(account("carol"), Some("key-of-carol")).unwrap();
    engine.add_user(account("dave"), Some("key-of-dave")).unwrap();
    track(&engine, "key-of-carol");
    let (carol, dave) = (session_of(&engine, "carol").await, session_of(&engine, "dave").await);
    run(&carol, "CREATE TABLE t (i INTEGER)").await.unwrap();
    assert!(run(&dave, "FROM t").await.is_err());
    assert_eq!((events(&carol).await, events(&dave).await), (1, 0));
    assert_eq!(engine.authenticate("carol", "wrong").unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_user_is_interrupted_refused_and_begins_anew_when_added_again() {
    let engine = engine();
    engine.add_user(account("carol"), Some("key")).unwrap();
    let carol = session_of(&engine, "carol").await;
    run(&carol, "CREATE TABLE t (i INTEGER)").await.unwrap();
    let running = tokio::spawn({
        let carol = Arc::clone(&carol);
        async move { run(&carol, ENDLESS).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    engine.remove_user("carol").await.unwrap();
    assert_eq!(running.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(engine.authenticate("carol", "secret").unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(engine.remove_user("carol").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(run(&carol, "SELECT 1").await.is_err());
    engine.remove_api_key("key").unwrap();
    assert_eq!(engine.remove_api_key("key").unwrap_err().kind(), ErrorKind::NotFound);
    engine.add_user(account("carol"), Some("key")).unwrap();
    let carol = session_of(&engine, "carol").await;
    assert!(run(&carol, "FROM t").await.is_err());
}

#[rstest]
#[case::no_name("", "secret", Some("key"))]
#[case::no_password("carol", "", Some("key"))]
#[case::taken_name("alice", "secret", Some("key"))]
#[case::empty_key("carol", "secret", Some(""))]
#[case::taken_key("carol", "secret", Some("taken"))]
#[tokio::test]
async fn a_bad_user_is_refused_whole(#[case] name: &str, #[case] password: &str, #[case] key: Option<&str>) {
    let engine = engine();
    engine.add_api_key("taken").unwrap();
    let account = Account { name: name.to_owned(), password: password.to_owned() };
    let error = engine.add_user(account, key).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!error.message().contains("taken key") && !error.message().contains("secret"));
    assert!(engine.events().access("key").is_none());
    assert!(engine.events().access("taken").is_some());
    assert!(engine.authenticate("carol", "secret").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_empties_everything_and_keeps_what_is_declared() {
    let engine = engine();
    engine.add_user(account("carol"), Some("key")).unwrap();
    let (alice, carol) = (session_of(&engine, "alice").await, session_of(&engine, "carol").await);
    run(&alice, "CREATE TABLE t (i INTEGER)").await.unwrap();
    track(&engine, "key");
    assert_eq!(events(&carol).await, 1);
    engine.reset().await;
    assert!(run(&alice, "SELECT 1").await.is_err());
    let (alice, carol) = (session_of(&engine, "alice").await, session_of(&engine, "carol").await);
    assert!(run(&alice, "FROM t").await.is_err());
    assert_eq!(events(&carol).await, 0);
    track(&engine, "key");
    assert_eq!(events(&carol).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_has_every_statement_and_how_it_failed() {
    let engine = engine();
    let alice = session_of(&engine, "alice").await;
    run(&alice, "SELECT 1").await.unwrap();
    run(&alice, "FROM nowhere").await.unwrap_err();
    run(&alice, "SELECT error('late') FROM range(3000000) r(i) WHERE i = 2999999").await.unwrap_err();
    alice.prepare("SELEC".to_owned(), Fidelity::Exact, &Call::of_server("test")).await.unwrap_err();
    let seen: Vec<_> = (engine.journal("alice").iter())
        .map(|entry| (entry.what.chars().take(12).collect::<String>(), entry.failure().is_some()))
        .collect();
    let expected = [("SELECT 1", false), ("FROM nowhere", true), ("SELECT error", true), ("SELEC", true)];
    assert_eq!(seen, expected.map(|(what, failed)| (what.to_owned(), failed)));
    assert!(engine.journal("bob").is_empty() && engine.journal("nobody").is_empty());
}

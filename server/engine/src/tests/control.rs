//! Users, keys and contents changed while the engine runs.

use super::*;
use crate::call::CallEnd;
use crate::control::ResetParts;
use crate::events::{Action, Item, Micros, Track};
use crate::journal::CallStatus;
use uuid::Uuid;

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
async fn a_call_that_has_ended_is_an_entry_of_its_tenant() {
    let engine = engine();
    let alice = engine.authenticate("alice", "secret").unwrap();
    let session = alice.open_session().await.unwrap();
    let end = CallEnd { status: CallStatus::Http(200), bytes_out: 7, client: Some("tester/1") };
    let statements = ["SELECT 1", "FROM nowhere", "ATTACH 'topsecret' AS x"];
    for sql in statements {
        let call = Arc::new(Call::new("lakehouse", "POST /query", ""));
        alice.admit(&call);
        let ran = session.execute(Execute::sql(sql, Fidelity::Exact), &call).await;
        if let Err(error) = ran {
            call.fail(error.message());
        }
        call.end(end, |_| panic!("it is alice's"));
    }
    let told: Vec<_> = (engine.journal("alice").iter())
        .map(|entry| {
            let statement = entry.statement.as_ref().map(|kept| kept.text.to_string()).unwrap();
            let error = entry.error.as_ref().map(|error| error.lines().next().unwrap().to_owned());
            assert_eq!((entry.session, entry.bytes_out), (Some(session.id()), 7));
            assert_eq!(entry.client.as_deref(), Some("tester/1"));
            (statement, error)
        })
        .collect();
    let nowhere = "Catalog Error: Table with name nowhere does not exist!".to_owned();
    assert_eq!(told[0], ("SELECT 1".to_owned(), None));
    assert_eq!(told[1], ("FROM nowhere".to_owned(), Some(nowhere)));
    assert_eq!(told[2].0, "ATTACH *** AS x");
    assert!(told[2].1.as_ref().is_some_and(|error| !error.contains("topsecret")), "{told:?}");
    assert!(engine.journal("bob").is_empty() && engine.journal("nobody").is_empty());
    let mut strangers = 0;
    Call::of_server("test").end(end, |_| strangers += 1);
    assert_eq!(strangers, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_with_a_key_before_its_user_came_is_in_the_users_journal() {
    let engine = Engine::new(EngineConfig { allow_any_user: true, ..EngineConfig::default() });
    let end = CallEnd { status: CallStatus::Http(200), bytes_out: 0, client: None };
    let send = || {
        engine.events().access("carol").unwrap();
        let call = Call::new("analytics", "POST /track", "");
        call.notes().is_seen_by(engine.events().watchers("carol", |_| true).journals);
        call.end(end, |_| panic!("it is carol's"));
    };
    send();
    let carol = engine.authenticate("carol", "any").unwrap();
    send();
    assert_eq!(carol.journal().len(), 2);
    let sessions = ResetParts { sessions: true, ..ResetParts::default() };
    engine.reset_tenant(&carol, sessions).await.unwrap();
    send();
    assert_eq!(engine.authenticate("carol", "any").unwrap().journal().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_began_before_a_reset_ends_and_finds_no_new_state() {
    let engine = engine();
    let former = engine.authenticate("alice", "secret").unwrap();
    let alice = former.open_session().await.unwrap();
    run(&alice, "CREATE TABLE t (i INTEGER)").await.unwrap();
    let running = tokio::spawn({
        let alice = Arc::clone(&alice);
        async move { run(&alice, ENDLESS).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let all =
        ResetParts { data: true, sessions: true, journal: true, faults: true, clock: true, tasks: true };
    let epoch = former.task_epoch();
    let done = engine.reset_tenant(&former, all).await.unwrap();
    assert!(!done.skipped_project);
    assert!(alice.is_closed() && alice.is_retired());
    assert_eq!(running.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    // A call that was let in before and has no session yet.
    assert_eq!(former.open_session().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(former.rest_session(None).await.unwrap_err().kind(), ErrorKind::Cancelled);
    let fresh = engine.authenticate("alice", "secret").unwrap();
    assert!(fresh.task_epoch() != epoch && fresh.sessions().is_empty());
    assert!(run(&fresh.open_session().await.unwrap(), "FROM t").await.is_err());
    // A caller that still has the former one means the user.
    engine.reset_tenant(&former, all).await.unwrap();
    engine.remove_tenant(&former).await.unwrap();
    assert_eq!(engine.reset_tenant(&former, all).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_of_sessions_keeps_the_database() {
    let engine = engine();
    let former = engine.authenticate("alice", "secret").unwrap();
    let id = Uuid::now_v7();
    let alice = former.rest_session(Some(id)).await.unwrap();
    run(&alice, "CREATE TABLE t (i INTEGER)").await.unwrap();
    run(&alice, "BEGIN").await.unwrap();
    run(&alice, "INSERT INTO t VALUES (1)").await.unwrap();
    let sessions = ResetParts { sessions: true, ..ResetParts::default() };
    engine.reset_tenant(&former, sessions).await.unwrap();
    let fresh = engine.authenticate("alice", "secret").unwrap();
    let next = fresh.rest_session(Some(id)).await.unwrap();
    assert_ne!(next.id(), id);
    assert_eq!(number(&next, "SELECT count(*) FROM t").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_under_load_lose_and_leak_nothing() {
    let engine = engine();
    let load = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move {
            let mut outcomes = [0, 0];
            for number in 0..200 {
                let alice = engine.authenticate("alice", "secret").unwrap();
                let made = async {
                    let session = alice.open_session().await?;
                    run(&session, &format!("CREATE TABLE t{number} (i INTEGER)")).await.map(drop)
                };
                match made.await {
                    Ok(()) => outcomes[0] += 1,
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
                        outcomes[1] += 1;
                    }
                }
            }
            outcomes
        }
    });
    let all =
        ResetParts { data: true, sessions: true, journal: true, faults: true, clock: true, tasks: true };
    for _ in 0..20 {
        let alice = engine.authenticate("alice", "secret").unwrap();
        engine.reset_tenant(&alice, all).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let outcomes = load.await.unwrap();
    assert_eq!(outcomes[0] + outcomes[1], 200);
    let alice = engine.authenticate("alice", "secret").unwrap();
    engine.reset_tenant(&alice, all).await.unwrap();
    assert_eq!(
        number(
            &session_of(&engine, "alice").await,
            "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'memory'"
        )
        .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_tenant_has_environments_of_its_own_and_takes_its_project_along() {
    let engine = engine();
    let environments = vec!["staging".to_owned(), "production".to_owned()];
    let made = engine.make_tenant(account("carol"), "key-of-carol", environments.clone()).unwrap();
    track(&engine, "key-of-carol");
    let carol = made.open_session().await.unwrap();
    assert_eq!(events(&carol).await, 0);
    let staging = Item { environment: "staging".into(), action: Action::Track(Track::default()) };
    let access = engine.events().access("key-of-carol").unwrap();
    engine.events().apply(&access, vec![staging], Micros(1)).unwrap();
    assert_eq!(events(&carol).await, 1);
    for (name, key) in [("carol", "other"), ("dave", "key-of-carol"), ("", "other"), ("dave", "")] {
        let refused = engine.make_tenant(account(name), key, environments.clone());
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Config);
    }
    assert!(engine.events().access("other").is_none());
    let state = made.state().await.unwrap();
    assert_eq!((state.sessions, state.is_declared), (1, true));
    assert!(state.database_bytes.is_some());
    engine.remove_tenant(&made).await.unwrap();
    assert!(engine.events().access("key-of-carol").is_none());
    assert_eq!(engine.tenant_named("carol").unwrap_err().kind(), ErrorKind::NotFound);
}

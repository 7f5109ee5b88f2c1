//! What ends up in the store (AX-06 to AX-10, AT, AI, AA).

use rstest::rstest;
use serde_json::json;

use super::*;
use engine::events::Micros;

#[tokio::test]
async fn an_event_is_stored_as_sent() {
    let door = Door::new();
    let sent = r#" { "event" : "Signed up", "distinct_id":"u", "anonymous_id":"A", "device_id":"", "session_id":"s",
        "timestamp":"2025-01-15T10:30:00.5Z", "unknown":[1], "release":"1.2",
        "properties":{"n": 12345678901234567890.10, "none": null, "$url":"https://a/b", "list":[ 1 , {"x":1e2}]} }"#;
    assert_eq!(door.post("/track?sync", sent).await.status, StatusCode::OK);
    let snapshot = door.snapshot();
    let event = snapshot.events.iter().next().unwrap();
    let properties = r#"{"n":12345678901234567890.10,"none":null,"$url":"https://a/b","list":[1,{"x":1e2}],"$release":"1.2"}"#;
    assert_eq!((event.event(), event.properties()), ("Signed up", properties));
    assert_eq!((event.device_id(), event.session_id()), (None, Some("s")));
    assert_eq!(event.timestamp(), Micros(1_736_937_000_500_000));
    assert_eq!(event.uuid().get_version_num(), 7);
    let ids: Vec<_> = snapshot.identities.ids().map(|id| &*id.text).collect();
    assert_eq!(ids, ["u", "A"]);
}

#[tokio::test]
async fn a_release_property_of_its_own_wins() {
    let door = Door::new();
    door.post("/track", r#"{"event":"e","release":"1","properties":{"$release":null}}"#).await;
    assert_eq!(door.snapshot().events.iter().next().unwrap().properties(), r#"{"$release":null}"#);
}

#[tokio::test]
async fn an_event_without_ids_or_time_is_received_now() {
    let door = Door::new();
    let before = Micros::now();
    door.post("/track", r#"{"event":"e","distinct_id":"","anonymous_id":null,"timestamp":null}"#).await;
    let snapshot = door.snapshot();
    let event = snapshot.events.iter().next().unwrap();
    assert_eq!((event.subject(), event.identity(), event.identity_traits()), (None, None, None));
    assert!((before..=Micros::now()).contains(&event.timestamp()));
    assert_eq!(snapshot.identities.identity_count(), 0);
}

#[rstest]
#[case::json("application/json")]
#[case::beacon("text/plain;charset=UTF-8")]
#[case::form("application/x-www-form-urlencoded")]
#[tokio::test]
async fn the_content_type_does_not_matter(#[case] content_type: &str) {
    let door = Door::new();
    let headers = [("x-api-key", "pk_one"), ("content-type", content_type)];
    door.call(Method::POST, "/track", &headers, r#"[{"event":"a"},{"event":"b"}]"#).await;
    let names: Vec<_> = door.snapshot().events.iter().map(|event| event.event().to_owned()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test]
async fn an_empty_batch_succeeds_without_effect() {
    let door = Door::new();
    for path in ["/track", "/identify", "/alias"] {
        assert_eq!(door.post(path, " [ ] ").await.status, StatusCode::OK);
    }
    assert!(door.is_empty());
}

#[tokio::test]
async fn a_batch_may_name_several_environments_and_is_applied_whole() {
    let door = Door::new();
    let batch = r#"[{"event":"p"},{"event":"s","environment":"staging"},{"event":"p2","environment":null}]"#;
    assert_eq!(door.post("/track", batch).await.status, StatusCode::OK);
    let staging = door.store.snapshot("pk_one", "staging").unwrap();
    assert_eq!((door.snapshot().events.len(), staging.events.len()), (2, 1));
    let bad = r#"[{"event":"p"},{"event":"s","environment":"nowhere"}]"#;
    let answer = door.post("/track", bad).await;
    assert_eq!(
        (answer.status, &answer.json()["error_code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("environment-not-found"))
    );
    assert_eq!(answer.json()["details"], json!({}));
    assert!(answer.json()["message"].as_str().unwrap().contains("nowhere"));
    assert_eq!(door.snapshot().events.len(), 2);
    assert_eq!(door.store.snapshot("pk_two", "production").unwrap().events.len(), 0);
}

#[tokio::test]
async fn production_itself_may_be_undeclared() {
    let settings =
        Settings { keys: vec!["pk_one".into()], environments: vec!["dev".into()], ..Settings::default() };
    let door = Door::with(settings);
    assert_eq!(door.post("/track", r#"{"event":"e"}"#).await.json()["error_code"], "environment-not-found");
    assert_eq!(door.post("/track", r#"{"event":"e","environment":"dev"}"#).await.status, StatusCode::OK);
}

#[tokio::test]
async fn identify_adds_no_event_and_drops_what_it_tolerates() {
    let door = Door::new();
    let sent = r#"{"distinct_id":"u","anonymous_id":"A","traits":{"plan":"pro","plan":"max","n":1.0},
        "session_id":7,"release":{},"timestamp":1736937000}"#;
    assert_eq!(door.post("/identify", sent).await.status, StatusCode::OK);
    let snapshot = door.snapshot();
    let identity = snapshot.identities.identities().next().unwrap();
    assert_eq!(&**identity.traits.text(), r#"{"plan":"max","n":1.0}"#);
    assert_eq!((identity.is_identified, identity.trait_time), (true, Some(Micros(1_736_937_000_000_000))));
    assert_eq!((snapshot.events.len(), snapshot.identities.id_count()), (0, 2));
}

#[tokio::test]
async fn alias_makes_two_ids_one_person() {
    let door = Door::new();
    door.post("/track", r#"{"event":"e","distinct_id":"anonymous"}"#).await;
    let sent = r#"{"distinct_id":"u","new_user_id":"anonymous","timestamp":1,"device_id":"d","anonymous_id":"ignored"}"#;
    assert_eq!(door.post("/alias", sent).await.status, StatusCode::OK);
    let snapshot = door.snapshot();
    let live: Vec<_> = snapshot.identities.identities().filter(|identity| !identity.is_deleted).collect();
    assert_eq!((live.len(), live[0].is_identified, snapshot.identities.id_count()), (1, true, 2));
}

#[tokio::test]
async fn a_large_batch_keeps_its_order() {
    let door = Door::new();
    let batch: Vec<_> = (0..20_000)
        .map(|n| json!({"event": format!("e{n}"), "distinct_id": format!("u{}", n % 7)}))
        .collect();
    assert_eq!(door.post("/track", serde_json::to_vec(&batch).unwrap()).await.status, StatusCode::OK);
    let snapshot = door.snapshot();
    assert!(snapshot.events.iter().zip(0..).all(|(event, n)| event.event() == format!("e{n}")));
    let uuids: Vec<_> = snapshot.events.iter().map(|event| event.uuid()).collect();
    assert!(uuids.is_sorted(), "ties in time are ordered by arrival");
    assert_eq!((uuids.len(), snapshot.identities.identity_count()), (20_000, 7));
}

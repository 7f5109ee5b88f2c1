use std::collections::HashMap;
use std::time::Duration;

use prost::Message;
use tonic::Code;

use super::client::{Client, Door, basic, refused};
use crate::config::FlightOptions;
use crate::doors::flight::messages::{
    GetSessionOptionsResult, OptionValue, SessionOptionValue, SetSessionOptionsRequest,
    SetSessionOptionsResult,
};
use engine::EngineConfig;

const REFUSED: &str = "Authentication failed: invalid credentials";
const UNKNOWN: &str = "Session configuration not found or expired";

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_checked_on_every_call() {
    let door = Door::open();
    for header in ["", "Basic !", "Digest x", &basic("alice", "wrong"), &basic("nobody", "alice-pw")] {
        let mut client = door.with(header).await;
        refused(client.handshake().await, Code::Unauthenticated, REFUSED);
        refused(client.query("SELECT 1").await, Code::Unauthenticated, REFUSED);
        refused(client.action("CloseSession", "").await, Code::Unauthenticated, REFUSED);
    }
    let mut client = door.with(&format!("Bearer {}", "0".repeat(64))).await;
    refused(client.query("SELECT 1").await, Code::Unauthenticated, UNKNOWN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_with_a_token_keeps_its_session() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    assert_eq!(client.handshake().await.unwrap(), client.authorization);
    client.query("CREATE TEMP TABLE t AS SELECT 7 AS i").await.unwrap();
    let mut again = door.with(&client.authorization.replace("Bearer", "bearer")).await;
    assert_eq!(again.query("FROM t").await.unwrap(), "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_alone_uses_one_session_per_user() {
    let door = Door::open();
    let (mut one, mut two) =
        (door.with(&basic("alice", "alice-pw")).await, door.with(&basic("alice", "alice-pw")).await);
    one.query("CREATE TEMP TABLE t AS SELECT 7 AS i").await.unwrap();
    assert_eq!(two.query("FROM t").await.unwrap(), "7");
    let mut bob = door.with(&basic("bob", "bob-pw")).await;
    assert!(bob.query("FROM t").await.is_err());
    two.action("CloseSession", "").await.unwrap();
    assert!(one.query("FROM t").await.is_err());
    assert_eq!(one.query("SELECT 1").await.unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_expires_and_says_so() {
    let engine = EngineConfig { session_idle_timeout: Duration::from_millis(300), ..EngineConfig::default() };
    let door = Door::open_with(engine, &FlightOptions::default());
    let mut client = door.client("alice").await;
    client.query("SELECT 1").await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..2 {
        refused(
            client.query("SELECT 1").await,
            Code::FailedPrecondition,
            "Session expired. Open a new session.",
        );
    }
    let mut implicit = door.with(&basic("alice", "alice-pw")).await;
    implicit.query("SET VARIABLE v = 1").await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(implicit.query("SELECT getvariable('v')").await.unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn close_session_ends_what_runs() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE TABLE t (i INT)").await.unwrap();
    client.query("BEGIN").await.unwrap();
    client.update("INSERT INTO t VALUES (1)").await.unwrap();
    let running = {
        let mut client = client.clone();
        let slow = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range + b.range = 7";
        tokio::spawn(async move { client.query(slow).await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    let closed =
        tokio::time::timeout(Duration::from_secs(2), client.action("CloseSession", "")).await.unwrap();
    assert_eq!(closed.unwrap(), [[8u8, 1].as_slice()]);
    refused(running.await.unwrap(), Code::Cancelled, "");
    refused(client.query("SELECT 1").await, Code::Unauthenticated, UNKNOWN);
    assert_eq!(door.client("alice").await.query("SELECT count(*) FROM t").await.unwrap(), "0");
}

async fn set(client: &mut Client, options: &[(&str, Option<OptionValue>)]) -> HashMap<String, i32> {
    let value = |value: &Option<OptionValue>| SessionOptionValue { value: value.clone() };
    let session_options = options.iter().map(|(key, v)| ((*key).to_owned(), value(v))).collect();
    let request = SetSessionOptionsRequest { session_options };
    let answer = client.action("SetSessionOptions", request.encode_to_vec()).await.unwrap();
    let result = SetSessionOptionsResult::decode(answer[0].clone()).unwrap();
    result.errors.into_iter().map(|(key, error)| (key, error.value)).collect()
}

async fn get(client: &mut Client) -> HashMap<String, String> {
    let answer = client.action("GetSessionOptions", "").await.unwrap();
    let result = GetSessionOptionsResult::decode(answer[0].clone()).unwrap();
    let text = |value: SessionOptionValue| match value.value {
        Some(OptionValue::Text(text)) => text,
        other => format!("{other:?}"),
    };
    result.session_options.into_iter().map(|(key, value)| (key, text(value))).collect()
}

fn owned(text: &str) -> Option<OptionValue> {
    Some(OptionValue::Text(text.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn options_fail_alone_and_take_effect() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE SCHEMA s").await.unwrap();
    let faults = set(
        &mut client,
        &[
            ("catalog", owned("nope")),
            ("schema", owned("s")),
            ("compute_size", owned("xxl")),
            ("arrow_json_extension", owned("true")),
            ("unheard_of", owned("x")),
        ],
    )
    .await;
    assert_eq!(faults, HashMap::from([("catalog".to_owned(), 2), ("unheard_of".to_owned(), 1)]));
    let now = get(&mut client).await;
    assert_eq!(
        (now["catalog"].as_str(), now["schema"].as_str(), now["compute_size"].as_str()),
        ("memory", "s", "2XL")
    );
    client.query("USE memory.main").await.unwrap();
    assert_eq!(get(&mut client).await["schema"], "main");
    set(&mut client, &[("compute_size", None), ("catalog", None)]).await;
    assert!(!get(&mut client).await.contains_key("compute_size"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_may_be_chosen_before_it_exists() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    assert_eq!(set(&mut client, &[("schema", owned("later"))]).await, HashMap::new());
    assert_eq!(client.query("SELECT current_schema()").await.unwrap(), "main");
    client.query("CREATE SCHEMA later").await.unwrap();
    assert_eq!(client.query("SELECT current_schema()").await.unwrap(), "later");
    client.query("USE memory.main").await.unwrap();
    assert_eq!(client.query("SELECT current_schema()").await.unwrap(), "main");
}

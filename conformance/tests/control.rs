//! The control plane as a test in Rust uses it.

#![expect(clippy::unwrap_used, reason = "tests")]

use altertable_mock::MockServer;
use altertable_mock_conformance::control::TenantControl;
use serde_json::json;
use std::time::Duration;

async fn query(url: &str, statement: &str) {
    let body = json!({"statement": statement});
    let request = reqwest::Client::new().post(format!("{url}/query")).basic_auth("alice", Some("secret"));
    request.json(&body).send().await.unwrap().text().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_of_a_server_in_this_process_is_steered_over_http() {
    let server =
        MockServer::builder().user("alice", "secret").api_key("key").ephemeral_ports().start().await.unwrap();
    let url = format!("http://{}", server.addresses().lakehouse);
    let alice = TenantControl::new(&url, "alice", "secret").patient_for(Duration::from_secs(20));
    let waiting = tokio::spawn({
        let alice = alice.clone();
        async move { alice.wait_for_request(&json!({"statement": "^SELECT 42"})).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    query(&url, "CREATE TABLE t (a INTEGER)").await;
    query(&url, "SELECT 42").await;
    assert_eq!(waiting.await.unwrap()["rows"], 1);
    let creations = alice.requests(&json!({"statement": "TABLE", "status": 200})).await.unwrap();
    assert_eq!(creations.len(), 1);
    let track = reqwest::Client::new().post(format!("http://{}/track", server.addresses().analytics));
    track
        .header("x-api-key", "key")
        .json(&json!({"event": "seen", "distinct_id": "u"}))
        .send()
        .await
        .unwrap();
    let event = alice.wait_for_event(&json!({"event": "seen"})).await.unwrap();
    assert_eq!(alice.events(&json!({"distinct_id": "u"})).await.unwrap(), [event]);
    assert!(alice.reset().await.unwrap().is_empty());
    assert!(alice.requests(&json!({})).await.unwrap().is_empty());
    let hasty = alice.patient_for(Duration::from_millis(50));
    query(&url, "SELECT 1").await;
    let fault = hasty.wait_for_request(&json!({"statement": "SELECT 2"})).await.unwrap_err().to_string();
    assert!(fault.contains("0 of 1") && fault.contains("SELECT 1"), "{fault}");
    let stranger = TenantControl::new(&url, "alice", "wrong").reset().await.unwrap_err().to_string();
    assert!(stranger.contains("401") && !stranger.contains("wrong"), "{stranger}");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_met_or_said_not_to_be() {
    let server = MockServer::builder().user("alice", "secret").ephemeral_ports().start().await.unwrap();
    let url = format!("http://{}", server.addresses().lakehouse);
    let alice = TenantControl::new(&url, "alice", "secret");
    let rule = json!({"match": {"statement": "^SELECT"}, "do": {"status": 503}, "times": 1});
    let fault = alice.fail(&rule).await.unwrap();
    query(&url, "SELECT 1").await;
    query(&url, "SELECT 1").await;
    assert_eq!(fault.acted().await.unwrap(), 1);
    let [failed] = &alice.requests(&json!({"status": 503})).await.unwrap()[..] else { panic!("not one") };
    assert_eq!(failed["fault"], fault.id());
    assert_eq!(fault.end().await.unwrap(), 1);
    let unmet = alice.fail(&rule).await.unwrap().end().await.unwrap_err().to_string();
    assert!(unmet.contains("was not met") && unmet.contains("0 calls"), "{unmet}");
    let refused = alice.fail(&json!({"do": {}})).await.unwrap_err().to_string();
    assert!(refused.contains("400") && refused.contains("`do`"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_is_set_moved_and_given_back() {
    let server = MockServer::builder().user("alice", "secret").ephemeral_ports().start().await.unwrap();
    let url = format!("http://{}", server.addresses().lakehouse);
    let alice = TenantControl::new(&url, "alice", "secret");
    let set = alice.set_clock(&json!({"at": "2024-02-29T12:00:00Z", "frozen": true})).await.unwrap();
    assert_eq!(set, "2024-02-29T12:00:00.000000Z");
    assert_eq!(alice.advance_clock("P1Y").await.unwrap(), "2025-02-28T12:00:00.000000Z");
    assert!(alice.advance_clock("-P1Y").await.unwrap_err().to_string().contains("`by`"));
    assert!(alice.reset_clock().await.unwrap().as_str() > "2026");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_done_when_it_is_told() {
    let server = MockServer::builder().user("alice", "secret").ephemeral_ports().start().await.unwrap();
    let url = format!("http://{}", server.addresses().lakehouse);
    let alice = TenantControl::new(&url, "alice", "secret");
    alice.set_tasks(&json!({"mode": "manual"})).await.unwrap();
    let append = || async {
        let at = format!("{url}/append?catalog=memory&schema=main&table=t");
        let request = reqwest::Client::new().post(at).basic_auth("alice", Some("secret"));
        let answer = request.json(&json!({"a": 1})).send().await.unwrap().text().await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        answer["task_id"].as_str().unwrap().to_owned()
    };
    let (first, second) = (append().await, append().await);
    assert_eq!(alice.complete_task(&first).await.unwrap(), "completed");
    alice.fail_task(&second, "no room").await.unwrap();
    assert!(alice.complete_task(&second).await.unwrap_err().to_string().contains("409"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_kept_and_restored() {
    let server = MockServer::builder().user("alice", "secret").ephemeral_ports().start().await.unwrap();
    let url = format!("http://{}", server.addresses().lakehouse);
    let alice = TenantControl::new(&url, "alice", "secret");
    query(&url, "CREATE TABLE t AS SELECT 1 AS a").await;
    let [lack] = &alice.snapshot("s").await.unwrap()[..] else { panic!("not one") };
    assert!(lack.starts_with("settings and variables of sessions: "), "{lack}");
    query(&url, "DROP TABLE t").await;
    alice.restore("s").await.unwrap();
    query(&url, "FROM t").await;
    let [read] = &alice.requests(&json!({"statement": "^FROM t"})).await.unwrap()[..] else {
        panic!("not one")
    };
    assert_eq!(read["rows"], 1);
    server.add_copy("bob", "secret", "key-of-bob", "alice", Some("s")).await.unwrap();
    assert_eq!(alice.snapshots().await.unwrap(), ["s"]);
    alice.remove_snapshot("s").await.unwrap();
    assert!(alice.restore("s").await.unwrap_err().to_string().contains("404"));
    let refused = server.add_copy("carol", "secret", "key", "alice", Some("s")).await.unwrap_err();
    assert!(refused.to_string().contains("no snapshot"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_begins_with_a_seed_and_gets_another() {
    let folder = altertable_mock_conformance::spec::folder().join("control");
    let (seed, more) = (folder.join("seed"), folder.join("seed-alice.sql"));
    let server = MockServer::builder().user("alice", "secret").api_key("key").seed(&seed.to_string_lossy());
    let server = server.ephemeral_ports().start().await.unwrap();
    let alice = TenantControl::new(&format!("http://{}", server.addresses().lakehouse), "alice", "secret");
    assert_eq!(alice.events(&json!({"event": "paid"})).await.unwrap().len(), 2);
    assert_eq!(alice.seed(&more).await.unwrap(), ["seed-alice.sql"]);
    let fault = alice.seed(&more).await.unwrap_err().to_string();
    assert!(fault.contains("400") && fault.contains("seed-alice.sql, line 1"), "{fault}");
    let fault = alice.seed(&seed).await.unwrap_err().to_string();
    assert!(fault.contains("01-shop.sql, line 1") && fault.contains("already exists"), "{fault}");
    let fault = alice.seed(&folder).await.unwrap_err().to_string();
    assert!(fault.contains(".yaml"), "{fault}");
    let other =
        MockServer::builder().user("bob", "secret").api_key("key").ephemeral_ports().start().await.unwrap();
    let bob = TenantControl::new(&format!("http://{}", other.addresses().lakehouse), "bob", "secret");
    assert_eq!(bob.seed(&seed).await.unwrap().len(), 6);
}

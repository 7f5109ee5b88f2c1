//! The recipe of docs/docker.md for Rust, and what a container says when it does not start. `make test-image` runs these.

#![cfg(feature = "testcontainers")]

use altertable_mock_conformance::container::AltertableMock;

#[ignore = "needs Docker: make test-image"]
#[tokio::test(flavor = "multi_thread")]
async fn my_app_reads_what_it_wrote() -> Result<(), Box<dyn std::error::Error>> {
    let mock =
        AltertableMock::default().with_user("alice", "secret").with_api_key("demo-key").start().await?;

    let query = format!("{}/query", mock.lakehouse_url());
    let request = reqwest::Client::new().post(query).basic_auth("alice", Some("secret"));
    let answer = request.json(&serde_json::json!({"statement": "SELECT 42"})).send().await?.text().await?;
    assert!(answer.ends_with("\n[42]\n"));
    Ok(())
}

#[ignore = "needs Docker: make test-image"]
#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_does_not_start_tells_why() {
    let outcome = AltertableMock::default().with_flags(["--flight-port", "many"]).start().await;
    let fault = outcome.map(|_| ()).map_err(|fault| fault.to_string());
    assert!(
        fault.as_ref().is_err_and(|text| text.contains("invalid value 'many' for '--flight-port")),
        "{fault:?}"
    );
}

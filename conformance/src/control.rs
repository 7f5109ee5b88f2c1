//! The control plane of one tenant, for tests in Rust: of a server in this process, in a container or at an address alike.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use altertable_mock::MockServer;
//! use altertable_mock_conformance::control::TenantControl;
//! use serde_json::json;
//!
//! let server = MockServer::builder().user("alice", "secret").ephemeral_ports().start().await?;
//! let alice = TenantControl::new(&format!("http://{}", server.addresses().lakehouse), "alice", "secret");
//! // … what is under test …
//! let insert = alice.wait_for_request(&json!({"statement": "(?i)^insert into orders"})).await?;
//! assert_eq!(insert["status"], 200);
//! alice.reset().await?;
//! # Ok(())
//! # }
//! ```

use crate::fault::{During as _, Fault, Result};
use altertable_mock::PackedSeed;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Map, Value, json};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

/// How long a wait is unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// One tenant, by its own credentials.
#[derive(Clone)]
pub struct TenantControl {
    client: Client,
    plane: String,
    user: String,
    password: String,
    patience: Duration,
}

impl std::fmt::Debug for TenantControl {
    /// The password is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantControl")
            .field("plane", &self.plane)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl TenantControl {
    /// The tenant of that user, on the server whose Lakehouse REST API is there.
    pub fn new(lakehouse_url: &str, user: &str, password: &str) -> Self {
        let plane = format!("{}/_mock/v1", lakehouse_url.trim_end_matches('/'));
        let (user, password) = (user.to_owned(), password.to_owned());
        Self { client: Client::new(), plane, user, password, patience: PATIENCE }
    }

    /// The same with another time that its waits take at most.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Puts the tenant back to where it began; what was left alone, such as `project`, since others see it too (CT-3).
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn reset(&self) -> Result<Vec<String>> {
        let done = self.ask(self.client.post(self.at("reset"))).await?;
        let skipped = done["skipped"].as_array().into_iter().flatten();
        Ok(skipped.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Adds tables and events to what the tenant has, whole or not at all: a `.sql` file, or a folder as `--seed` takes it
    /// (SD-3). The tenant's sessions end. Returns the files, in the order in which they were applied.
    ///
    /// # Errors
    /// A fault in the seed, with file, line or row; what cannot be read here; a refusal, or no answer.
    pub async fn seed(&self, path: &Path) -> Result<Vec<String>> {
        let path = path.to_owned();
        let packed = tokio::task::spawn_blocking(move || {
            let mut packed = PackedSeed::of(&path, None).during("reading the seed")?;
            let mut bytes = Vec::new();
            packed.file.read_to_end(&mut bytes).during("reading the seed")?;
            Ok::<_, Fault>((packed, bytes))
        });
        let (packed, bytes) = packed.await.during("reading the seed")??;
        let request = self.client.post(self.at("seed")).header("content-type", packed.media);
        let done = self.ask(request.query(&packed.name.map(|name| [("name", name)])).body(bytes)).await?;
        let files = done["seeded"].as_array().into_iter().flatten();
        Ok(files.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Keeps the tenant's committed state under a name (SN-1). What could not be kept is returned.
    ///
    /// # Errors
    /// A name that is none, a refusal, or no answer.
    pub async fn snapshot(&self, name: &str) -> Result<Vec<String>> {
        self.ask(self.client.put(self.at(&format!("snapshots/{name}")))).await.map(|told| lacks(&told))
    }

    /// Makes the tenant's state that of a snapshot (SN-2). What did not come back is returned.
    ///
    /// # Errors
    /// A snapshot that is not there, or no answer.
    pub async fn restore(&self, name: &str) -> Result<Vec<String>> {
        let restored = self.ask(self.client.post(self.at(&format!("snapshots/{name}/restore"))));
        restored.await.map(|told| lacks(&told))
    }

    /// The names of the tenant's snapshots.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn snapshots(&self) -> Result<Vec<String>> {
        let kept = self.list("snapshots", &Value::Null).await?;
        Ok(kept.iter().filter_map(|one| one["name"].as_str()).map(str::to_owned).collect())
    }

    /// Forgets a snapshot.
    ///
    /// # Errors
    /// A snapshot that is not there, or no answer.
    pub async fn remove_snapshot(&self, name: &str) -> Result<()> {
        self.ask(self.client.delete(self.at(&format!("snapshots/{name}")))).await.map(drop)
    }

    /// The tenant's calls on every door that meet the conditions, oldest first (RJ-2).
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn requests(&self, conditions: &Value) -> Result<Vec<Value>> {
        self.list("requests", conditions).await
    }

    /// Waits for a call that meets the conditions, those of the past included (RJ-3).
    ///
    /// # Errors
    /// That none came in time, with those that came nearest; a refusal, or no answer.
    pub async fn wait_for_request(&self, conditions: &Value) -> Result<Value> {
        self.wait("requests", conditions).await
    }

    /// The events of the tenant's project that meet the conditions, in order of arrival (RJ-4).
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn events(&self, conditions: &Value) -> Result<Vec<Value>> {
        self.list("events", conditions).await
    }

    /// Waits for an event that meets the conditions, those of the past included (RJ-4).
    ///
    /// # Errors
    /// As [`wait_for_request`](Self::wait_for_request).
    pub async fn wait_for_event(&self, conditions: &Value) -> Result<Value> {
        self.wait("events", conditions).await
    }

    /// Has the tenant's calls fail that meet a rule, as `POST /faults` takes it (FR-1), until [`MetFault::end`].
    ///
    /// # Errors
    /// A rule that contradicts itself, or no answer.
    pub async fn fail(&self, rule: &Value) -> Result<MetFault> {
        let told = self.ask(self.client.post(self.at("faults")).json(rule)).await?;
        let id = told["id"].as_str().unwrap_or_default().to_owned();
        Ok(MetFault { plane: self.clone(), id })
    }

    /// Sets the tenant's clock, as `PUT /clock` takes it: `{"at": "2024-02-29T12:00:00Z", "frozen": true}` (CK-1). Returns
    /// what it shows.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn set_clock(&self, setting: &Value) -> Result<String> {
        self.clock(self.client.put(self.at("clock")).json(setting)).await
    }

    /// Moves the tenant's clock ahead, by an ISO 8601 duration such as `P31D`. Returns what it shows.
    ///
    /// # Errors
    /// What is no duration, a refusal, or no answer.
    pub async fn advance_clock(&self, by: &str) -> Result<String> {
        self.clock(self.client.post(self.at("clock/advance")).json(&json!({"by": by}))).await
    }

    /// Has the tenant's clock show the machine's time again. Returns what it shows.
    ///
    /// # Errors
    /// A refusal, or no answer.
    pub async fn reset_clock(&self) -> Result<String> {
        self.clock(self.client.delete(self.at("clock"))).await
    }

    /// Has loads end as `PUT /tasks` takes it: `{"mode": "manual"}`, `{"mode": "delay", "delay_ms": 500}` (TK-1).
    ///
    /// # Errors
    /// A mode that contradicts itself, or no answer.
    pub async fn set_tasks(&self, mode: &Value) -> Result<()> {
        self.ask(self.client.put(self.at("tasks")).json(mode)).await.map(drop)
    }

    /// Has a pending load run now. Returns its status when it has ended: `completed` or `failed`.
    ///
    /// # Errors
    /// A task that is not pending, or no answer.
    pub async fn complete_task(&self, id: &str) -> Result<String> {
        let ended = self.ask(self.client.post(self.at(&format!("tasks/{id}/complete")))).await?;
        Ok(ended["status"].as_str().unwrap_or_default().to_owned())
    }

    /// Has a pending load fail.
    ///
    /// # Errors
    /// As [`complete_task`](Self::complete_task).
    pub async fn fail_task(&self, id: &str, message: &str) -> Result<()> {
        let order = json!({"message": message});
        self.ask(self.client.post(self.at(&format!("tasks/{id}/fail"))).json(&order)).await.map(drop)
    }

    async fn clock(&self, request: RequestBuilder) -> Result<String> {
        Ok(self.ask(request).await?["at"].as_str().unwrap_or_default().to_owned())
    }

    fn at(&self, route: &str) -> String {
        format!("{}/{route}", self.plane)
    }

    async fn list(&self, what: &str, conditions: &Value) -> Result<Vec<Value>> {
        let none = Map::new();
        let given = conditions.as_object().unwrap_or(&none).iter();
        let pairs: Vec<_> = given.map(|(name, value)| (name.clone(), crate::vars::as_text(value))).collect();
        let mut found = self.ask(self.client.get(self.at(what)).query(&pairs)).await?;
        Ok(found[what].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    async fn wait(&self, what: &str, conditions: &Value) -> Result<Value> {
        let timeout_ms = u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX);
        let order = json!({"match": conditions, "timeout_ms": timeout_ms});
        let mut found = self.ask(self.client.post(self.at(&format!("{what}/wait"))).json(&order)).await?;
        Ok(found[what][0].take())
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Value> {
        let answer = request.basic_auth(&self.user, Some(&self.password)).send().await;
        let answer = answer.during("asking the control plane")?;
        let (status, body) =
            (answer.status(), answer.text().await.during("reading the control plane's answer")?);
        let body: Value = serde_json::from_str(&body).during("reading the control plane's answer")?;
        let told = body["error"]["message"].as_str().unwrap_or_default();
        match status {
            StatusCode::REQUEST_TIMEOUT => Err(Fault(format!("{told}; nearest: {}", body["nearest"]))),
            status if !status.is_success() => {
                Err(Fault(format!("the control plane answered {status}: {told}")))
            }
            _ => Ok(body),
        }
    }
}

/// What a snapshot does not have, and why.
fn lacks(told: &Value) -> Vec<String> {
    let lacks = told["left_out"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    lacks.map(|lack| format!("{}: {}", text(&lack["what"]), text(&lack["why"]))).collect()
}

/// A fault rule of a tenant's.
#[must_use = "it stays until its end, which tells whether it was met"]
#[derive(Debug)]
pub struct MetFault {
    plane: TenantControl,
    id: String,
}

impl MetFault {
    /// The rule's id; requests that it acted on carry it as `fault`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// On how many calls it has acted so far.
    ///
    /// # Errors
    /// A rule that was removed, or no answer.
    pub async fn acted(&self) -> Result<u64> {
        let told =
            self.plane.ask(self.plane.client.get(self.plane.at(&format!("faults/{}", self.id)))).await?;
        Ok(told["acted"].as_u64().unwrap_or_default())
    }

    /// Removes the rule, and tells on how many calls it has acted.
    ///
    /// # Errors
    /// That no call met it; a rule that was removed before, or no answer.
    pub async fn end(self) -> Result<u64> {
        let at = self.plane.at(&format!("faults/{}", self.id));
        let told = self.plane.ask(self.plane.client.delete(at)).await?;
        match told["acted"].as_u64().unwrap_or_default() {
            0 => Err(Fault(format!(
                "the fault was not met: {} calls met its conditions, and it acted on none of them: {} {}",
                told["matched"], told["match"], told["do"]
            ))),
            acted => Ok(acted),
        }
    }
}

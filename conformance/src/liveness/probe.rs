//! The questions, and what counts as an answer.

use super::bounds::{PATIENCE, Sample};
use crate::client::Client;
use crate::client::messages::Command;
use crate::client::rpc::{Call, Wire};
use crate::fault::{During as _, Fault, Result};
use crate::gate::Gate;
use crate::target::{Account, Addresses};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tonic::metadata::MetadataMap;
use uuid::Uuid;

/// How long a connection may idle: less than any server lets it.
const IDLE: Duration = Duration::from_secs(5);

/// Who asks one server.
#[derive(Debug)]
pub(super) struct Asker {
    client: reqwest::Client,
    wire: Result<Wire>,
    addresses: Addresses,
    session: String,
}

impl Asker {
    pub(super) fn new(addresses: Addresses) -> Result<Self> {
        let client = reqwest::Client::builder().pool_idle_timeout(IDLE).build().during("an HTTP client")?;
        let wire = Wire::of(&Client::Own(client.clone()), &addresses.flight);
        Ok(Self { client, wire, addresses, session: Uuid::new_v4().to_string() })
    }

    /// Asks everything at once, so that no silent door hides another.
    pub(super) async fn round(&self) -> Vec<Sample> {
        let health = |what, url: &str| timed(what, self.health(format!("{url}/health")));
        let lakehouse = health("GET /health of the Lakehouse", &self.addresses.lakehouse);
        let analytics = health("GET /health of Product Analytics", &self.addresses.analytics);
        let Some(account) = &self.addresses.judge else {
            let (lakehouse, analytics) = tokio::join!(lakehouse, analytics);
            return vec![lakehouse, analytics];
        };
        let rest = timed("SELECT 42 over REST", self.rest(account));
        let flight = timed("SELECT 42 over Flight SQL", self.flight(account));
        let (lakehouse, analytics, rest, flight) = tokio::join!(lakehouse, analytics, rest, flight);
        vec![lakehouse, analytics, rest, flight]
    }

    async fn health(&self, url: String) -> Result<()> {
        let answer = self.client.get(url).send().await.during("asking")?;
        let status = answer.status();
        let text = answer.text().await.during("reading the answer")?;
        if status.is_success() { Ok(()) } else { Err(Fault(format!("{status}: {text}"))) }
    }

    async fn rest(&self, account: &Account) -> Result<()> {
        let kept = json!({"statement": "SELECT 42", "session_id": self.session});
        let (mut status, mut text) = self.query(account, &kept).await?;
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            // Some servers are started with a limit that leaves room for the statement alone.
            (status, text) = self.query(account, &json!({"statement": "SELECT 42"})).await?;
        }
        let right = status.is_success() && text.lines().any(|line| line == "[42]" || line.contains(":42}"));
        if right { Ok(()) } else { Err(Fault(format!("{status}: {text}"))) }
    }

    async fn query(&self, account: &Account, body: &Value) -> Result<(StatusCode, String)> {
        let request = self.client.post(format!("{}/query", self.addresses.lakehouse));
        let request = request.basic_auth(&account.user, Some(&account.password)).json(body);
        let answer = request.send().await.during("asking")?;
        let status = answer.status();
        Ok((status, answer.text().await.during("reading the answer")?))
    }

    async fn flight(&self, account: &Account) -> Result<()> {
        let wire = self.wire.clone()?;
        let mut metadata = MetadataMap::new();
        let credentials = format!("Basic {}", STANDARD.encode(account.pair()));
        metadata.insert("authorization", credentials.parse().during("credentials")?);
        let command = Command::Sql("SELECT 42".to_owned()).query(None, &HashMap::new())?;
        let call = Call { wire, metadata };
        let mut outcome = call.clone().query(command.clone(), Gate::open()).await?;
        if outcome["status"] == "NOT_FOUND" {
            // Some servers are started with so short an idle timeout that a session may end before its ticket is used.
            outcome = call.query(command, Gate::open()).await?;
        }
        if outcome["rows"] == json!([[42]]) { Ok(()) } else { Err(Fault(outcome.to_string())) }
    }
}

async fn timed(what: &'static str, asking: impl Future<Output = Result<()>>) -> Sample {
    let asked = Instant::now();
    let answer = tokio::time::timeout(PATIENCE, asking).await;
    let fault = match answer {
        Ok(Ok(())) => None,
        Ok(Err(fault)) => Some(fault.0),
        Err(_) => Some("no answer".to_owned()),
    };
    Sample { what, asked, took: asked.elapsed(), fault }
}

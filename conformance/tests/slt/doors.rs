//! The server's SQL doors: `POST /query` and Flight SQL, one session per connection of a file.

use crate::answer::{Answer, Kind, first_line};
use altertable_mock_conformance::client::Client;
use altertable_mock_conformance::client::http::{Request, Style};
use altertable_mock_conformance::client::messages::Command;
use altertable_mock_conformance::client::rpc::{Call, Wire};
use altertable_mock_conformance::client::sql;
use altertable_mock_conformance::fault::{During as _, Fault, Result};
use altertable_mock_conformance::gate::Gate;
use altertable_mock_conformance::step::Step;
use altertable_mock_conformance::target::{Account, Server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::HashMap;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

/// A session over REST.
pub struct Rest {
    client: Client,
    address: String,
    account: Account,
    session: String,
}

impl Rest {
    /// A fresh session of that tenant.
    pub fn open(server: &Server, account: &Account) -> Self {
        Self {
            client: Client::Own(reqwest::Client::new()),
            address: server.addresses.lakehouse.clone(),
            account: account.clone(),
            session: Uuid::new_v4().to_string(),
        }
    }

    /// Runs a statement to its end.
    pub async fn run(&mut self, sql: &str) -> Result<Answer> {
        let step = Step::parse(&json!({"lakehouse": "POST /query", "json": sql::body(sql, &self.session)}))?;
        let request = Request::build(&step, &self.address, Style::Lakehouse, &self.account)?;
        let outcome = request.in_lines().send(&self.client, Gate::open()).await?;
        let lines =
            outcome["lines"].as_array().ok_or_else(|| Fault(format!("POST /query answered {outcome}")))?;
        if let Some(error) = lines.last().and_then(|line| line["error"].as_str()) {
            return Err(first_line(error));
        }
        let [_, columns, rows @ ..] = lines.as_slice() else {
            return Err(Fault(format!("POST /query answered {outcome}")));
        };
        let columns = columns.as_array().map(Vec::as_slice).unwrap_or_default();
        let text = |column: &Value, key: &str| column[key].as_str().unwrap_or_default().to_owned();
        Ok(Answer {
            names: columns.iter().map(|column| text(column, "name")).collect(),
            kinds: columns
                .iter()
                .map(|column| Kind::of_name(&text(column, "type")))
                .collect::<Result<_>>()?,
            rows: cells(rows),
        })
    }
}

/// A session over Flight SQL.
pub struct Flight(Call);

impl Flight {
    /// A fresh session of that tenant.
    pub async fn open(server: &Server, account: &Account) -> Result<Self> {
        let own = Client::Own(reqwest::Client::new());
        let wire = Wire::of(&own, &server.addresses.flight)?;
        let basic = format!("Basic {}", STANDARD.encode(account.pair()));
        let handshake = Call { wire: wire.clone(), metadata: authorized(&basic)? }.handshake(1).await;
        let token = handshake["token"]
            .as_str()
            .ok_or_else(|| Fault(format!("the handshake answered {handshake}")))?;
        Ok(Self(Call { wire, metadata: authorized(&format!("Bearer {token}"))? }))
    }

    /// Runs a statement to its end.
    pub async fn run(&mut self, sql: &str) -> Result<Answer> {
        let command = Command::Sql(sql.to_owned()).query(None, &HashMap::new())?;
        let outcome = self.0.clone().query(command, Gate::open()).await?;
        if outcome["status"] != "OK" {
            return Err(first_line(outcome["message"].as_str().unwrap_or_default()));
        }
        let list = |key: &str| outcome[key].as_array().map(Vec::as_slice).unwrap_or_default();
        let name = |column: &Value| {
            let text = column.as_str().unwrap_or_default();
            text.split_once(' ').map_or(text, |(name, _)| name).to_owned()
        };
        let kind = |metadata: &Value| {
            Kind::of_name(metadata["ARROW:FLIGHT:SQL:TYPE_NAME"].as_str().unwrap_or("without a name"))
        };
        Ok(Answer {
            names: list("schema").iter().map(name).collect(),
            kinds: list("metadata").iter().map(kind).collect::<Result<_>>()?,
            rows: cells(list("rows")),
        })
    }
}

fn authorized(value: &str) -> Result<MetadataMap> {
    let mut metadata = MetadataMap::new();
    metadata.insert("authorization", value.parse().during("the credentials")?);
    Ok(metadata)
}

fn cells(rows: &[Value]) -> Vec<Vec<Value>> {
    rows.iter().filter_map(|row| row.as_array().cloned()).collect()
}

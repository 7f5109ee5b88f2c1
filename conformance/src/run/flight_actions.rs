//! What the `flight.` verbs do.

use super::actions::Action;
use super::case_run::CaseRun;
use crate::client::messages::{self, Command, Ingest};
use crate::client::put::Upload;
use crate::client::rpc::Call;
use crate::fault::{During, Fault, Result};
use crate::gate::Gate;
use crate::step::{Auth, Given, Step};
use crate::vars::as_text;
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, CommandPreparedStatementQuery, ProstMessageExt as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::FutureExt as _;
use serde::Deserialize;
use serde_json::Value;
use tonic::metadata::{MetadataKey, MetadataMap};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    session: Option<String>,
    transaction: Option<String>,
    columns: Option<Vec<String>>,
    #[serde(default)]
    rows: Vec<Vec<Value>>,
    batch_rows: Option<usize>,
    break_after: Option<usize>,
    #[serde(rename = "as")]
    name: Option<String>,
    wrapped: Option<String>,
    via: Option<String>,
    base64: Option<String>,
}

#[derive(Deserialize)]
struct RawAction {
    r#type: String,
    #[serde(default)]
    base64: String,
}

#[derive(Deserialize)]
struct End {
    transaction: String,
    action: Value,
}

impl Own {
    fn upload(&self) -> Result<Upload> {
        Upload::new(self.columns.as_deref(), &self.rows, self.batch_rows, self.break_after)
    }

    fn transaction(&self) -> Result<Option<Bytes>> {
        self.transaction.as_deref().map(messages::bytes).transpose()
    }
}

impl CaseRun {
    pub(super) async fn flight(&mut self, step: &Step, gate: Gate) -> Result<Action> {
        let own: Own = step.own()?;
        if step.verb == "flight.handshake" {
            return self.handshake(step);
        }
        let call = self.call(step, own.session.as_deref().unwrap_or("main")).await?;
        match step.verb.as_str() {
            "flight.query" | "flight.info" | "flight.poll" | "flight.schema" => {
                self.command(step, &own, call, gate)
            }
            "flight.update" | "flight.bind" | "flight.ingest" => self.upload(step, &own, call),
            "flight.prepare" => {
                let request = ActionCreatePreparedStatementRequest {
                    query: step.text()?.to_owned(),
                    transaction_id: own.transaction()?,
                };
                let request = messages::packed(&request.as_any());
                Ok(async move { Ok(call.prepare(request).await) }.boxed())
            }
            "flight.fetch" => {
                let ticket = step.text()?.to_owned();
                Ok(async move { call.fetch(&ticket, gate).await }.boxed())
            }
            "flight.rpc" => {
                let (path, body) =
                    (step.text()?.to_owned(), messages::bytes(own.base64.as_deref().unwrap_or_default())?);
                Ok(async move { Ok(call.rpc(&path, body).await) }.boxed())
            }
            _ => self.act(step, own, call),
        }
    }

    fn command(&self, step: &Step, own: &Own, call: Call, gate: Gate) -> Result<Action> {
        let command: Command = serde_json::from_value(step.argument.clone()).during(&step.verb)?;
        let command = command.query(own.transaction()?, &self.prepared)?;
        Ok(match step.verb.as_str() {
            "flight.query" => call.query(command, gate).boxed(),
            "flight.info" => async move { Ok(call.info(command).await) }.boxed(),
            "flight.poll" => async move { Ok(call.poll(command).await) }.boxed(),
            _ => async move { Ok(call.schema(command).await) }.boxed(),
        })
    }

    fn upload(&self, step: &Step, own: &Own, call: Call) -> Result<Action> {
        let (upload, transaction) = (own.upload()?, own.transaction()?);
        match step.verb.as_str() {
            "flight.update" => {
                let command: Command = serde_json::from_value(step.argument.clone()).during(&step.verb)?;
                Ok(call.update(command.update(transaction, &self.prepared)?, upload).boxed())
            }
            "flight.bind" => {
                let handle = messages::handle(step.text()?, &self.prepared);
                let command = CommandPreparedStatementQuery { prepared_statement_handle: handle.clone() };
                Ok(call.bind(messages::packed(&command.as_any()), upload, handle).boxed())
            }
            _ => {
                let ingest: Ingest = serde_json::from_value(step.argument.clone()).during(&step.verb)?;
                Ok(call.update(ingest.packed(transaction), upload).boxed())
            }
        }
    }

    fn act(&self, step: &Step, own: Own, call: Call) -> Result<Action> {
        let argument = step.argument.clone();
        Ok(match step.verb.as_str() {
            "flight.close" => {
                let handle = messages::handle(step.text()?, &self.prepared);
                async move { Ok(call.close_prepared(handle).await) }.boxed()
            }
            "flight.begin" => async move { Ok(call.begin().await) }.boxed(),
            "flight.end" => {
                let end: End = serde_json::from_value(argument).during(&step.verb)?;
                let (id, action) = (messages::bytes(&end.transaction)?, end_action(&end.action)?);
                async move { Ok(call.end(id, action).await) }.boxed()
            }
            "flight.set" => {
                let options = argument.as_object().cloned().unwrap_or_default();
                async move { call.set_options(&options, own.wrapped).await }.boxed()
            }
            "flight.get" => async move { Ok(call.get_options().await) }.boxed(),
            "flight.close_session" => async move { Ok(call.close_session().await) }.boxed(),
            "flight.cancel" => {
                let (ticket, by_query) =
                    (messages::bytes(step.text()?)?, own.via.as_deref() == Some("CancelQuery"));
                async move {
                    Ok(if by_query {
                        call.cancel_query(ticket).await
                    } else {
                        call.cancel_info(ticket).await
                    })
                }
                .boxed()
            }
            "flight.action" => {
                let action: RawAction = serde_json::from_value(argument).during(&step.verb)?;
                let body = messages::bytes(&action.base64)?;
                async move { Ok(call.action(&action.r#type, body).await) }.boxed()
            }
            "flight.actions" => async move { Ok(call.actions().await) }.boxed(),
            other => return Err(Fault(format!("no verb is called {other}"))),
        })
    }

    fn handshake(&self, step: &Step) -> Result<Action> {
        let requests = step.argument.get("requests").and_then(Value::as_u64).unwrap_or(1);
        let requests = usize::try_from(requests).unwrap_or(usize::MAX);
        let (_, account) = self.tenant(step)?;
        let metadata = metadata(step, Some(basic(&account.pair())))?;
        let call = Call { wire: self.wire.clone(), metadata };
        Ok(async move { Ok(call.handshake(requests).await) }.boxed())
    }

    /// A call in a session of the step's tenant, opened on first use.
    pub(super) async fn call(&mut self, step: &Step, session: &str) -> Result<Call> {
        let (tenant, account) = self.tenant(step)?;
        let authorization = match &step.common.auth {
            None => Some(format!("Bearer {}", self.token(tenant, &account.pair(), session).await?)),
            Some(_) => Some(basic(&account.pair())),
        };
        Ok(Call { wire: self.wire.clone(), metadata: metadata(step, authorization)? })
    }

    async fn token(&mut self, tenant: String, pair: &str, session: &str) -> Result<String> {
        let key = (tenant, session.to_owned());
        if let Some(token) = self.tokens.get(&key) {
            return Ok(token.clone());
        }
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", basic(pair).parse().during("credentials")?);
        let outcome = Call { wire: self.wire.clone(), metadata }.handshake(1).await;
        let token = outcome["token"]
            .as_str()
            .ok_or_else(|| Fault(format!("the handshake of session {session} failed: {outcome}")))?
            .to_owned();
        self.tokens.insert(key, token.clone());
        Ok(token)
    }

    /// Keeps what later steps refer to by name.
    pub(super) fn remember(&mut self, step: &Step, outcome: &Value) -> Result<()> {
        let handle = outcome["handle"].as_str().filter(|_| step.verb == "flight.prepare");
        if let Some(handle) = handle {
            let name = step.own::<Own>()?.name.unwrap_or_else(|| "main".to_owned());
            self.prepared.insert(name, messages::bytes(handle)?);
        }
        Ok(())
    }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

fn end_action(action: &Value) -> Result<i32> {
    match action {
        Value::String(word) if word == "commit" => Ok(1),
        Value::String(word) if word == "rollback" => Ok(2),
        Value::Number(number) => number
            .as_i64()
            .and_then(|number| i32::try_from(number).ok())
            .ok_or_else(|| Fault(format!("{number} is no action"))),
        other => Err(Fault(format!("{other} is no action"))),
    }
}

/// The step's own credentials and headers over the tenant's credentials.
fn metadata(step: &Step, tenant: Option<String>) -> Result<MetadataMap> {
    let authorization = match &step.common.auth {
        None | Some(Auth::OwnBasic) => tenant,
        Some(Auth::None) => None,
        Some(Auth::Given(Given::Basic(pair))) => Some(basic(pair)),
        Some(Auth::Given(Given::Bearer(token))) => Some(format!("Bearer {token}")),
        Some(Auth::Given(Given::Header(value))) => Some(value.clone()),
        Some(Auth::Given(Given::ApiKey(_))) => return Err(Fault::new("Flight SQL knows no API keys")),
    };
    let mut metadata = MetadataMap::new();
    if let Some(value) = authorization {
        metadata.insert("authorization", value.parse().during("the credentials")?);
    }
    for (name, value) in &step.common.headers {
        let name: MetadataKey<tonic::metadata::Ascii> = name.parse().during("a metadata key")?;
        metadata.insert(name, as_text(value).parse().during("a metadata value")?);
    }
    Ok(metadata)
}

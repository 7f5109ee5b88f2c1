//! What each verb does.

use super::case_run::CaseRun;
use crate::client::http::{Request, Style};
use crate::client::messages::Command;
use crate::client::{socket, sql};
use crate::fault::{During, Fault, Result};
use crate::gate::Gate;
use crate::spec::Door;
use crate::step::Step;
use crate::target::Account;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// Something about to happen, free of the case it belongs to.
pub(super) type Action = BoxFuture<'static, Result<Value>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SqlOwn {
    session: Option<String>,
    door: Option<Door>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SocketOwn {
    send: socket::Send,
}

impl CaseRun {
    /// The action of a step, with everything it needs from the case.
    pub(super) async fn action(&mut self, step: &Step, gate: Gate) -> Result<Action> {
        self.repeat = format!("{}: {} {}", step.verb, step.argument, step.own);
        match step.verb.as_str() {
            "lakehouse" => self.http(step, Style::Lakehouse, gate),
            "analytics" => self.http(step, Style::Analytics, gate),
            "socket" => {
                let own: SocketOwn = step.own()?;
                let url = match step.text()? {
                    "lakehouse" => &self.server.addresses.lakehouse,
                    "analytics" => &self.server.addresses.analytics,
                    _ => &self.server.addresses.flight,
                };
                let address = url.split_once("://").map_or(url.as_str(), |(_, address)| address).to_owned();
                Ok(socket::run(address, own.send, self.client.clone()).boxed())
            }
            "sql" => self.sql(step, gate).await,
            _ => self.flight(step, gate).await,
        }
    }

    /// The name of the tenant that acts.
    pub(super) fn tenant(&self, step: &Step) -> Result<(String, Account)> {
        let name = step.common.tenant.clone().unwrap_or_else(|| self.first_tenant.clone());
        let account =
            self.accounts.get(&name).cloned().ok_or_else(|| Fault(format!("no tenant is called {name}")))?;
        Ok((name, account))
    }

    fn http(&mut self, step: &Step, style: Style, gate: Gate) -> Result<Action> {
        let (_, account) = self.tenant(step)?;
        let base = match style {
            Style::Lakehouse => &self.server.addresses.lakehouse,
            Style::Analytics => &self.server.addresses.analytics,
        };
        let request = Request::build(step, base, style, &account)?;
        self.repeat = request.as_curl();
        let client = self.client.clone();
        Ok(async move { request.send(&client, gate).await }.boxed())
    }

    async fn sql(&mut self, step: &Step, gate: Gate) -> Result<Action> {
        let own: SqlOwn = step.own()?;
        let session = own.session.unwrap_or_else(|| "main".to_owned());
        let statement = step.text()?.to_owned();
        match own.door.or(self.door).unwrap_or(Door::Rest) {
            Door::Rest => {
                let (tenant, account) = self.tenant(step)?;
                let id =
                    self.rest_sessions.entry((tenant, session)).or_insert_with(|| Uuid::new_v4().to_string());
                let body = sql::body(&statement, id);
                let call = json!({
                    "url": self.server.addresses.lakehouse, "user": account.user, "password": account.password,
                    "statement": statement, "session": id,
                });
                let request = Step {
                    verb: "lakehouse".to_owned(),
                    argument: "POST /query".into(),
                    own: json!({"json": body}),
                    common: step.common.clone(),
                };
                let request =
                    Request::build(&request, &self.server.addresses.lakehouse, Style::Lakehouse, &account)?;
                self.repeat = request.as_curl();
                let client = self.client.clone();
                Ok(if step.common.is_plain() {
                    sql::rest_by(call, request, client, gate).boxed()
                } else {
                    sql::rest(request, client, gate).boxed()
                })
            }
            Door::Flight => {
                let call = self.call(step, &session).await?;
                let command =
                    Command::Sql(statement.clone()).query(None, &self.prepared).during("the command")?;
                Ok(if step.common.headers.is_empty() {
                    async move { sql::flight_by(call, &statement, command, gate).await }.boxed()
                } else {
                    sql::flight(call, command, gate).boxed()
                })
            }
        }
    }
}

//! `altertable-mock ctl`: the control plane for people at a terminal. It asks a running server over HTTP, and prints tables, or
//! with `--json` what the plane answers.

mod client;
mod follow;
mod setting;
mod table;

use std::path::Path;

use serde_json::{Map, Value, json};

use self::client::{Identified, Parameters, PlaneClient};
pub(crate) use self::setting::KeyValue;
use self::setting::object;
use crate::PackedSeed;
use crate::config::{
    ClockCommand, Config, CtlCommand, CtlOptions, FaultsCommand, SnapshotsCommand, TenantsCommand,
};
use engine::{Error, ErrorKind, Result};

/// Does what the command line says, beside a server with this configuration.
///
/// # Errors
/// Config when it is not said whom to ask; Unavailable, with what the server says, when it does not do it.
pub fn run(ctl: CtlOptions, config: &Config) -> Result<()> {
    let credentials = credentials(&ctl, config)?;
    let client = PlaneClient::new(&ctl.url.map_or_else(|| address(config), Ok)?, credentials);
    let query: Parameters = ctl.tenant.map(|name| ("tenant".to_owned(), name)).into_iter().collect();
    let plane = Console { client, query, json: ctl.json };
    match ctl.command {
        CtlCommand::Tenants { command } => plane.tenants(command),
        CtlCommand::Reset { parts } => plane.reset(&parts),
        CtlCommand::Seed { path, name } => plane.seed(&path, name.as_deref()),
        CtlCommand::Snapshot { name } => plane.snapshot(&name),
        CtlCommand::Restore { name } => plane.restore(&name),
        CtlCommand::Snapshots { command } => plane.snapshots(command),
        CtlCommand::Requests(list) => plane.list(&follow::REQUESTS, &list),
        CtlCommand::Events(list) => plane.list(&follow::EVENTS, &list),
        CtlCommand::Fail { on, settings } => plane.fail(&on, settings),
        CtlCommand::Faults { command } => plane.faults(command),
        CtlCommand::Clock { command } => plane.clock(command),
    }
}

fn address(config: &Config) -> Result<String> {
    let address = config.own_address("ctl")?;
    Ok(format!("http://{address}"))
}

/// Whoever is named; else a key for what is the whole server's, and the first user for what is a tenant's.
fn credentials(ctl: &CtlOptions, config: &Config) -> Result<Identified> {
    if let Some(user) = &ctl.user {
        if ctl.key.is_some() || ctl.tenant.is_some() {
            return Err(fault("--as is one tenant: it goes with neither --key nor --tenant"));
        }
        let named = user.split_once(':').filter(|(name, _)| !name.is_empty());
        let (name, password) = named.ok_or_else(|| fault("write --as NAME:PASSWORD"))?;
        return Ok(Identified::User(name.to_owned(), password.to_owned()));
    }
    let of_server =
        ctl.key.is_some() || ctl.tenant.is_some() || matches!(ctl.command, CtlCommand::Tenants { .. });
    let key = ctl.key.as_ref().or(config.control.keys.first()).cloned().map(Identified::Key);
    let first = config.engine.users.first();
    let user = first.map(|user| Identified::User(user.name.clone(), user.password.clone()));
    let found = if of_server { key.or(user) } else { user.or(key) };
    found.ok_or_else(|| {
        fault("whom to act as is not said: write ctl --as NAME:PASSWORD, or ctl --key with one of the server's --control-key")
    })
}

fn fault(message: &str) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// The control plane of a server, for one tenant or all.
struct Console {
    client: PlaneClient,
    query: Parameters,
    json: bool,
}

impl Console {
    fn tenants(&self, command: Option<TenantsCommand>) -> Result<()> {
        match command {
            None => {
                let columns =
                    ["user", "declared", "database.bytes", "sessions", "open_statements", "journal_entries"];
                let all = self.client.get("/tenants", &Parameters::new())?;
                self.show_list(&all["tenants"], &columns)
            }
            Some(TenantsCommand::Add { user, password, api_key, environments, from, snapshot }) => {
                let mut body = Map::new();
                let given = [("user", user), ("password", password), ("api_key", api_key)];
                body.extend(
                    given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into()))),
                );
                if !environments.is_empty() {
                    body.insert("environments".to_owned(), environments.into());
                }
                if let Some(tenant) = from {
                    body.insert("from".to_owned(), json!({ "tenant": tenant, "snapshot": snapshot }));
                }
                self.show(&self.client.post("/tenants", &Parameters::new(), &Value::Object(body))?)
            }
            Some(TenantsCommand::Remove { user }) => self.show(
                &self.client.delete(&format!("/tenants/{}", client::segment(&user)), &Parameters::new())?,
            ),
        }
    }

    fn reset(&self, parts: &[String]) -> Result<()> {
        let body = if parts.is_empty() { json!({}) } else { json!({ "what": parts }) };
        self.show(&self.client.post("/reset", &self.query, &body)?)
    }

    fn seed(&self, path: &Path, name: Option<&str>) -> Result<()> {
        let packed = PackedSeed::of(path, name)?;
        self.show(&self.client.send("/seed", &self.query, packed)?)
    }

    fn snapshot(&self, name: &str) -> Result<()> {
        let at = format!("/snapshots/{}", client::segment(name));
        self.show(&self.client.put(&at, &self.query, &json!({}))?)
    }

    fn restore(&self, name: &str) -> Result<()> {
        let at = format!("/snapshots/{}/restore", client::segment(name));
        self.show(&self.client.post(&at, &self.query, &json!({}))?)
    }

    fn snapshots(&self, command: Option<SnapshotsCommand>) -> Result<()> {
        match command {
            None => {
                let all = self.client.get("/snapshots", &self.query)?;
                self.show_list(&all["snapshots"], &["name", "made_at", "bytes"])
            }
            Some(SnapshotsCommand::Remove { name }) => {
                let at = format!("/snapshots/{}", client::segment(&name));
                self.show(&self.client.delete(&at, &self.query)?)
            }
        }
    }

    fn fail(&self, on: &[KeyValue], settings: Vec<KeyValue>) -> Result<()> {
        let is_of_rule =
            |setting: &KeyValue| ["times", "skip", "probability", "seed"].contains(&setting.key());
        let (of_rule, effects): (Vec<KeyValue>, Vec<KeyValue>) = settings.into_iter().partition(is_of_rule);
        let mut rule = object(&of_rule)?;
        if !on.is_empty() {
            rule.insert("match".to_owned(), object(on)?.into());
        }
        rule.insert("do".to_owned(), object(&effects)?.into());
        self.show(&self.client.post("/faults", &self.query, &rule.into())?)
    }

    fn faults(&self, command: Option<FaultsCommand>) -> Result<()> {
        match command {
            None => {
                let all = self.client.get("/faults", &self.query)?;
                self.show_list(&all["faults"], &["id", "matched", "acted", "times", "match", "do"])
            }
            Some(FaultsCommand::Remove { id: Some(id) }) => {
                self.show(&self.client.delete(&format!("/faults/{}", client::segment(&id)), &self.query)?)
            }
            Some(FaultsCommand::Remove { id: None }) => {
                self.show(&self.client.delete("/faults", &self.query)?)
            }
        }
    }

    fn clock(&self, command: Option<ClockCommand>) -> Result<()> {
        let put = |body: Value| self.client.put("/clock", &self.query, &body);
        self.show(&match command {
            None => self.client.get("/clock", &self.query)?,
            Some(ClockCommand::Set { at }) => put(json!({ "at": at }))?,
            Some(ClockCommand::Freeze { at: Some(at) }) => put(json!({ "at": at, "frozen": true }))?,
            Some(ClockCommand::Freeze { at: None }) => put(json!({ "frozen": true }))?,
            Some(ClockCommand::Advance { by }) => {
                let by = by.parse::<u64>().map_or_else(|_| Value::from(by.as_str()), Value::from);
                self.client.post("/clock/advance", &self.query, &json!({ "by": by }))?
            }
            Some(ClockCommand::Reset) => self.client.delete("/clock", &self.query)?,
        })
    }

    /// Prints one answer.
    fn show(&self, answer: &Value) -> Result<()> {
        print(&if self.json { format!("{}\n", table::escaped(answer)) } else { table::fields(answer) })
    }

    /// Prints the entries of a list.
    fn show_list(&self, entries: &Value, columns: &[&str]) -> Result<()> {
        let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
        let text = if self.json {
            entries.iter().map(|entry| format!("{}\n", table::escaped(entry))).collect()
        } else {
            table::rows(entries, columns)
        };
        print(&text)
    }
}

fn print(text: &str) -> Result<()> {
    crate::telemetry::print(text)
}

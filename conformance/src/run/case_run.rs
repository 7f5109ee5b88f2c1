//! The state of one case while its steps run.

use super::background::Background;
use crate::check::{self, Mismatch};
use crate::client::Client;
use crate::client::rpc::Wire;
use crate::fault::{Fault, Result};
use crate::gate::Gate;
use crate::spec::{Case, Door};
use crate::step::{Common, Span, Step};
use crate::target::{Account, Server};
use crate::vars::{self, Unknown, Vars};
use crate::verdict::Failure;
use bytes::Bytes;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

pub(super) struct CaseRun {
    pub(super) server: Arc<Server>,
    pub(super) client: Client,
    pub(super) wire: Wire,
    pub(super) door: Option<Door>,
    pub(super) vars: Vars,
    pub(super) first_tenant: String,
    pub(super) accounts: HashMap<String, Account>,
    /// Bearer tokens of Flight sessions by tenant and session name.
    pub(super) tokens: HashMap<(String, String), String>,
    /// REST session ids by tenant and session name.
    pub(super) rest_sessions: HashMap<(String, String), String>,
    pub(super) prepared: HashMap<String, Bytes>,
    background: HashMap<String, Background>,
    /// How to repeat the present step by hand.
    pub(super) repeat: String,
}

impl CaseRun {
    pub(super) fn new(case: &Case, server: Arc<Server>, client: Client) -> Result<Self> {
        let accounts: HashMap<String, Account> =
            case.tenants.iter().map(|name| (name.clone(), server.account())).collect();
        let first_tenant = case.tenants.first().cloned().unwrap_or_default();
        let mut vars = Vars::new();
        vars.insert("uuid".to_owned(), Uuid::new_v4().to_string().into());
        for (name, account) in &accounts {
            for (field, value) in
                [("user", &account.user), ("password", &account.password), ("api_key", &account.api_key)]
            {
                vars.insert(format!("{name}.{field}"), value.as_str().into());
                if *name == first_tenant {
                    vars.insert(field.to_owned(), value.as_str().into());
                }
            }
        }
        Ok(Self {
            wire: Wire::of(&client, &server.addresses.flight)?,
            door: case.door,
            server,
            client,
            vars,
            first_tenant,
            accounts,
            tokens: HashMap::new(),
            rest_sessions: HashMap::new(),
            prepared: HashMap::new(),
            background: HashMap::new(),
            repeat: String::new(),
        })
    }

    /// Runs one step of the spec as often as it says.
    pub(super) async fn step(&mut self, index: usize, raw: &Value) -> Result<(), Failure> {
        self.repeat.clear();
        let number = index + 1;
        let mut round = 0;
        loop {
            self.vars.insert("i".to_owned(), round.into());
            let filled = vars::fill(raw, &self.vars, Unknown::Refuse).and_then(|filled| Step::parse(&filled));
            let step = filled.map_err(|fault| Failure::fault(number, &fault))?;
            self.once(&step).await.map_err(|failure| Failure {
                step: number,
                repeat: self.repeat.clone(),
                ..failure
            })?;
            round += 1;
            if round >= step.common.times.unwrap_or(1) {
                return Ok(());
            }
        }
    }

    pub(super) fn out_of_time(&self, index: usize, patience: Duration) -> Failure {
        let fault = Fault(format!("nothing came back within {} s", patience.as_secs()));
        Failure { repeat: self.repeat.clone(), ..Failure::fault(index + 1, &fault) }
    }

    async fn once(&mut self, step: &Step) -> Result<(), Failure> {
        let started = Instant::now();
        let (verb, outcome) = match step.verb.as_str() {
            "sleep" => {
                let Span(time) = Span::try_from(step.text()?.to_owned()).map_err(Fault)?;
                tokio::time::sleep(time).await;
                return Ok(());
            }
            "drop" => {
                self.take(step)?.hang_up().await;
                return Ok(());
            }
            "pending" => return Ok(self.pending(step).await?),
            "join" => {
                let running = self.take(step)?;
                self.repeat = running.repeat.clone();
                (running.verb.clone(), running.join().await?)
            }
            _ if step.common.background.is_some() => return Ok(self.start(step).await?),
            _ => return self.until_it_holds(step, started).await,
        };
        self.judge(&verb, &step.common, &outcome, started)
    }

    async fn until_it_holds(&mut self, step: &Step, started: Instant) -> Result<(), Failure> {
        const PAUSE: Duration = Duration::from_millis(20);
        let patience = step.common.eventually.map_or(Duration::ZERO, |Span(time)| time);
        loop {
            let began = Instant::now();
            let action = self.action(step, Gate::open()).await?;
            let outcome = action.await?;
            self.remember(step, &outcome)?;
            match self.judge(&step.verb, &step.common, &outcome, began) {
                Err(_) if started.elapsed() < patience => tokio::time::sleep(PAUSE).await,
                verdict => return verdict,
            }
        }
    }

    async fn start(&mut self, step: &Step) -> Result<()> {
        let (gate, handle) = match step.common.pause_after {
            Some(items) => {
                let (gate, handle) = Gate::after(items);
                (gate, Some(handle))
            }
            None => (Gate::open(), None),
        };
        let action = self.action(step, gate).await?;
        let (running, so_far) =
            Background::start(step.verb.clone(), self.repeat.clone(), action, handle).await?;
        if let Some(outcome) = so_far {
            self.capture(&step.common, &outcome)?;
        }
        self.background.insert(step.common.background.clone().unwrap_or_default(), running);
        Ok(())
    }

    fn take(&mut self, step: &Step) -> Result<Background> {
        let name = step.text()?;
        self.background.remove(name).ok_or_else(|| Fault(format!("no background step is called {name}")))
    }

    async fn pending(&mut self, step: &Step) -> Result<()> {
        let name = step.text()?;
        let running =
            self.background.get(name).ok_or_else(|| Fault(format!("no background step is called {name}")))?;
        if running.is_running().await {
            Ok(())
        } else {
            Err(Fault(format!("the background step {name} has ended")))
        }
    }

    fn judge(
        &mut self,
        verb: &str,
        common: &Common,
        outcome: &Value,
        started: Instant,
    ) -> Result<(), Failure> {
        let took = started.elapsed();
        let mut mismatches = check::compare_outcome(&expectation(verb, common.expect.as_ref()), outcome);
        if let Some(Span(limit)) = common.within.filter(|Span(limit)| took > *limit) {
            mismatches.push(Mismatch::in_time(Mismatch::LATE, format!("within {limit:?}"), took));
        }
        if let Some(Span(limit)) = common.after.filter(|Span(limit)| took < *limit) {
            mismatches.push(Mismatch::in_time(Mismatch::EARLY, format!("not before {limit:?}"), took));
        }
        if mismatches.is_empty() {
            return Ok(self.capture(common, outcome)?);
        }
        Err(Failure { step: 0, fault: None, mismatches, repeat: String::new(), outcome: shortened(outcome) })
    }

    fn capture(&mut self, common: &Common, outcome: &Value) -> Result<()> {
        for (name, pointer) in &common.capture {
            let place = pointer.as_str().unwrap_or_default();
            let found = outcome
                .pointer(place)
                .ok_or_else(|| Fault(format!("nothing to capture at {place} in {}", shortened(outcome))))?;
            self.vars.insert(name.clone(), found.clone());
        }
        Ok(())
    }
}

/// What the spec says, with success filled in where it says nothing.
fn expectation(verb: &str, expect: Option<&Map<String, Value>>) -> Map<String, Value> {
    let mut wanted = expect.cloned().unwrap_or_default();
    let (key, success) = match verb {
        "lakehouse" | "analytics" => ("status", serde_json::json!({"$between": [200, 299]})),
        "sql" => ("error", Value::Null),
        "socket" => return wanted,
        _ => ("status", "OK".into()),
    };
    if !wanted.contains_key(key) {
        wanted.insert(key.to_owned(), success);
    }
    wanted
}

fn shortened(outcome: &Value) -> String {
    const SHOWN: usize = 1_500;
    let mut shown = outcome.clone();
    // The parsed forms say everything the text does.
    if let Value::Object(map) = &mut shown
        && (map.contains_key("json") || map.contains_key("lines"))
    {
        map.remove("text");
    }
    let text = shown.to_string();
    text.char_indices()
        .nth(SHOWN)
        .map_or(text.clone(), |(at, _)| format!("{}… ({} bytes)", &text[..at], text.len()))
}

//! The catalog as SQL sees it.

mod contents;
mod freshness;
mod legacy;
mod listing;
mod refusals;
mod web;

use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::Error;
use crate::events::{Action, Alias, Identify, Item, Members, Micros, Store, Track};
use crate::{Account, Call, Engine, EngineConfig, Execute, ProjectChoice, Session};
use duck::types::Fidelity;

/// An engine with users alice and bob, keys `k1` and `k2`, environments `production` and `staging`.
struct World {
    engine: Arc<Engine>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut EngineConfig)) -> Self {
        let account = |name: &str| Account { name: name.to_owned(), password: "secret".to_owned() };
        let mut config = EngineConfig {
            users: vec![account("alice"), account("bob")],
            api_keys: vec!["k1".to_owned(), "k2".to_owned()],
            environments: vec!["production".to_owned(), "staging".to_owned()],
            ..EngineConfig::default()
        };
        change(&mut config);
        Self { engine: Engine::new(config) }
    }

    async fn session(&self, user: &str) -> Arc<Session> {
        self.engine.authenticate(user, "secret").unwrap().open_session().await.unwrap()
    }

    fn store(&self) -> &Arc<Store> {
        self.engine.events()
    }

    fn send(&self, key: &str, environment: &str, actions: Vec<Action>) {
        let items =
            actions.into_iter().map(|action| Item { environment: environment.into(), action }).collect();
        self.store().apply(&self.store().access(key).unwrap(), items, Micros(1_000_000)).unwrap();
    }

    /// Sends to what alice and bob see.
    fn ingest(&self, actions: Vec<Action>) {
        self.send("k1", "production", actions);
    }
}

async fn try_rows(session: &Arc<Session>, sql: &str) -> Result<Vec<Vec<String>>, Error> {
    let mut stream = session.execute(Execute::sql(sql, Fidelity::Exact), &Call::of_server("test")).await?;
    let mut rows = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let options = FormatOptions::default().with_null("NULL");
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        rows.extend(
            (0..batch.num_rows()).map(|row| columns.iter().map(|c| c.value(row).to_string()).collect()),
        );
    }
    Ok(rows)
}

/// The rows of a query as text.
async fn rows(session: &Arc<Session>, sql: &str) -> Vec<Vec<String>> {
    try_rows(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The only value of a query as text.
async fn value(session: &Arc<Session>, sql: &str) -> String {
    rows(session, sql).await[0][0].clone()
}

fn some(id: &str) -> Option<Box<str>> {
    (!id.is_empty()).then(|| id.into())
}

fn members(entries: &[(&str, &str)]) -> Members {
    entries.iter().map(|&(name, value)| (name.into(), value.into())).collect()
}

/// An event; an empty id is none.
fn track(event: &str, distinct_id: &str, anonymous_id: &str) -> Action {
    Action::Track(Track {
        event: event.into(),
        distinct_id: some(distinct_id),
        anonymous_id: some(anonymous_id),
        ..Track::default()
    })
}

fn identify(distinct_id: &str, anonymous_id: &str, traits: &[(&str, &str)]) -> Action {
    Action::Identify(Identify {
        distinct_id: distinct_id.into(),
        anonymous_id: some(anonymous_id),
        traits: members(traits),
        timestamp: None,
    })
}

fn alias(distinct_id: &str, new_user_id: &str) -> Action {
    Action::Alias(Alias { distinct_id: distinct_id.into(), new_user_id: new_user_id.into() })
}

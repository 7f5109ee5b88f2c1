//! A client that has logged in, and what belongs to its connection.

use std::collections::HashMap;
use std::sync::Arc;

use super::cancels::RunningQueries;
use super::job::Job;
use super::report::{Result, SqlReport};
use super::savepoints::Savepoints;
use super::server::PostgresDoor;
use super::settings::ClientSettings;
use super::statement::{NamedSql, Portal};
use super::transaction::Block;
use super::wire::{Gone, Wire};
use engine::{Call, CancelToken, Error, Session, Share, Tenant, Turn};

/// A client, by its connection.
pub(super) struct Client {
    pub(super) door: Arc<PostgresDoor>,
    pub(super) tenant: Arc<Tenant>,
    pub(super) session: Arc<Session>,
    /// The catalog that it has asked for.
    pub(super) catalog: Option<String>,
    pub(super) settings: ClientSettings,
    /// The memory that the settings take of the user's limit.
    pub(super) settings_share: Option<Share>,
    pub(super) block: Block,
    pub(super) savepoints: Savepoints,
    pub(super) statements: HashMap<String, Arc<NamedSql>>,
    pub(super) portals: HashMap<String, Portal>,
    /// What a cancel request is about.
    pub(super) running: Arc<RunningQueries>,
}

impl Client {
    /// Something begins that runs a statement; what a cancel request is about from now on.
    pub(super) fn begin(&self, operation: &'static str, sql: &str) -> Job {
        let mut job = Job::new(operation, &self.door.metrics);
        let name = self.settings.get("application_name").unwrap_or_default();
        job.admit(&self.tenant, name);
        job.call().notes().states(sql.trim());
        job.log(&self.tenant, &self.session, sql, name);
        self.running.set(vec![job.call().cancel().clone()]);
        job
    }

    /// Something begins that runs no statement, such as planning one.
    pub(super) fn begin_quietly(&self, operation: &'static str) -> Job {
        let job = Job::new(operation, &self.door.metrics);
        job.admit(&self.tenant, self.settings.get("application_name").unwrap_or_default());
        self.running.set(vec![job.call().cancel().clone()]);
        job
    }

    /// Tells the client that it may go on, and before of settings that are not what it was told last.
    ///
    /// # Errors
    /// `Gone`.
    pub(super) async fn ready(&mut self, wire: &mut Wire) -> Result<(), Gone> {
        for (name, value) in self.settings.news() {
            wire.out.parameter_status(name, &value);
        }
        wire.out.ready(self.block.letter());
        wire.flush().await
    }

    /// The turn of a call.
    ///
    /// # Errors
    /// The engine's, of a statement of this text.
    pub(super) async fn turn(&self, call: &Arc<Call>, sql: &str) -> Result<Turn> {
        self.session.turn(call).await.map_err(|error| SqlReport::of(&error, sql))
    }

    /// Refuses one statement or portal too many.
    ///
    /// # Errors
    /// 53400.
    pub(super) fn check_room(&self, held: usize) -> Result<()> {
        let most = self.session.limits().session_prepared;
        if held < most {
            return Ok(());
        }
        let what = "the prepared statements and portals of this connection";
        Err(SqlReport::of(&engine::limit_exceeded(what, most, "--session-prepared-limit"), ""))
    }

    /// Cancels a query once `statement_timeout` has passed, unless what this returns is dropped before.
    pub(super) fn limit_time(&self, cancel: &CancelToken) -> TimeLimit {
        let limit = self.settings.timeout("statement_timeout");
        TimeLimit(limit.map(|limit| {
            let cancel = cancel.clone();
            let waiting = tokio::spawn(async move {
                tokio::time::sleep(limit).await;
                cancel.cancel("canceling statement due to statement timeout");
            });
            waiting.abort_handle()
        }))
    }
}

/// The limit of a statement's time, as long as it runs.
pub(super) struct TimeLimit(Option<tokio::task::AbortHandle>);

impl Drop for TimeLimit {
    fn drop(&mut self) {
        if let Some(waiting) = &self.0 {
            waiting.abort();
        }
    }
}

/// The engine's error as a report on a statement.
pub(super) fn told(sql: &str) -> impl Fn(Error) -> SqlReport {
    move |error| SqlReport::of(&error, sql)
}

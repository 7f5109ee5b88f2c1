//! A tenant: one user's database, its sessions and its query log, shared by every protocol.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

use super::blocking;
use super::config::EngineConfig;
use super::ingest::AppendQueues;
use super::instance::{Instance, InstancePool};
use super::journal::Journal;
use super::projects::Project;
use super::query_log::QueryLog;
use super::session::Session;
use super::sessions::Sessions;
use crate::error::Result;

/// One user and what belongs to that user alone.
#[derive(Debug)]
pub struct Tenant {
    name: String,
    declared: bool,
    project: Option<Project>,
    pool: Arc<InstancePool>,
    instance: Mutex<Option<Arc<Instance>>>,
    sessions: Sessions,
    queries: QueryLog,
    journal: Arc<Journal>,
    appends: AppendQueues,
    used: Mutex<Instant>,
}

impl Tenant {
    pub(super) fn new(
        name: &str,
        declared: bool,
        project: Option<Project>,
        config: &EngineConfig,
        pool: Arc<InstancePool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            declared,
            project,
            pool,
            instance: Mutex::new(None),
            sessions: Sessions::new(config.session_idle_timeout),
            queries: QueryLog::default(),
            journal: Arc::default(),
            appends: AppendQueues::default(),
            used: Mutex::new(Instant::now()),
        })
    }

    /// The user's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the user was declared, rather than admitted by `--allow-any-user`.
    pub fn is_declared(&self) -> bool {
        self.declared
    }

    /// The log of this tenant's REST queries.
    pub fn queries(&self) -> &QueryLog {
        &self.queries
    }

    /// What the tenant ran lately, through every door.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// The small appends that wait for one another.
    pub(super) fn appends(&self) -> &AppendQueues {
        &self.appends
    }

    /// The tenant's sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Opens a session that lives until it is closed or has idled out.
    ///
    /// # Errors
    /// Internal when no database can be opened.
    pub async fn open_session(self: &Arc<Self>) -> Result<Arc<Session>> {
        self.open_session_as(Uuid::now_v7()).await
    }

    /// As [`open_session`](Self::open_session), under a given id.
    ///
    /// # Errors
    /// As [`open_session`](Self::open_session).
    pub(super) async fn open_session_as(self: &Arc<Self>, id: Uuid) -> Result<Arc<Session>> {
        self.touch();
        let ready = self.instance.lock().clone().filter(|instance| !instance.is_broken());
        let instance = match ready {
            Some(instance) => instance,
            None => {
                let tenant = Arc::clone(self);
                blocking::run(move || tenant.open_instance()).await?
            }
        };
        Ok(self.sessions.add(Session::open(id, instance, Arc::clone(&self.journal))?))
    }

    /// The tenant's database, opened or replaced if need be.
    fn open_instance(&self) -> Result<Arc<Instance>> {
        let mut slot = self.instance.lock();
        if let Some(instance) = slot.as_ref().filter(|instance| !instance.is_broken()) {
            return Ok(Arc::clone(instance));
        }
        let instance = self.pool.take()?;
        if let Some(project) = &self.project {
            instance.viewer().show(project.clone());
        }
        *slot = Some(Arc::clone(&instance));
        Ok(instance)
    }

    /// Removes the folder of its database; what is open in there stays readable.
    pub(super) fn remove_folder(&self) {
        if let Some(instance) = self.instance.lock().as_ref() {
            instance.spool_folder().remove();
        }
    }

    /// Notes that the tenant is in use.
    pub fn touch(&self) {
        *self.used.lock() = Instant::now();
    }

    /// How long ago the tenant was last used; zero while any session is busy.
    pub(super) fn idle(&self) -> Duration {
        let since_use = self.used.lock().elapsed();
        self.sessions.shortest_idle().map_or(since_use, |idle| idle.min(since_use))
    }

    /// Closes every session.
    pub(super) async fn close(&self) {
        for session in self.sessions.take_all() {
            session.close().await;
        }
    }
}

//! A tenant: one user's database, its sessions and its query log, shared by every protocol.

mod eviction;
mod holding;
mod lineage;
pub(crate) mod query_log;
mod rest_session;
pub(crate) mod sessions;
mod state;
mod unkept;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore};
use uuid::Uuid;

pub(crate) use self::lineage::{Anew, Lineage};
use self::query_log::QueryLog;
use self::sessions::{EndedIds, Sessions};
pub use self::state::TenantState;
use crate::blocking::{self, MayBlock};
use crate::call::Call;
use crate::clock;
use crate::config::EngineConfig;
use crate::error::Result;
use crate::events::ProjectHandle;
use crate::faults::FaultRules;
use crate::ingest::AppendQueues;
use crate::instance::{Instance, InstancePool};
use crate::journal::Journal;
use crate::limits::Limits;
use crate::meter::{TenantMeters, Usage};
use crate::seed_shelf::SeedShelf;
use crate::session::{Owner, Session, Turns, retired};
use crate::tasks::TaskDesk;
use crate::tenant_clock::TenantClock;
use crate::views::ShownProject;
use crate::vitals::Vitals;

/// One user and what belongs to that user alone, from one reset to the next.
#[derive(Debug)]
pub struct Tenant {
    owner: Arc<Owner>,
    lineage: Lineage,
    pool: Arc<InstancePool>,
    seeds: Arc<SeedShelf>,
    /// Held for moments only: never while a database is opened.
    instance: RwLock<Option<Arc<Instance>>>,
    /// Held by the call that opens the database; others wait for it.
    opening: Arc<AsyncMutex<()>>,
    /// Whether its database is about to be replaced: whoever needs it waits for the opening.
    is_held: AtomicBool,
    sessions: Sessions,
    queries: Arc<QueryLog>,
    appends: Arc<AppendQueues>,
    used: Mutex<Instant>,
    visits: AtomicUsize,
}

/// What a tenant finds that takes the place of a former one.
#[derive(Debug, Default)]
pub(crate) struct LeftBehind {
    /// The database, unless it begins anew.
    instance: Option<Arc<Instance>>,
    /// The log of REST queries, unless it begins anew.
    queries: Option<Arc<QueryLog>>,
    /// The ids of the sessions that have ended.
    ended: EndedIds,
}

impl LeftBehind {
    /// A database that was made ready, unless it begins anew.
    pub(crate) fn of(instance: Option<Arc<Instance>>) -> Self {
        Self { instance, ..Self::default() }
    }
}

/// A request of a tenant's, which does not idle as long as this lives: an upload may take hours before it has a session.
#[derive(Debug)]
pub struct Visit(Arc<Tenant>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.touch();
        self.0.visits.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Tenant {
    /// A tenant with nothing, or with what is left of a former one.
    pub(crate) fn new(
        lineage: Lineage,
        left: LeftBehind,
        config: &EngineConfig,
        (pool, seeds): (&Arc<InstancePool>, &Arc<SeedShelf>),
        threads: &Arc<Semaphore>,
    ) -> Arc<Self> {
        let meters = TenantMeters::new(&config.limits);
        let turns = Turns::new(config.limits.tenant_concurrency, threads, Arc::clone(&meters.lingering));
        let owner = Owner {
            name: Arc::clone(lineage.name()),
            journal: Arc::clone(lineage.journal()),
            faults: Arc::clone(lineage.faults()),
            clock: Arc::clone(lineage.clock()),
            turns,
            limits: config.limits,
            meters,
            retired: AtomicBool::new(false),
        };
        let most = config.limits.tenant_sessions;
        let log = || QueryLog::new(config.limits.query_log, Arc::clone(lineage.clock()));
        let queries = left.queries.unwrap_or_else(|| Arc::new(log()));
        Arc::new(Self {
            owner: Arc::new(owner),
            lineage,
            pool: Arc::clone(pool),
            seeds: Arc::clone(seeds),
            instance: RwLock::new(left.instance),
            opening: Arc::default(),
            is_held: AtomicBool::new(false),
            sessions: Sessions::new(config.session_idle_timeout, most, left.ended),
            queries,
            appends: Arc::default(),
            used: Mutex::new(clock::moment()),
            visits: AtomicUsize::new(0),
        })
    }

    /// The user's name.
    pub fn name(&self) -> &Arc<str> {
        &self.owner.name
    }

    /// Whether the user was declared, rather than admitted by `--allow-any-user`.
    pub fn is_declared(&self) -> bool {
        self.lineage.is_declared()
    }

    /// What stays of the tenant when it is reset.
    pub(crate) fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// A number that no other tenant has, nor had this one before its tasks were last reset.
    pub fn task_epoch(&self) -> u64 {
        self.lineage.task_epoch()
    }

    /// The project that it sees, if there is one.
    pub(crate) fn project(&self) -> Option<&ShownProject> {
        self.lineage.project()
    }

    /// Whether its database was opened.
    pub(crate) fn is_open(&self) -> bool {
        self.instance.read().is_some()
    }

    /// What the tenant may hold at most.
    pub fn limits(&self) -> &Limits {
        &self.owner.limits
    }

    /// What its sessions share of their limits.
    pub fn meters(&self) -> &TenantMeters {
        &self.owner.meters
    }

    /// How much of its limits the tenant uses.
    pub fn usage(&self) -> Vec<Usage> {
        let Owner { limits, meters, journal, .. } = &*self.owner;
        let (spooled, most) = self.instance().map_or((0, 0), |instance| instance.spool_space().usage());
        let (kept, most_kept) = self.lineage.shelf().usage();
        let events =
            self.project().and_then(|project| project.store.weight(&project.key, &project.environment));
        vec![
            Usage::new("tenant-session-limit", self.sessions.len(), limits.tenant_sessions),
            Usage::from(&*meters.prepared),
            Usage::from(&*meters.tickets),
            Usage::from(&*meters.held),
            Usage::from(&*meters.lingering),
            Usage::bytes("tenant-spool-limit", spooled, most),
            Usage::bytes("query-log-limit", self.queries.bytes() as u64, limits.query_log),
            Usage::new("fault-limit", self.owner.faults.len(), limits.faults),
            Usage::bytes("snapshot-limit", kept, most_kept),
            Usage::new("task-limit", self.tasks().len(), limits.tasks),
            Usage::bytes("journal-limit", journal.bytes() as u64, limits.journal),
            Usage::bytes("project-event-limit", events.unwrap_or(0), limits.project_events),
        ]
    }

    /// The project that it sees, to be read and waited for.
    pub fn project_handle(&self) -> Option<ProjectHandle> {
        self.project().and_then(|project| project.store.project(&project.key, &project.environment))
    }

    /// Adds what it holds.
    pub(crate) fn add_to(&self, vitals: &mut Vitals) {
        vitals.tenants += u64::from(self.is_open());
        vitals.sessions += self.sessions.len() as u64;
        vitals.live_queries += self.sessions.count_busy() as u64;
        vitals.spool_bytes += self.instance().map_or(0, |instance| instance.spool_space().usage().0);
    }

    /// The log of this tenant's REST queries.
    pub fn queries(&self) -> &QueryLog {
        &self.queries
    }

    /// What the tenant's calls were lately, on every door.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.owner.journal
    }

    /// How its loads end.
    pub fn tasks(&self) -> &Arc<TaskDesk> {
        self.lineage.tasks()
    }

    /// Its time.
    pub fn clock(&self) -> &Arc<TenantClock> {
        &self.owner.clock
    }

    /// Its clock has jumped so far ahead: what idles has idled for as long, and ends if that is too long (CK-2).
    pub async fn ages(&self, by: Duration) {
        let ended = self.sessions.age(by);
        futures::future::join_all(ended.iter().map(Session::close)).await;
    }

    /// The faults that its calls may meet.
    pub fn faults(&self) -> &Arc<FaultRules> {
        &self.owner.faults
    }

    /// A call comes in with the tenant's credentials.
    pub fn admit(&self, call: &Call) {
        self.owner.admit(call);
    }

    /// The small appends that wait for one another.
    pub(crate) fn appends(&self) -> &Arc<AppendQueues> {
        &self.appends
    }

    /// The tenant's sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Opens a session that lives until it is closed or has idled out.
    ///
    /// # Errors
    /// LimitExceeded; Internal when no database can be opened.
    pub async fn open_session(self: &Arc<Self>) -> Result<Arc<Session>> {
        self.open_session_as(Uuid::now_v7()).await
    }

    /// As [`open_session`](Self::open_session), under a given id.
    ///
    /// # Errors
    /// As [`open_session`](Self::open_session).
    pub(crate) async fn open_session_as(self: &Arc<Self>, id: Uuid) -> Result<Arc<Session>> {
        let instance = self.ready_instance().await?;
        self.sessions.make_room().await?;
        self.sessions.add(Session::new(id, instance, Arc::clone(&self.owner)))
    }

    /// Counts a session among the open ones again.
    ///
    /// # Errors
    /// LimitExceeded.
    pub(crate) async fn readmit(&self, session: &Arc<Session>) -> Result<()> {
        self.touch();
        self.sessions.make_room().await?;
        self.sessions.add(Arc::clone(session)).map(drop)
    }

    /// The tenant's database, if it is open and of use.
    pub(crate) fn instance(&self) -> Option<Arc<Instance>> {
        self.instance.read().clone().filter(|instance| !instance.is_broken())
    }

    /// The tenant's database, opened or replaced if need be.
    pub(crate) fn open_instance(&self, thread: &MayBlock) -> Result<Arc<Instance>> {
        // Another call may have opened it while this one waited.
        if let Some(instance) = self.instance() {
            return Ok(instance);
        }
        let instance = self.beginning(thread)?;
        self.adopt(Arc::clone(&instance));
        Ok(instance)
    }

    /// The database that the tenant begins with: an empty one, or a copy of its seed (SD-1).
    ///
    /// # Errors
    /// Internal when none can be opened.
    pub(crate) fn beginning(&self, thread: &MayBlock) -> Result<Arc<Instance>> {
        let seed = self.seeds.of(self.name());
        let seeded = seed.map(|seed| seed.open(self.project(), &self.pool, thread)).transpose()?;
        seeded.flatten().map_or_else(|| self.pool.take(), Ok)
    }

    /// Takes a database for its own, which shows its project and its calls from now on.
    pub(crate) fn adopt(&self, instance: Arc<Instance>) {
        if let Some(project) = self.project() {
            instance.viewer().show(project.clone());
        }
        if self.pool.shows_calls() {
            instance.viewer().show_calls(Arc::clone(self.lineage.journal()));
        }
        *self.instance.write() = Some(instance);
    }

    /// Its database, opened if it was not.
    ///
    /// # Errors
    /// Internal when none can be opened.
    pub(crate) async fn ready_instance(self: &Arc<Self>) -> Result<Arc<Instance>> {
        self.check_retired()?;
        self.touch();
        match self.instance().filter(|_| !self.is_held.load(Ordering::SeqCst)) {
            Some(instance) => Ok(instance),
            None => {
                let opening = self.hold_opening().await;
                let tenant = Arc::clone(self);
                blocking::run(move |thread| {
                    let _opening = opening;
                    tenant.open_instance(thread)
                })
                .await
            }
        }
    }

    /// Has whoever needs the database wait as long as it is not open, until what this returns is dropped.
    pub(crate) async fn hold_opening(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.opening).lock_owned().await
    }

    /// Removes the folders of its database and of its snapshots; what is open in there stays readable.
    pub(crate) fn remove_folder(&self) {
        self.lineage.shelf().all().iter().for_each(|snapshot| snapshot.state().remove_folder());
        if let Some(instance) = self.instance.read().as_ref() {
            instance.spool_folder().remove();
        }
    }

    /// Notes that the tenant is in use.
    pub fn touch(&self) {
        *self.used.lock() = clock::moment();
    }

    /// A request begins.
    pub fn visit(self: &Arc<Self>) -> Visit {
        self.visits.fetch_add(1, Ordering::SeqCst);
        Visit(Arc::clone(self))
    }

    /// How long ago the tenant was last used; zero while a request or any session is busy.
    pub(crate) fn idle(&self) -> Duration {
        if self.visits.load(Ordering::SeqCst) > 0 {
            return Duration::ZERO;
        }
        let since_use = self.used.lock().elapsed();
        self.sessions.shortest_idle().map_or(since_use, |idle| idle.min(since_use))
    }

    /// Closes every session.
    pub(crate) async fn close(&self) {
        let sessions = self.sessions.take_all();
        self.appends.close_spare(true).await;
        futures::future::join_all(sessions.iter().map(Session::close)).await;
    }

    /// Refuses what a call asks that came before the tenant was reset or removed.
    fn check_retired(&self) -> Result<()> {
        if self.owner.retired.load(Ordering::SeqCst) {
            return Err(retired());
        }
        Ok(())
    }
}

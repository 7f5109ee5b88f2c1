//! What a user is from reset to reset, and how one [`Tenant`] follows another.
//!
//! A reset makes a new tenant in the place of the former: whatever began before has the former one, whose sessions end, and
//! can leave nothing in the new one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::sessions::Retired;
use super::{LeftBehind, Tenant};
use crate::faults::FaultRules;
use crate::instance::Instance;
use crate::journal::Journal;
use crate::limits::Limits;
use crate::session::Session;
use crate::shelf::SnapshotShelf;
use crate::tasks::TaskDesk;
use crate::tenant_clock::TenantClock;
use crate::views::ShownProject;

/// The numbers of tenants' tasks given out so far.
static EPOCHS: AtomicU64 = AtomicU64::new(0);

/// Who a tenant is, and what stays of it when it is reset.
#[derive(Debug, Clone)]
pub(crate) struct Lineage(Arc<Lasting>);

#[derive(Debug)]
struct Lasting {
    name: Arc<str>,
    declared: bool,
    project: Option<ShownProject>,
    journal: Arc<Journal>,
    faults: Arc<FaultRules>,
    clock: Arc<TenantClock>,
    tasks: Arc<TaskDesk>,
    task_epoch: AtomicU64,
    seeding: Arc<AsyncMutex<()>>,
    shelf: SnapshotShelf,
}

impl Lineage {
    /// A user who is new.
    pub(crate) fn new(
        name: &str,
        declared: bool,
        project: Option<ShownProject>,
        journal: Arc<Journal>,
        limits: &Limits,
    ) -> Self {
        let faults = Arc::new(FaultRules::new(limits.faults));
        let clock = Arc::new(TenantClock::default());
        if let Some(project) = &project {
            project.store.watch(&project.key, &project.environment, (&journal, &faults, &clock));
        }
        Self(Arc::new(Lasting {
            name: name.into(),
            declared,
            project,
            journal,
            faults,
            clock,
            tasks: Arc::new(TaskDesk::new(limits.tasks)),
            task_epoch: AtomicU64::new(EPOCHS.fetch_add(1, Ordering::Relaxed)),
            seeding: Arc::default(),
            shelf: SnapshotShelf::new(limits.snapshots),
        }))
    }

    /// The same user where nobody sees it, with another project and at the same time: to be seeded (SD-3).
    pub(crate) fn staged(&self, project: ShownProject, limits: &Limits) -> Self {
        Self(Arc::new(Lasting {
            name: Arc::clone(&self.0.name),
            declared: self.0.declared,
            project: Some(project),
            journal: Arc::new(Journal::new(limits.journal)),
            faults: Arc::new(FaultRules::new(limits.faults)),
            clock: Arc::clone(&self.0.clock),
            tasks: Arc::new(TaskDesk::new(limits.tasks)),
            task_epoch: AtomicU64::new(EPOCHS.fetch_add(1, Ordering::Relaxed)),
            seeding: Arc::default(),
            shelf: SnapshotShelf::new(limits.snapshots),
        }))
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    pub(super) fn is_declared(&self) -> bool {
        self.0.declared
    }

    /// The project that the user sees, if there is one.
    pub(crate) fn project(&self) -> Option<&ShownProject> {
        self.0.project.as_ref()
    }

    /// What the user's calls were.
    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.0.journal
    }

    /// The faults that the user's calls may meet.
    pub(crate) fn faults(&self) -> &Arc<FaultRules> {
        &self.0.faults
    }

    /// Waits until no other seed is being added.
    pub(crate) async fn seed_turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.0.seeding).lock_owned().await
    }

    /// The user's time.
    pub(crate) fn clock(&self) -> &Arc<TenantClock> {
        &self.0.clock
    }

    /// How the user's loads end.
    pub(crate) fn tasks(&self) -> &Arc<TaskDesk> {
        &self.0.tasks
    }

    /// The user's snapshots.
    pub(crate) fn shelf(&self) -> &SnapshotShelf {
        &self.0.shelf
    }

    pub(super) fn task_epoch(&self) -> u64 {
        self.0.task_epoch.load(Ordering::SeqCst)
    }

    /// Forgets what a reset of everything does not keep.
    pub(crate) fn begin_anew(&self) {
        self.forget_tasks();
        self.0.journal.clear();
        self.0.faults.clear();
        self.0.clock.clear();
    }

    /// Forgets every task that there was.
    pub(crate) fn forget_tasks(&self) {
        self.0.tasks.clear();
        self.0.task_epoch.store(EPOCHS.fetch_add(1, Ordering::Relaxed), Ordering::SeqCst);
    }

    /// Whether two tenants are one user, before and after a reset.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        if let Some(project) = &self.project {
            project.store.unwatch(&project.key, &self.journal);
        }
        self.faults.clear();
        self.tasks.clear();
    }
}

/// What begins anew.
#[derive(Debug, Clone)]
pub(crate) enum Anew {
    /// The database, and with it all that belongs to it: as at start, or as one that was made ready for it.
    Database(Option<Arc<Instance>>),
    /// The sessions alone.
    Sessions,
}

impl Tenant {
    /// Ends the tenant: none of its calls opens another session. Its sessions are returned for closing, and what a
    /// follower finds.
    pub(crate) fn retire(&self, anew: Anew) -> (Vec<Arc<Session>>, LeftBehind) {
        // First, so that the sessions' clients are told that these are unknown rather than idled out.
        self.owner.retired.store(true, Ordering::SeqCst);
        let Retired { open, ended } = self.sessions.retire();
        let left = match anew {
            Anew::Database(instance) => LeftBehind { ended, ..LeftBehind::of(instance) },
            Anew::Sessions => {
                let queries = Some(Arc::clone(&self.queries));
                LeftBehind { instance: self.instance(), queries, ended }
            }
        };
        (open, left)
    }
}

//! Snapshots of tenants: kept, restored, and what new tenants begin with (SN-1, SN-2, CT-1).

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use crate::blocking;
use crate::config::Account;
use crate::control::end;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::events::KeptProject;
use crate::instance::Instance;
use crate::replica::{self, LeftOut, SavedState};
use crate::shelf::{KeptSnapshot, SnapshotShelf};
use crate::tenant::{Anew, Tenant};
use crate::views::ShownProject;

/// What was kept or put back.
#[derive(Debug)]
pub struct SnapshotDone {
    /// The snapshot.
    pub snapshot: Arc<KeptSnapshot>,
    /// Whether the project was left alone, since other tenants see it too (AC-02).
    pub skipped_project: bool,
    /// What is not in it, or has ended.
    pub left_out: Vec<LeftOut>,
}

/// Where a new tenant's state comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The tenant whose state it is.
    pub tenant: Arc<Tenant>,
    /// The snapshot of that tenant's; its present state if there is none.
    pub snapshot: Option<String>,
}

impl Engine {
    /// Keeps a tenant's committed state under a name, in the place of the snapshot that has it (SN-1).
    ///
    /// # Errors
    /// InvalidArgument for a name that is none; LimitExceeded; FailedPrecondition for a table that cannot be made again, and
    /// if writers leave no moment between two commits. Nothing is kept then.
    pub async fn save_snapshot(&self, tenant: &Tenant, name: &str) -> Result<SnapshotDone> {
        SnapshotShelf::check_name(name)?;
        let shelf = tenant.lineage().shelf();
        let one_at_a_time = shelf.turn().await;
        let project = self.own_project(tenant);
        let (state, bytes, _one_at_a_time) = self.saved(tenant, name, project, one_at_a_time).await?;
        let mut left_out = state.left_out.clone();
        left_out.extend(tenant.unkept().await);
        let skipped_project = state.project.is_none() && tenant.project().is_some();
        let snapshot = shelf.keep(name, state, bytes)?;
        Ok(SnapshotDone { snapshot, skipped_project, left_out })
    }

    /// The state of a tenant now, and what it takes in memory. Others wait until it is copied, even if nobody waits for this.
    async fn saved(
        &self,
        tenant: &Tenant,
        name: &str,
        project: Option<Arc<KeptProject>>,
        one_at_a_time: OwnedMutexGuard<()>,
    ) -> Result<(SavedState, u64, OwnedMutexGuard<()>)> {
        let (database, shown) = (tenant.instance(), tenant.project().cloned());
        let (pool, lineage, name) =
            (Arc::clone(self.accounts.pool()), tenant.lineage().clone(), name.to_owned());
        blocking::run(move |thread| {
            let expected = database.as_ref().map_or(Ok(0), |database| database.table_bytes())?;
            lineage.shelf().check_room(&name, expected)?;
            let state = SavedState::take(database.as_ref(), shown.as_ref(), project, &pool, thread)?;
            let bytes = state.bytes()?;
            Ok((state, bytes, one_at_a_time))
        })
        .await
    }

    /// The state of a tenant's project, unless others see it too.
    fn own_project(&self, tenant: &Tenant) -> Option<Arc<KeptProject>> {
        let project = tenant.project()?;
        if self.accounts.count_viewers(project) > 1 {
            return None;
        }
        self.events.keep_project(&project.key, &project.environment)
    }

    /// Makes a tenant's state that of its snapshot (SN-2). What began before ends with a cancel error; what comes after this
    /// returns finds the state of the snapshot.
    ///
    /// # Errors
    /// NotFound for a snapshot or a user who is no more; nothing is changed then.
    pub async fn restore_snapshot(&self, tenant: &Tenant, name: &str) -> Result<SnapshotDone> {
        let shelf = tenant.lineage().shelf();
        let one_at_a_time = shelf.turn().await;
        let snapshot = shelf.find(name)?;
        let mut left_out = snapshot.left_out().to_vec();
        left_out.extend(tenant.unkept().await);
        let skipped_project = self.put_back(tenant, &snapshot, one_at_a_time).await?;
        Ok(SnapshotDone { snapshot, skipped_project, left_out })
    }

    /// Makes a tenant's state that of a snapshot; true if the project was left alone.
    async fn put_back(
        &self,
        tenant: &Tenant,
        snapshot: &Arc<KeptSnapshot>,
        one_at_a_time: OwnedMutexGuard<()>,
    ) -> Result<bool> {
        let (kept, shown, pool) =
            (Arc::clone(snapshot), tenant.project().cloned(), Arc::clone(self.accounts.pool()));
        // Made ready first, so that there is no moment at which it is half done.
        let ready = blocking::run(move |thread| {
            kept.state().open(shown.as_ref(), &pool, thread).map(|database| (database, one_at_a_time))
        });
        let (database, _one_at_a_time) = ready.await?;
        let anew = Anew::Database(database);
        let gone = || Error::new(ErrorKind::NotFound, format!("there is no user \"{}\"", tenant.name()));
        let sessions = self.accounts.begin_anew(tenant, anew).ok_or_else(gone)?;
        // Before anything is waited for: whoever asked may leave.
        let is_left_alone = self.put_back_project(tenant, snapshot);
        end(sessions).await;
        Ok(is_left_alone)
    }

    /// Puts the project of a snapshot back; true if it was left alone.
    fn put_back_project(&self, tenant: &Tenant, snapshot: &KeptSnapshot) -> bool {
        let Some(project) = tenant.project() else { return false };
        let Some(kept) = &snapshot.state().project else { return true };
        if self.accounts.count_viewers(project) > 1 {
            return true;
        }
        self.events.put_back_project(&project.key, &project.environment, kept);
        false
    }

    /// As [`make_tenant`](Self::make_tenant), of a tenant that begins as a copy (CT-1).
    ///
    /// # Errors
    /// As [`make_tenant`](Self::make_tenant) and [`save_snapshot`](Self::save_snapshot); NotFound for a snapshot that is
    /// not there.
    pub async fn make_copy(
        &self,
        account: Account,
        key: &str,
        environments: Vec<String>,
        origin: Origin,
    ) -> Result<Arc<Tenant>> {
        self.check_new(&account, key)?;
        let environment = environments.first().cloned().unwrap_or_default();
        let project = ShownProject { store: Arc::clone(&self.events), key: key.to_owned(), environment };
        let (database, events) = self.copied(origin, project.clone()).await?;
        let tenant = self.make(account, key, environments, database)?;
        if let Some(events) = events {
            self.events.put_back_project(&project.key, &project.environment, &events);
        }
        Ok(tenant)
    }

    /// A database and a project of an origin's state, for a new tenant who sees `project`.
    async fn copied(
        &self,
        origin: Origin,
        project: ShownProject,
    ) -> Result<(Option<Arc<Instance>>, Option<Arc<KeptProject>>)> {
        let pool = Arc::clone(self.accounts.pool());
        let Origin { tenant, snapshot } = origin;
        let shelf = tenant.lineage().shelf();
        let one_at_a_time = shelf.turn().await;
        if let Some(name) = snapshot {
            let snapshot = shelf.find(&name)?;
            let kept = Arc::clone(&snapshot);
            let ready = blocking::run(move |thread| {
                let _one_at_a_time = one_at_a_time;
                kept.state().open(Some(&project), &pool, thread)
            });
            let database = ready.await?;
            return Ok((database, snapshot.state().project.clone()));
        }
        let events = tenant.project().and_then(|own| self.events.keep_project(&own.key, &own.environment));
        let Some(source) = tenant.instance() else { return Ok((None, events)) };
        let database = blocking::run(move |thread| {
            let _one_at_a_time = one_at_a_time;
            replica::copied(&source, Some(&project), &pool, thread).map(|(database, _)| database)
        });
        Ok((Some(database.await?), events))
    }

    /// A tenant's snapshots, by name.
    pub fn snapshots(&self, tenant: &Tenant) -> Vec<Arc<KeptSnapshot>> {
        tenant.lineage().shelf().all()
    }

    /// Removes a snapshot.
    ///
    /// # Errors
    /// NotFound.
    pub fn remove_snapshot(&self, tenant: &Tenant, name: &str) -> Result<()> {
        tenant.lineage().shelf().remove(name)
    }
}

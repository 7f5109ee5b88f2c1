//! How seeds get to tenants: those that all begin with (SD-1), and one that is added to what a tenant has (SD-3).

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use crate::accounts::HeldPlace;
use crate::blocking;
use crate::call::Call;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::events::Item;
use crate::instance::Instance;
use crate::journal::Journal;
use crate::replica::{self, SavedState};
use crate::seed_shelf::PlantedSeeds;
use crate::session::Session;
use crate::staging::{Staging, apply, staged_project};
use crate::tenant::{LeftBehind, Lineage, Tenant};
use crate::views::ShownProject;

/// What came of the stagings so far, before any tenant has it.
#[derive(Debug, Default)]
pub struct SeedPlan(PlantedSeeds);

impl Engine {
    /// A staging of the server's own, with nothing in it; for that user alone, or for all.
    pub fn stage(&self, user: Option<&str>) -> Staging {
        let limits = &self.config.limits;
        let journal = Arc::new(Journal::new(limits.journal));
        let project = staged_project(limits, None);
        let lineage = Lineage::new(user.unwrap_or("seed"), true, Some(project), journal, limits);
        Staging::fresh(self.accounts.stage(lineage, LeftBehind::default()))
    }

    /// Keeps what came of a staging, for that user alone or for all, without giving it to anybody yet.
    ///
    /// # Errors
    /// Config for something that no copy would have; DuckDB's when it cannot be copied.
    pub async fn prepare(&self, plan: &mut SeedPlan, user: Option<&str>, staging: Staging) -> Result<()> {
        let outcome = staging.end().await;
        let pool = Arc::clone(self.accounts.pool());
        let project = outcome.project.filter(|(_, kept)| !kept.is_empty());
        let saved = blocking::run(move |thread| {
            let (shown, kept) = project.unzip();
            SavedState::take(outcome.instance.as_ref(), shown.as_ref(), kept, &pool, thread)
        });
        let saved = saved.await?;
        if let Some(lack) = saved.left_out.first() {
            let message = format!("seed: {} cannot be what tenants begin with: {}", lack.what, lack.why);
            return Err(Error::new(ErrorKind::Config, message));
        }
        match user {
            Some(user) => drop(plan.0.of_user.insert(user.to_owned(), Arc::new(saved))),
            None => plan.0.of_all = Some(Arc::new(saved)),
        }
        Ok(())
    }

    /// Has every tenant begin with what was prepared. Comes before anybody can connect, and once.
    ///
    /// # Errors
    /// Config for events that would be in no project, or in one that others see too.
    pub fn plant(&self, plan: SeedPlan) -> Result<()> {
        let SeedPlan(seeds) = plan;
        for account in &self.config.users {
            let Some(kept) = seeds.of(&account.name).and_then(|seed| seed.project.as_ref()) else { continue };
            let tenant = self.accounts.find(&account.name);
            let is_own = seeds.of_user.contains_key(&account.name);
            let project = tenant.as_ref().and_then(|tenant| tenant.project());
            let project = self.check_project(&account.name, project, is_own)?;
            self.events.begin_project(&project.key, &project.environment, kept);
        }
        if let Some(kept) = seeds.of_all.as_ref().and_then(|seed| seed.project.clone()) {
            self.events.begin_guests(kept);
        }
        self.accounts.seeds().plant(seeds);
        Ok(())
    }

    fn check_project<'a>(
        &self,
        user: &str,
        project: Option<&'a ShownProject>,
        is_own: bool,
    ) -> Result<&'a ShownProject> {
        let fault = |why: &str| {
            Err(Error::new(
                ErrorKind::Config,
                format!("seed of the user \"{user}\": it holds events or identities, and {why}"),
            ))
        };
        match project {
            None => fault("there is no project for them: declare an --api-key"),
            Some(project) if is_own && self.accounts.count_viewers(project) > 1 => fault(
                "others see the user's project too: give the user a project with --product-analytics that nobody else sees",
            ),
            Some(project) => Ok(project),
        }
    }

    /// Has the project of a tenant that was made begin with what those of all do.
    pub(crate) fn begin_made(&self, user: &str, project: &ShownProject) {
        if let Some(kept) = self.accounts.seeds().of(user).and_then(|seed| seed.project.as_ref()) {
            self.events.begin_project(&project.key, &project.environment, kept);
        }
    }

    /// Waits until no other seed is being added to a tenant; the next one waits until what this returns is dropped.
    pub async fn seed_turn(&self, tenant: &Tenant) -> OwnedMutexGuard<()> {
        tenant.lineage().seed_turn().await
    }

    /// A staging with a copy of what a tenant has.
    ///
    /// # Errors
    /// NotFound for a user who is no more; FailedPrecondition while it is written to without a pause; DuckDB's when it
    /// cannot be copied.
    pub async fn stage_copy(&self, tenant: &Tenant) -> Result<Staging> {
        loop {
            let current = self.accounts.current(tenant).ok_or_else(|| no_user(tenant))?;
            match current.ready_instance().await {
                Ok(origin) => return self.staged_copy(&current, origin).await,
                // It was reset meanwhile.
                Err(_) if current.is_retired() => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`stage_copy`](Self::stage_copy), of a tenant that is held.
    ///
    /// # Errors
    /// As there.
    pub async fn stage_held(&self, held: &HeldTenant) -> Result<Staging> {
        let tenant = Arc::clone(&held.0.tenant);
        let origin = blocking::run(move |thread| tenant.open_instance(thread)).await?;
        self.staged_copy(&held.0.tenant, origin).await
    }

    async fn staged_copy(&self, tenant: &Arc<Tenant>, origin: Arc<Instance>) -> Result<Staging> {
        let changes = origin.changes();
        let (pool, source) = (Arc::clone(self.accounts.pool()), Arc::clone(&origin));
        let shown = tenant.project().cloned();
        let (copy, replica::Copied { left_out, .. }) =
            blocking::run(move |thread| replica::copied(&source, shown.as_ref(), &pool, thread)).await?;
        if let Some(lack) = left_out.first() {
            let message = format!("{} cannot be kept while a seed is added: {}", lack.what, lack.why);
            return Err(Error::new(ErrorKind::FailedPrecondition, message));
        }
        let limits = &self.config.limits;
        let kept =
            tenant.project().and_then(|shown| shown.store.keep_project(&shown.key, &shown.environment));
        let lineage = tenant.lineage().staged(staged_project(limits, kept.as_ref()), limits);
        let staged = self.accounts.stage(lineage, LeftBehind::default());
        staged.adopt(copy);
        Ok(Staging::copied(staged, origin, changes))
    }

    /// Ends a tenant's sessions and has whoever needs its database wait, until what this returns is dropped: nobody
    /// changes anything any more.
    ///
    /// # Errors
    /// NotFound for a user who is no more.
    pub async fn hold(&self, tenant: &Tenant) -> Result<HeldTenant> {
        let mut held = self.accounts.hold(tenant).ok_or_else(|| no_user(tenant))?;
        let sessions = std::mem::take(&mut held.sessions);
        let held = HeldTenant(held);
        futures::future::join_all(sessions.iter().map(Session::close)).await;
        Ok(held)
    }

    /// Has a held tenant go on with what came of a staging; its project has the staging's items besides its own.
    ///
    /// # Errors
    /// LimitExceeded for more events than the project may have, InvalidArgument if there is none, FailedPrecondition if the
    /// tenant was reset meanwhile: it goes on as it was then.
    pub async fn go_on_with(&self, held: HeldTenant, staging: &Staging) -> Result<()> {
        let work = staging.end().await;
        let instance = work.instance.ok_or_else(|| Error::internal("a staging has lost its database"))?;
        store_items(&held.0.tenant, work.items)?;
        if self.accounts.settle(&held.0.tenant, instance) {
            return Ok(());
        }
        let message = "the tenant was reset while the seed was applied, and begins without it";
        Err(Error::new(ErrorKind::FailedPrecondition, message))
    }
}

fn no_user(tenant: &Tenant) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no user \"{}\"", tenant.name()))
}

fn store_items(tenant: &Tenant, mut items: Vec<Item>) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let no_project = || Error::invalid("the seed holds events or identities, and the tenant has no project");
    let project = tenant.project().ok_or_else(no_project)?;
    items.iter_mut().for_each(|item| item.environment = project.environment.as_str().into());
    let access = project.store.admit(&Call::of_server("a seed"), &project.key)?;
    let access = access.ok_or_else(|| Error::new(ErrorKind::NotFound, "the tenant's project is no more"))?;
    apply(&project.store, &access, items)
}

/// A tenant whose database nobody reaches; when this is dropped it goes on with the one that it has then.
#[derive(Debug)]
pub struct HeldTenant(HeldPlace);

impl HeldTenant {
    /// Whether it still has what a staging is a copy of.
    pub fn is_origin_of(&self, staging: &Staging) -> bool {
        self.0.tenant.instance().is_some_and(|instance| staging.is_current(&instance))
    }
}

impl Drop for HeldTenant {
    fn drop(&mut self) {
        self.0.tenant.let_go();
        self.0.opening.take();
    }
}

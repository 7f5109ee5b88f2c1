//! A database and a project that nobody sees yet: a seed is applied there before a tenant has what came of it (SD).

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::call::Call;
use crate::error::{Error, Result};
use crate::events::{self, Access, Item, KeptProject, Micros, Store, Unapplied};
use crate::instance::Instance;
use crate::limits::Limits;
use crate::session::Session;
use crate::tenant::{Anew, Tenant};
use crate::views::ShownProject;

/// The key of its project, in a store of its own.
const KEY: &str = "seed";

/// The environment of its project.
const ENVIRONMENT: &str = "production";

/// A tenant that nobody can log in to. When the last clone is dropped, all of it goes.
#[derive(Debug, Clone)]
pub struct Staging(Arc<Staged>);

#[derive(Debug)]
struct Staged {
    tenant: Arc<Tenant>,
    /// The one environment that its items name.
    named: OnceLock<Box<str>>,
    /// The items that were stored, if somebody will store them again.
    stored: Option<Mutex<Vec<Item>>>,
    /// What it was copied from, and how many changes that had seen.
    origin: Option<(Arc<Instance>, u64)>,
}

impl Drop for Staged {
    /// What is left of it goes at once, since the process may end next.
    fn drop(&mut self) {
        self.tenant.remove_folder();
    }
}

/// What came of a staging.
#[derive(Debug)]
pub(crate) struct StagedWork {
    /// The database, if anything asked for it.
    pub(crate) instance: Option<Arc<Instance>>,
    /// The project, and what is in it.
    pub(crate) project: Option<(ShownProject, Arc<KeptProject>)>,
    /// The items that its project was given, if they were kept.
    pub(crate) items: Vec<Item>,
}

/// A project in a store of its own, which begins with these events and identities.
pub(crate) fn staged_project(limits: &Limits, begins_with: Option<&Arc<KeptProject>>) -> ShownProject {
    let store = Store::new(events::Settings {
        keys: vec![KEY.to_owned()],
        environments: vec![ENVIRONMENT.to_owned()],
        allow_any_key: false,
        limits: *limits,
    });
    if let Some(kept) = begins_with {
        store.begin_project(KEY, ENVIRONMENT, kept);
    }
    ShownProject { store: Arc::new(store), key: KEY.to_owned(), environment: ENVIRONMENT.to_owned() }
}

impl Staging {
    /// A tenant with a [`staged_project`], whose database begins with nothing.
    pub(crate) fn fresh(tenant: Arc<Tenant>) -> Self {
        Self(Arc::new(Staged { tenant, named: OnceLock::new(), stored: None, origin: None }))
    }

    /// A tenant whose database is a copy of `origin`, made when that had seen so many changes.
    pub(crate) fn copied(tenant: Arc<Tenant>, origin: Arc<Instance>, changes: u64) -> Self {
        let stored = Some(Mutex::default());
        Self(Arc::new(Staged { tenant, named: OnceLock::new(), stored, origin: Some((origin, changes)) }))
    }

    /// The tenant, to open sessions of.
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.0.tenant
    }

    /// Makes sure that all items of a seed are of one environment: a tenant sees one project.
    ///
    /// # Errors
    /// InvalidArgument, naming both.
    pub fn check_environment(&self, items: &[Item]) -> Result<()> {
        for item in items {
            let first = self.0.named.get_or_init(|| item.environment.clone());
            if *first != item.environment {
                return Err(Error::invalid(format!(
                    "it is of the environment \"{}\", and others are of \"{first}\": a seed is for one project",
                    item.environment
                )));
            }
        }
        Ok(())
    }

    /// Stores events and identities in the project, whatever environment they name.
    ///
    /// # Errors
    /// LimitExceeded beyond --project-event-limit.
    pub fn store(&self, mut items: Vec<Item>, call: &Arc<Call>) -> Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        if let Some(stored) = &self.0.stored {
            stored.lock().extend(items.iter().cloned());
        }
        items.iter_mut().for_each(|item| item.environment = ENVIRONMENT.into());
        let store = self.project().map(|project| &project.store);
        let access = store.map(|store| store.admit(call, KEY)).transpose()?.flatten();
        match (store, access) {
            (Some(store), Some(access)) => apply(store, &access, items),
            _ => Err(Error::internal("a staging has no project")),
        }
    }

    /// Whether what it was copied from is still as it was then. Nobody may be at work there any more.
    pub(crate) fn is_current(&self, instance: &Arc<Instance>) -> bool {
        let same = |(origin, changes): &(Arc<Instance>, u64)| {
            Arc::ptr_eq(origin, instance) && origin.changes() == *changes
        };
        self.0.origin.as_ref().is_some_and(same)
    }

    /// Ends it: its sessions are closed.
    pub(crate) async fn end(&self) -> StagedWork {
        let (sessions, _) = self.0.tenant.retire(Anew::Sessions);
        futures::future::join_all(sessions.iter().map(Session::close)).await;
        let stored = self.0.stored.as_ref().map(|stored| std::mem::take(&mut *stored.lock()));
        let kept = |shown: &ShownProject| Some((shown.clone(), shown.store.keep_project(KEY, ENVIRONMENT)?));
        StagedWork {
            instance: self.0.tenant.surrender(),
            project: self.project().and_then(kept),
            items: stored.unwrap_or_default(),
        }
    }

    fn project(&self) -> Option<&ShownProject> {
        self.0.tenant.project()
    }
}

/// Stores items under a key that names their environment.
///
/// # Errors
/// LimitExceeded beyond --project-event-limit; Internal for an environment that the key has not.
pub(crate) fn apply(store: &Store, access: &Access, items: Vec<Item>) -> Result<()> {
    store.apply(access, items, Micros::now()).map_err(|unapplied| match unapplied {
        Unapplied::Full(error) => error,
        Unapplied::Environment(name) => Error::internal(format!("there is no environment \"{name}\"")),
    })
}

//! The keys, their projects, and the batch that is applied whole.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard, RwLock};

use super::item::{Item, Receipt};
use super::keyring::Keyring;
use super::project::{KeptProject, Project, ProjectState, Snapshot};
use super::settings::Settings;
use super::watchers::{Viewers, Watchers};
use crate::bell::Bell;
use crate::call::Call;
use crate::clock;
use crate::error::{Error, Result};
use crate::faults::FaultRules;
use crate::journal::Journal;
use crate::limits::{Limits, Size, limit_exceeded};
use crate::tenant_clock::TenantClock;

/// Every project of the server.
#[derive(Debug)]
pub struct Store {
    environments: Arc<[Box<str>]>,
    declared: RwLock<Declared>,
    allow_any_key: bool,
    limits: Limits,
    guests: Mutex<HashMap<Box<str>, Guest>>,
    /// What the first project of an undeclared key begins with, which the user of its name sees.
    guest_beginning: OnceLock<Arc<KeptProject>>,
    watchers: Watchers,
}

/// The declared keys, and the projects of each in step with them.
#[derive(Debug, Default)]
struct Declared {
    keyring: Keyring,
    projects: Vec<Arc<KeyProjects>>,
}

/// The projects of one key, in step with its environments: the declared ones, or those that the key was made with.
#[derive(Debug)]
pub(super) struct KeyProjects {
    environments: Arc<[Box<str>]>,
    projects: Box<[Project]>,
}

struct Guest {
    projects: Arc<KeyProjects>,
    /// What was asked with the key before a user of its name came, who sees its project (LX-13).
    journal: Option<Arc<Journal>>,
    last_used: Instant,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guest(idle for {:?})", self.last_used.elapsed())
    }
}

/// Proof that a call's key was accepted, and the call's way to the key's projects.
#[derive(Debug, Clone)]
pub struct Access {
    projects: Arc<KeyProjects>,
    call: Arc<Call>,
}

/// One project, to be read and waited for.
#[derive(Debug, Clone)]
pub struct ProjectHandle {
    projects: Arc<KeyProjects>,
    place: usize,
}

impl ProjectHandle {
    /// The contents now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.projects.projects[self.place].snapshot()
    }

    /// Rung when something was written.
    pub fn bell(&self) -> &Bell {
        self.projects.projects[self.place].bell()
    }
}

/// Why a batch was not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unapplied {
    /// It names an environment that nobody declared.
    Environment(Box<str>),
    /// It would take a project beyond its limit (AX-14).
    Full(Error),
}

impl Store {
    /// An empty store.
    pub fn new(settings: Settings) -> Self {
        let environments = named(settings.environments);
        let projects = settings.keys.iter().map(|_| KeyProjects::empty(&environments)).collect();
        Self {
            declared: RwLock::new(Declared { keyring: Keyring::new(settings.keys), projects }),
            environments,
            allow_any_key: settings.allow_any_key,
            limits: settings.limits,
            guests: Mutex::default(),
            guest_beginning: OnceLock::new(),
            watchers: Watchers::default(),
        }
    }

    /// Declares a key from now on, in the declared environments; false if it was declared already.
    pub fn add_key(&self, key: &str) -> bool {
        self.add(key, &self.environments)
    }

    /// As [`add_key`](Self::add_key), in environments of its own.
    pub fn add_key_in(&self, key: &str, environments: Vec<String>) -> bool {
        self.add(key, &named(environments))
    }

    fn add(&self, key: &str, environments: &Arc<[Box<str>]>) -> bool {
        let mut declared = self.declared.write();
        let is_new = declared.keyring.add(key);
        if is_new {
            declared.projects.push(KeyProjects::empty(environments));
        }
        is_new
    }

    /// Refuses a declared key from now on and drops its projects; false if it was not declared.
    pub fn remove_key(&self, key: &str) -> bool {
        let mut declared = self.declared.write();
        let Some(place) = declared.keyring.remove(key) else { return false };
        declared.projects.swap_remove(place);
        true
    }

    /// Empties every project. What is accepted afterwards is there, also of a request that came before.
    pub fn clear(&self) {
        self.guests.lock().clear();
        let declared = self.declared.read().projects.clone();
        declared.iter().flat_map(|key| &key.projects).for_each(Project::clear);
    }

    /// Empties one project, as [`clear`](Self::clear) does all; false if there is none.
    pub fn clear_project(&self, key: &str, environment: &str) -> bool {
        let Ok(Some(key)) = self.projects_of(key) else { return false };
        key.project(environment).map(Project::clear).is_some()
    }

    /// Has the first project of every undeclared key begin with it.
    pub(crate) fn begin_guests(&self, kept: Arc<KeptProject>) {
        let _ = self.guest_beginning.set(kept);
    }

    /// Lets a call in that brings this key (AX-05): a declared one, compared in constant time, else under LX-13 any that
    /// is not empty. It is the one way to a project for whoever writes.
    ///
    /// # Errors
    /// LimitExceeded for one undeclared key too many.
    pub fn admit(&self, call: &Arc<Call>, key: &str) -> Result<Option<Access>> {
        let projects = self.projects_of(key)?;
        Ok(projects.map(|projects| Access { projects, call: Arc::clone(call) }))
    }

    /// Whether a key is accepted, as [`admit`](Self::admit) would.
    pub fn accepts(&self, key: &str) -> bool {
        self.projects_of(key).is_ok_and(|projects| projects.is_some())
    }

    /// Lets a call of nobody's in, or none.
    #[cfg(test)]
    pub(crate) fn access(&self, key: &str) -> Option<Access> {
        self.admit(&Call::of_server("a test"), key).ok().flatten()
    }

    pub(super) fn projects_of(&self, key: &str) -> Result<Option<Arc<KeyProjects>>> {
        if let Some(projects) = self.declared.read().projects_of(key) {
            return Ok(Some(projects));
        }
        if !self.allow_any_key || key.is_empty() {
            return Ok(None);
        }
        let mut guests = self.guests.lock();
        if !guests.contains_key(key) {
            self.make_room(&mut guests)?;
        }
        let guest = guests.entry(key.into()).or_insert_with(|| {
            let projects = KeyProjects::empty(&self.environments);
            if let (Some(kept), Some(first)) = (self.guest_beginning.get(), projects.projects.first()) {
                first.begin_with(kept);
            }
            Guest { projects, journal: None, last_used: clock::moment() }
        });
        guest.last_used = clock::moment();
        Ok(Some(Arc::clone(&guest.projects)))
    }

    /// Forgets a key without events, which has nothing to lose, if there are as many as there may be.
    fn make_room(&self, guests: &mut HashMap<Box<str>, Guest>) -> Result<()> {
        let most = self.limits.undeclared;
        if guests.len() < most {
            return Ok(());
        }
        let unused = guests.iter().filter(|(_, guest)| guest.is_unused());
        let Some(key) = unused.min_by_key(|(_, guest)| guest.last_used).map(|(key, _)| key.clone()) else {
            return Err(limit_exceeded("the undeclared API keys", most, "--undeclared-user-limit"));
        };
        guests.remove(&key);
        Ok(())
    }

    /// Applies `items` in order and as a whole (AX-07): readers see all of them or none.
    ///
    /// # Errors
    /// [`Unapplied`] for the first item whose environment is not declared, or when a project would be too large;
    /// nothing is applied then.
    pub fn apply(
        &self,
        access: &Access,
        items: Vec<Item>,
        received: impl Into<Receipt>,
    ) -> Result<(), Unapplied> {
        let received = received.into();
        let key = &*access.projects;
        let mut touched = vec![false; key.projects.len()];
        for item in &items {
            let place = key.place(&item.environment);
            let place = place.ok_or_else(|| Unapplied::Environment(item.environment.clone()))?;
            touched[place] = true;
        }
        // Locks are taken in the order of the environments, so that two batches never wait for each other.
        let mut states: Vec<_> = (key.projects.iter().zip(&touched))
            .map(|(project, touched)| touched.then(|| project.lock()))
            .collect();
        self.check_room(key, &items, &states).map_err(Unapplied::Full)?;
        access.call.count_rows(items.len() as u64);
        states.iter_mut().flatten().for_each(|state| state.begin());
        for item in items {
            let place = key.place(&item.environment);
            if let Some(state) = place.and_then(|place| states[place].as_mut()) {
                state.apply(item.action, received);
            }
        }
        drop(states);
        let written = key.projects.iter().zip(touched).filter(|(_, touched)| *touched);
        written.for_each(|(project, _)| project.bell().ring());
        Ok(())
    }

    /// Refuses items that would take a project beyond its limit.
    fn check_room(
        &self,
        key: &KeyProjects,
        items: &[Item],
        states: &[Option<MutexGuard<'_, ProjectState>>],
    ) -> Result<()> {
        let mut weights: Vec<_> =
            states.iter().map(|state| state.as_ref().map_or(0, |s| s.weight())).collect();
        for item in items {
            let Some(place) = key.place(&item.environment) else { continue };
            let more = states[place].as_ref().map_or(0, |state| state.weight_of(&item.action));
            weights[place] += more;
        }
        let limit = self.limits.project_events;
        if weights.iter().any(|weight| *weight as u64 > limit) {
            let what = "the events and identities of a project";
            return Err(limit_exceeded(what, Size(limit), "--project-event-limit"));
        }
        Ok(())
    }

    /// What a project takes in memory, `None` if the key is not accepted or the environment not declared.
    pub fn weight(&self, key: &str, environment: &str) -> Option<u64> {
        let key = self.projects_of(key).ok()??;
        Some(key.project(environment)?.weight() as u64)
    }

    /// How many undeclared keys there are.
    pub fn undeclared_keys(&self) -> usize {
        self.guests.lock().len()
    }

    /// From now on the calls that write to a project are kept in that journal, too.
    pub(crate) fn watch(
        &self,
        key: &str,
        environment: &str,
        viewer: (&Arc<Journal>, &Arc<FaultRules>, &Arc<TenantClock>),
    ) {
        self.watchers.add(key, environment, viewer);
    }

    /// From now on no call is kept in that journal for the key.
    pub(crate) fn unwatch(&self, key: &str, journal: &Arc<Journal>) {
        self.watchers.remove(key, journal);
    }

    /// Whose journals a call with that key goes into, if it names environments of which `is_named` tells.
    pub fn watchers(&self, key: &str, is_named: impl Fn(&str) -> bool) -> Viewers {
        let watchers = self.watchers.of(key, is_named);
        if watchers.journals.is_empty()
            && let Some(guest) = self.guests.lock().get_mut(key)
        {
            let limit = self.limits.journal;
            let journal = guest.journal.get_or_insert_with(|| Arc::new(Journal::new(limit)));
            return Viewers { journals: vec![Arc::clone(journal)], faults: Vec::new(), clock: None };
        }
        watchers
    }

    /// What was asked with an undeclared key before its user came.
    pub(crate) fn take_journal(&self, key: &str) -> Option<Arc<Journal>> {
        self.guests.lock().get_mut(key)?.journal.take()
    }

    /// A project, `None` if the key is not accepted or the environment not declared.
    pub fn project(&self, key: &str, environment: &str) -> Option<ProjectHandle> {
        let projects = self.projects_of(key).ok()??;
        let place = projects.place(environment)?;
        Some(ProjectHandle { projects, place })
    }

    /// The contents of a project, `None` if the key is not accepted or the environment not declared.
    pub fn snapshot(&self, key: &str, environment: &str) -> Option<Arc<Snapshot>> {
        let key = self.projects_of(key).ok()??;
        Some(key.project(environment)?.snapshot())
    }

    /// Drops the undeclared keys that nobody has used for `idle` (LX-13).
    pub fn drop_idle(&self, idle: Duration) {
        self.guests.lock().retain(|_, guest| guest.last_used.elapsed() < idle);
    }
}

impl KeyProjects {
    fn empty(environments: &Arc<[Box<str>]>) -> Arc<Self> {
        let projects = environments.iter().map(|_| Project::default()).collect();
        Arc::new(Self { environments: Arc::clone(environments), projects })
    }

    /// One of its projects.
    pub(super) fn project(&self, environment: &str) -> Option<&Project> {
        self.place(environment).map(|place| &self.projects[place])
    }

    fn place(&self, environment: &str) -> Option<usize> {
        self.environments.iter().position(|declared| **declared == *environment)
    }
}

impl Guest {
    fn is_unused(&self) -> bool {
        let projects = &self.projects.projects;
        Arc::strong_count(&self.projects) == 1 && projects.iter().all(Project::is_untouched)
    }
}

impl Declared {
    fn projects_of(&self, key: &str) -> Option<Arc<KeyProjects>> {
        self.keyring.place(key).map(|place| Arc::clone(&self.projects[place]))
    }
}

fn named(environments: Vec<String>) -> Arc<[Box<str>]> {
    environments.into_iter().map(String::into_boxed_str).collect()
}

#[cfg(test)]
mod tests;

//! The keys, their projects, and the batch that is applied whole.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::item::{Item, Micros};
use super::keyring::Keyring;
use super::project::{Project, Snapshot};

/// What the store is told at start-up.
#[derive(Clone, Default)]
pub struct Settings {
    /// The declared API keys (AX-03), the first of which tenants see unless told otherwise (AC-02).
    pub keys: Vec<String>,
    /// The declared environments.
    pub environments: Vec<String>,
    /// Whether any non-empty key is accepted (LX-13).
    pub allow_any_key: bool,
}

impl fmt::Debug for Settings {
    /// Keys are secrets: only their number is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("keys", &self.keys.len())
            .field("environments", &self.environments)
            .field("allow_any_key", &self.allow_any_key)
            .finish()
    }
}

/// Every project of the server.
#[derive(Debug)]
pub struct Store {
    environments: Vec<Box<str>>,
    declared: RwLock<Declared>,
    allow_any_key: bool,
    guests: Mutex<HashMap<Box<str>, Guest>>,
}

/// The declared keys, and the projects of each in step with them.
#[derive(Debug, Default)]
struct Declared {
    keyring: Keyring,
    projects: Vec<Arc<Environments>>,
}

/// The projects of one key, in step with the declared environments.
type Environments = Box<[Project]>;

struct Guest {
    projects: Arc<Environments>,
    last_used: Instant,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guest(idle for {:?})", self.last_used.elapsed())
    }
}

/// Proof that a key was accepted, and the way to its projects.
#[derive(Debug, Clone)]
pub struct Access {
    projects: Arc<Environments>,
}

/// The environment that a batch named and nobody declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEnvironment(pub Box<str>);

impl Store {
    /// An empty store.
    pub fn new(settings: Settings) -> Self {
        let environments: Vec<Box<str>> =
            settings.environments.into_iter().map(String::into_boxed_str).collect();
        let projects = settings.keys.iter().map(|_| empty_projects(environments.len())).collect();
        Self {
            declared: RwLock::new(Declared { keyring: Keyring::new(settings.keys), projects }),
            environments,
            allow_any_key: settings.allow_any_key,
            guests: Mutex::default(),
        }
    }

    /// Declares a key from now on; false if it was declared already.
    pub fn add_key(&self, key: &str) -> bool {
        let mut declared = self.declared.write();
        let is_new = declared.keyring.add(key);
        if is_new {
            declared.projects.push(empty_projects(self.environments.len()));
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

    /// Empties every project.
    pub fn clear(&self) {
        self.guests.lock().clear();
        for projects in &mut self.declared.write().projects {
            *projects = empty_projects(self.environments.len());
        }
    }

    /// Checks `key` (AX-05): a declared one in constant time, else under LX-13 any that is not empty.
    pub fn access(&self, key: &str) -> Option<Access> {
        if let Some(projects) = self.declared.read().projects_of(key) {
            return Some(Access { projects });
        }
        if !self.allow_any_key || key.is_empty() {
            return None;
        }
        let mut guests = self.guests.lock();
        if let Some(guest) = guests.get_mut(key) {
            guest.last_used = Instant::now();
            return Some(Access { projects: Arc::clone(&guest.projects) });
        }
        let projects = empty_projects(self.environments.len());
        guests.insert(key.into(), Guest { projects: Arc::clone(&projects), last_used: Instant::now() });
        Some(Access { projects })
    }

    /// Applies `items`, received at `now`, in order and as a whole (AX-07): readers see all of them or none.
    ///
    /// # Errors
    /// [`UnknownEnvironment`] for the first item whose environment is not declared; nothing is applied then.
    pub fn apply(&self, access: &Access, items: Vec<Item>, now: Micros) -> Result<(), UnknownEnvironment> {
        let mut touched = vec![false; self.environments.len()];
        for item in &items {
            let place = self.environment(&item.environment);
            let place = place.ok_or_else(|| UnknownEnvironment(item.environment.clone()))?;
            touched[place] = true;
        }
        // Locks are taken in the order of the environments, so that two batches never wait for each other.
        let mut states: Vec<_> = (access.projects.iter().zip(touched))
            .map(|(project, touched)| touched.then(|| project.write()))
            .collect();
        for item in items {
            let place = self.environment(&item.environment);
            if let Some(state) = place.and_then(|place| states[place].as_mut()) {
                state.apply(item.action, now);
            }
        }
        Ok(())
    }

    /// The contents of a project, `None` if the key is not accepted or the environment not declared.
    pub fn snapshot(&self, key: &str, environment: &str) -> Option<Arc<Snapshot>> {
        let place = self.environment(environment)?;
        Some(self.access(key)?.projects[place].snapshot())
    }

    /// Drops the undeclared keys that nobody has used for `idle` (LX-13).
    pub fn drop_idle(&self, idle: Duration) {
        self.guests.lock().retain(|_, guest| guest.last_used.elapsed() < idle);
    }

    fn environment(&self, name: &str) -> Option<usize> {
        self.environments.iter().position(|declared| **declared == *name)
    }
}

impl Declared {
    fn projects_of(&self, key: &str) -> Option<Arc<Environments>> {
        self.keyring.place(key).map(|place| Arc::clone(&self.projects[place]))
    }
}

fn empty_projects(count: usize) -> Arc<Environments> {
    Arc::new((0..count).map(|_| Project::default()).collect())
}

#[cfg(test)]
mod tests;

//! Whose journals the calls to a key go into: those of the tenants who see one of its projects (RJ-1).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::journal::Journal;

/// The journals of those who see projects, by API key.
#[derive(Default)]
pub(super) struct Watchers(RwLock<HashMap<Box<str>, Vec<Watcher>>>);

struct Watcher {
    environment: Box<str>,
    journal: Arc<Journal>,
}

impl fmt::Debug for Watchers {
    /// Keys are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watchers({})", self.0.read().len())
    }
}

impl Watchers {
    pub(super) fn add(&self, key: &str, environment: &str, journal: &Arc<Journal>) {
        let watcher = Watcher { environment: environment.into(), journal: Arc::clone(journal) };
        self.0.write().entry(key.into()).or_default().push(watcher);
    }

    pub(super) fn remove(&self, key: &str, journal: &Arc<Journal>) {
        let mut all = self.0.write();
        let Some(watchers) = all.get_mut(key) else { return };
        watchers.retain(|watcher| !Arc::ptr_eq(&watcher.journal, journal));
        if watchers.is_empty() {
            all.remove(key);
        }
    }

    /// The journals of those who see an environment of the key that is wanted.
    pub(super) fn of(&self, key: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<Arc<Journal>> {
        let all = self.0.read();
        let watchers = all.get(key).into_iter().flatten();
        watchers.filter(|w| is_wanted(&w.environment)).map(|w| Arc::clone(&w.journal)).collect()
    }
}

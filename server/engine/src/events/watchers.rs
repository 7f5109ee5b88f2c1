//! Whose journals the calls to a key go into, and whose faults they may meet: those of the tenants who see one of its
//! projects (RJ-1, FR-2).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::faults::{FaultRule, FaultRules};
use crate::journal::Journal;
use crate::tenant_clock::TenantClock;

/// The journals of those who see projects, by API key.
#[derive(Default)]
pub(super) struct Watchers(RwLock<HashMap<Box<str>, Vec<Watcher>>>);

struct Watcher {
    environment: Box<str>,
    journal: Arc<Journal>,
    faults: Arc<FaultRules>,
    clock: Arc<TenantClock>,
}

/// Those who see what a call writes to.
#[derive(Debug)]
pub struct Viewers {
    /// Their journals.
    pub journals: Vec<Arc<Journal>>,
    /// The faults that the call may meet: of those who share their project with nobody.
    pub faults: Vec<Arc<FaultRule>>,
    /// The clock of the first of these whose was set.
    pub clock: Option<Arc<TenantClock>>,
}

impl fmt::Debug for Watchers {
    /// Keys are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watchers({})", self.0.read().len())
    }
}

impl Watchers {
    pub(super) fn add(
        &self,
        key: &str,
        environment: &str,
        (journal, faults, clock): (&Arc<Journal>, &Arc<FaultRules>, &Arc<TenantClock>),
    ) {
        let (journal, faults, clock) = (Arc::clone(journal), Arc::clone(faults), Arc::clone(clock));
        let watcher = Watcher { environment: environment.into(), journal, faults, clock };
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

    /// Those who see an environment of the key that is wanted.
    pub(super) fn of(&self, key: &str, is_wanted: impl Fn(&str) -> bool) -> Viewers {
        let all = self.0.read();
        let watchers = all.get(key).map_or(&[][..], Vec::as_slice);
        let seeing = watchers.iter().filter(|watcher| is_wanted(&watcher.environment));
        let journals = seeing.clone().map(|watcher| Arc::clone(&watcher.journal)).collect();
        let is_shared = |environment: &str| {
            watchers.iter().filter(|other| *other.environment == *environment).count() > 1
        };
        let has_any = |watcher: &&Watcher| !watcher.faults.is_empty() || watcher.clock.was_set();
        let alone = seeing.filter(has_any).filter(|watcher| !is_shared(&watcher.environment));
        let clock = alone.clone().find(|watcher| watcher.clock.was_set());
        let clock = clock.map(|watcher| Arc::clone(&watcher.clock));
        Viewers { journals, faults: alone.flat_map(|watcher| watcher.faults.all()).collect(), clock }
    }
}

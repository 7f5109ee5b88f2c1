//! One project: its events and identities behind one short lock, and the snapshots that readers hold.

use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};
use uuid::Uuid;

use super::identity::{Identities, IdentityView};
use super::item::{Action, Receipt};
use super::log::Events;
use super::weight;
use crate::bell::Bell;
use crate::blocking;

/// A project's contents at one moment, unaffected by what arrives later.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Every event.
    pub events: Events,
    /// Every identity and known id.
    pub identities: IdentityView,
    /// How many requests brought them.
    pub requests: u64,
}

/// What a project held at one moment, to be put back.
#[derive(Debug)]
pub struct KeptProject(ProjectState);

impl KeptProject {
    /// What it takes in memory, in bytes, as `--project-event-limit` counts.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.weight() as u64
    }
}

/// One pair of API key and environment.
#[derive(Debug)]
pub struct Project {
    state: Mutex<ProjectState>,
    /// What it begins with, at first and when it is cleared (SD-1).
    beginning: OnceLock<Arc<KeptProject>>,
    /// Rung when something was written.
    bell: Bell,
}

#[derive(Debug, Clone)]
pub(super) struct ProjectState {
    events: Events,
    identities: Identities,
    requests: u64,
    /// The latest snapshot, shared by readers until the next write.
    published: Option<Arc<Snapshot>>,
}

impl Default for Project {
    fn default() -> Self {
        let state = Mutex::new(ProjectState::empty());
        Self { state, beginning: OnceLock::new(), bell: Bell::default() }
    }
}

impl Project {
    /// Rung when something was written.
    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Begins with a state, now and whenever it is cleared.
    pub(super) fn begin_with(&self, kept: &Arc<KeptProject>) {
        self.put_back(kept);
        // It has no other: that is said before anybody knows of the project.
        let _ = self.beginning.set(Arc::clone(kept));
    }

    /// Whether nothing was written to it.
    pub(super) fn is_untouched(&self) -> bool {
        let began_with = self.beginning.get().map_or(0, |kept| kept.0.requests);
        self.state.lock().requests == began_with
    }

    /// Forgets events and identities, but for those that it began with; readers keep the snapshots that they have.
    pub(super) fn clear(&self) {
        let beginning = self.beginning.get().map_or_else(ProjectState::empty, |kept| kept.0.clone());
        let former = std::mem::replace(&mut *self.state.lock(), beginning);
        // Freeing a gigabyte takes its time, for which nobody need wait.
        blocking::discard(former);
    }

    /// The state now.
    pub(super) fn keep(&self) -> KeptProject {
        KeptProject(self.state.lock().clone())
    }

    /// Puts a state in the place of the present one.
    pub(super) fn put_back(&self, kept: &KeptProject) {
        let former = std::mem::replace(&mut *self.state.lock(), kept.0.clone());
        blocking::discard(former);
        self.bell.ring();
    }

    /// The contents now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let mut state = self.state.lock();
        let ProjectState { events, identities, requests, published } = &mut *state;
        Arc::clone(published.get_or_insert_with(|| {
            Arc::new(Snapshot {
                events: events.clone(),
                identities: identities.view().clone(),
                requests: *requests,
            })
        }))
    }

    /// The project for a request. Whoever needs several takes them in one order, that of the environments.
    pub(super) fn lock(&self) -> MutexGuard<'_, ProjectState> {
        self.state.lock()
    }

    /// What its events and identities take in memory.
    pub(super) fn weight(&self) -> usize {
        self.state.lock().weight()
    }
}

impl KeptProject {
    /// Whether nothing was ever written to it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.requests == 0
    }
}

impl ProjectState {
    fn empty() -> Self {
        let identities = Identities::new(Uuid::now_v7);
        Self { events: Events::default(), identities, requests: 0, published: None }
    }

    /// What events and identities take in memory.
    pub(super) fn weight(&self) -> usize {
        self.events.weight() + self.identities.weight()
    }

    /// What applying an item may add to that at most.
    pub(super) fn weight_of(&self, action: &Action) -> usize {
        weight::at_most(action, |id| self.identities.find(id).is_none())
    }

    /// A request is about to write.
    pub(super) fn begin(&mut self) {
        // Dropped before the write, so that chunks no reader holds are changed in place.
        self.published = None;
        self.requests += 1;
    }

    /// Applies one item received at `now`. It cannot fail, so that a batch is applied whole.
    pub(super) fn apply(&mut self, action: Action, received: Receipt) {
        let Receipt { at: now, request } = received;
        let track = match action {
            Action::Identify(identify) => return self.identities.identify(identify, now),
            Action::Alias(alias) => return self.identities.alias(&alias, now),
            Action::Track(track) => track,
        };
        let subject = self.identities.track(track.distinct_id.as_deref(), track.anonymous_id.as_deref(), now);
        let traits = subject.identity.map(|at| self.identities.share_traits(at));
        self.events.push((Uuid::now_v7(), request), &track, subject, traits, now);
    }
}

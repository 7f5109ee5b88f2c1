//! The sessions of one tenant: found by id, adopted under an id, discarded after idling (LS-02 to LS-05, FS-5).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use uuid::Uuid;

use super::session::Session;
use super::tenant::Tenant;
use crate::error::Result;

/// How many ids of discarded sessions are remembered.
const REMEMBERED: usize = 10_000;

/// A tenant's open sessions.
#[derive(Debug)]
pub struct Sessions {
    idle_limit: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<Uuid, Arc<Session>>,
    expired: HashSet<Uuid>,
    expired_order: VecDeque<Uuid>,
}

impl Sessions {
    pub(super) fn new(idle_limit: Duration) -> Self {
        Self { idle_limit, state: Mutex::new(State::default()) }
    }

    /// Adds a session, unless another call has opened one under its id meanwhile; that one is returned then.
    pub(super) fn add(&self, session: Arc<Session>) -> Arc<Session> {
        let mut state = self.state.lock();
        let known = state.open.entry(session.id()).or_insert_with(|| Arc::clone(&session));
        if known.is_closed() || known.is_lost() {
            *known = session;
        }
        Arc::clone(known)
    }

    /// Forgets a session that holds nothing an empty one would not: its id is adopted again when it comes back
    /// (LS-03), so that a client that never names a session leaves none behind. One that another call uses stays.
    pub fn release(&self, session: &Arc<Session>) {
        if session.let_go() && session.is_pristine() {
            self.state.lock().open.remove(&session.id());
        }
    }

    /// Whether a session of this id idled out.
    pub fn is_expired(&self, id: Uuid) -> bool {
        self.state.lock().expired.contains(&id)
    }

    /// An open session.
    pub fn get(&self, id: Uuid) -> Option<Arc<Session>> {
        let mut state = self.state.lock();
        let session = state.open.get(&id).cloned()?;
        if session.is_closed() || session.is_lost() {
            state.open.remove(&id);
            return None;
        }
        if session.idle() >= self.idle_limit {
            state.expire(id);
            return None;
        }
        session.touch();
        Some(session)
    }

    /// Forgets a session; its connection closes with its last user.
    pub fn remove(&self, id: Uuid) {
        self.state.lock().open.remove(&id);
    }

    /// How recently any session was used.
    pub(super) fn shortest_idle(&self) -> Option<Duration> {
        self.state.lock().open.values().map(|session| session.idle()).min()
    }

    /// Discards the sessions that have idled out, and returns them for closing.
    pub(super) fn drop_idle(&self) -> Vec<Arc<Session>> {
        let mut state = self.state.lock();
        let idle: Vec<Uuid> = state
            .open
            .iter()
            .filter(|(_, session)| session.is_closed() || session.idle() >= self.idle_limit)
            .map(|(id, _)| *id)
            .collect();
        idle.into_iter().filter_map(|id| state.expire(id)).collect()
    }

    pub(super) fn take_all(&self) -> Vec<Arc<Session>> {
        self.state.lock().open.drain().map(|(_, session)| session).collect()
    }
}

impl State {
    fn expire(&mut self, id: Uuid) -> Option<Arc<Session>> {
        if self.expired.insert(id) {
            self.expired_order.push_back(id);
        }
        while self.expired_order.len() > REMEMBERED {
            if let Some(oldest) = self.expired_order.pop_front() {
                self.expired.remove(&oldest);
            }
        }
        self.open.remove(&id)
    }
}

impl Tenant {
    /// The session a REST request names: a new one for `None`, an unknown id adopted (LS-03), a fresh id in place of
    /// one that idled out (LS-04). Ends with [`Sessions::release`].
    ///
    /// # Errors
    /// Internal when no database can be opened.
    pub async fn rest_session(self: &Arc<Self>, id: Option<Uuid>) -> Result<Arc<Session>> {
        self.touch();
        let known = id.and_then(|id| self.sessions().get(id));
        let session = match (known, id.filter(|id| !self.sessions().is_expired(*id))) {
            (Some(session), _) => session,
            (None, Some(adopted)) => self.open_session_as(adopted).await?,
            (None, None) => self.open_session().await?,
        };
        session.hold();
        Ok(session)
    }
}

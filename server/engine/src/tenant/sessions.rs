//! The sessions of one tenant: found by id, adopted under an id, discarded after idling (LS-02 to LS-05, FS-5).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use uuid::Uuid;

use crate::error::Result;
use crate::session::{Session, retired};

/// How many ids of discarded sessions are remembered.
const REMEMBERED: usize = 10_000;

/// A tenant's open sessions.
#[derive(Debug)]
pub struct Sessions {
    idle_limit: Duration,
    most: usize,
    state: Mutex<SessionTable>,
}

#[derive(Debug, Default)]
struct SessionTable {
    open: HashMap<Uuid, OpenSession>,
    ended: EndedIds,
    /// Whether no session is added any more.
    is_retired: bool,
}

/// The ids of sessions that have idled out, or ended with a reset: the latest of them.
#[derive(Debug, Default)]
pub(crate) struct EndedIds {
    ids: HashSet<Uuid>,
    order: VecDeque<Uuid>,
}

/// What a tenant leaves that is no more.
#[derive(Debug)]
pub(crate) struct Retired {
    /// The sessions that were open, for closing.
    pub(crate) open: Vec<Arc<Session>>,
    /// The ids that a follower remembers, those of the open ones among them.
    pub(crate) ended: EndedIds,
}

/// An open session, and who has it.
#[derive(Debug)]
struct OpenSession {
    session: Arc<Session>,
    /// Requests that have it by its id.
    holders: usize,
    /// Whether any request ever had: it can be named again then, and may go when there are too many (LS-11).
    named: bool,
    /// When it was last used, as it was then seen to have a temporary table.
    keeps: Option<u64>,
}

impl Sessions {
    /// No sessions, after others that have ended.
    pub(crate) fn new(idle_limit: Duration, most: usize, ended: EndedIds) -> Self {
        Self { idle_limit, most, state: Mutex::new(SessionTable { ended, ..SessionTable::default() }) }
    }

    /// Adds a session, unless another call has opened one under its id meanwhile; that one is returned then.
    ///
    /// # Errors
    /// LimitExceeded when there are as many sessions as there may be; Cancelled when the tenant is no more.
    pub(crate) fn add(&self, session: Arc<Session>) -> Result<Arc<Session>> {
        let mut state = self.state.lock();
        if state.is_retired {
            return Err(retired());
        }
        if let Some(known) = state.open.get(&session.id()).filter(|known| !known.is_over()) {
            return Ok(Arc::clone(&known.session));
        }
        if state.open.len() >= self.most && !state.open.contains_key(&session.id()) {
            return Err(self.too_many());
        }
        let entry = OpenSession { session: Arc::clone(&session), holders: 0, named: false, keeps: None };
        state.open.insert(session.id(), entry);
        Ok(session)
    }

    /// How many sessions are open.
    pub fn len(&self) -> usize {
        self.state.lock().open.len()
    }

    /// How many have a statement that runs or a result that is being read.
    pub(crate) fn count_busy(&self) -> usize {
        self.state.lock().open.values().filter(|entry| entry.session.is_busy()).count()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts a request that has a session by its id; false if the session has ended meanwhile.
    pub(crate) fn hold(&self, session: &Arc<Session>) -> bool {
        let mut state = self.state.lock();
        let Some(entry) = state.entry(session) else { return false };
        entry.holders += 1;
        entry.named = true;
        true
    }

    /// Counts it off again, and forgets a session that holds nothing an empty one would not: its id is adopted again
    /// when it comes back (LS-03), so that a client that never names a session leaves none behind.
    pub fn release(&self, session: &Arc<Session>) {
        let mut state = self.state.lock();
        let Some(entry) = state.entry(session) else { return };
        entry.holders -= 1;
        if entry.holders == 0 && session.is_pristine() {
            state.open.remove(&session.id());
        }
    }

    /// Whether a session of this id idled out, or ended with a reset (LS-04, CT-3).
    pub fn is_expired(&self, id: Uuid) -> bool {
        self.state.lock().ended.ids.contains(&id)
    }

    /// An open session.
    pub fn get(&self, id: Uuid) -> Option<Arc<Session>> {
        let mut state = self.state.lock();
        let entry = state.open.get(&id)?;
        let session = Arc::clone(&entry.session);
        if entry.is_over() {
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

    /// Ends a session as if it had idled out (LS-04), for closing; its id is remembered even if there is none.
    pub fn expire(&self, id: Uuid) -> Option<Arc<Session>> {
        self.state.lock().expire(id)
    }

    /// How recently any session was used.
    pub(crate) fn shortest_idle(&self) -> Option<Duration> {
        self.state.lock().open.values().map(|entry| entry.session.idle()).min()
    }

    /// Discards the sessions that have idled out, and returns them for closing.
    pub(crate) fn drop_idle(&self) -> Vec<Arc<Session>> {
        let mut state = self.state.lock();
        let idle: Vec<Uuid> = state
            .open
            .iter()
            .filter(|(_, OpenSession { session, .. })| {
                session.is_closed() || session.idle() >= self.idle_limit
            })
            .map(|(id, _)| *id)
            .collect();
        idle.into_iter().filter_map(|id| state.expire(id)).collect()
    }

    /// Sessions have idled for so much longer; those that have for too long are discarded, and returned for closing.
    pub(crate) fn age(&self, by: Duration) -> Vec<Arc<Session>> {
        self.all().iter().for_each(|session| session.age(by));
        self.drop_idle()
    }

    /// Every open session.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.state.lock().open.values().map(|entry| Arc::clone(&entry.session)).collect()
    }

    /// How many sessions there may be.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Whether one more session fits, those that have ended not counted.
    pub(crate) fn has_room(&self) -> bool {
        let mut state = self.state.lock();
        if state.open.len() >= self.most {
            state.open.retain(|_, entry| !entry.session.is_closed());
        }
        state.open.len() < self.most
    }

    /// The sessions that may go to make room, and when they were last used; the one that idles longest first.
    pub(crate) fn candidates(&self) -> Vec<(Arc<Session>, u64)> {
        let state = self.state.lock();
        let free = |entry: &&OpenSession| entry.named && entry.holders == 0;
        let free = state.open.values().filter(free).map(|entry| (entry, entry.session.last_used()));
        let mut found: Vec<_> = free
            .filter(|(entry, used)| entry.keeps != Some(*used))
            .map(|(entry, used)| (entry.session.idle(), Arc::clone(&entry.session), used))
            .collect();
        found.sort_by_key(|(idle, _, _)| std::cmp::Reverse(*idle));
        found.into_iter().map(|(_, session, used)| (session, used)).collect()
    }

    /// Notes that a session has to stay, unless it is used again.
    pub(crate) fn note_kept(&self, session: &Arc<Session>, used: u64) {
        if let Some(entry) = self.state.lock().entry(session) {
            entry.keeps = Some(used);
        }
    }

    /// Discards a session, unless a request has come for it; true if it is gone now.
    pub(crate) fn discard(&self, session: &Arc<Session>, used: u64) -> bool {
        let mut state = self.state.lock();
        let free = |entry: &mut OpenSession| entry.holders == 0 && entry.session.last_used() == used;
        if !state.entry(session).is_some_and(free) {
            return false;
        }
        state.expire(session.id());
        true
    }

    pub(crate) fn take_all(&self) -> Vec<Arc<Session>> {
        self.state.lock().open.drain().map(|(_, entry)| entry.session).collect()
    }

    /// Ends all sessions, and takes no more.
    pub(crate) fn retire(&self) -> Retired {
        let mut state = self.state.lock();
        state.is_retired = true;
        let mut ended = std::mem::take(&mut state.ended);
        let open: Vec<_> = state.open.drain().map(|(_, entry)| entry.session).collect();
        open.iter().for_each(|session| ended.add(session.id()));
        Retired { open, ended }
    }
}

impl OpenSession {
    fn is_over(&self) -> bool {
        self.session.is_closed() || self.session.is_lost()
    }
}

impl SessionTable {
    fn entry(&mut self, session: &Arc<Session>) -> Option<&mut OpenSession> {
        self.open.get_mut(&session.id()).filter(|entry| Arc::ptr_eq(&entry.session, session))
    }

    fn expire(&mut self, id: Uuid) -> Option<Arc<Session>> {
        self.ended.add(id);
        self.open.remove(&id).map(|entry| entry.session)
    }
}

impl EndedIds {
    fn add(&mut self, id: Uuid) {
        if self.ids.insert(id) {
            self.order.push_back(id);
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }
}

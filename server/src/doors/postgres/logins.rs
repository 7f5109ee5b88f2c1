//! Connections that have not logged in yet: so few that they never keep out those who do (PW-03).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::doors::connections::{ConnectionPlace, Places};

/// How long a connection waits for the place of one that was ended for its sake.
const PATIENCE: Duration = Duration::from_secs(1);

/// The connections without a login, the oldest first.
#[derive(Debug)]
pub(super) struct Logins {
    waiting: Mutex<VecDeque<Arc<CancellationToken>>>,
    /// How many have a place, those included that are about to give it up.
    present: AtomicUsize,
    most: usize,
}

/// A connection's place among them, until it is dropped.
#[derive(Debug)]
pub(super) struct LoginPlace {
    logins: Arc<Logins>,
    /// Fires when another takes its place.
    pub(super) ended: Arc<CancellationToken>,
}

impl Logins {
    /// None yet, and so many at most; a quarter of the door's connections where nobody says how many.
    pub(super) fn new(most: Option<usize>, door_limit: usize) -> Arc<Self> {
        let most = most.unwrap_or(door_limit / 4).clamp(1, door_limit);
        Arc::new(Self { waiting: Mutex::default(), present: AtomicUsize::new(0), most })
    }

    /// A connection begins. One too many ends the oldest.
    pub(super) fn begin(self: &Arc<Self>) -> LoginPlace {
        let ended = Arc::new(CancellationToken::new());
        self.present.fetch_add(1, Ordering::SeqCst);
        let mut waiting = self.waiting.lock();
        waiting.push_back(Arc::clone(&ended));
        if waiting.len() > self.most
            && let Some(oldest) = waiting.pop_front()
        {
            oldest.cancel();
        }
        LoginPlace { logins: Arc::clone(self), ended }
    }

    /// A place for a connection for which there was none, from the oldest that has not logged in; none where all have.
    pub(super) async fn make_room(&self, places: &Places) -> Option<ConnectionPlace> {
        if self.present.load(Ordering::SeqCst) == 0 {
            return None;
        }
        if let Some(oldest) = self.waiting.lock().pop_front() {
            oldest.cancel();
        }
        tokio::time::timeout(PATIENCE, places.wait()).await.ok().flatten()
    }
}

impl Drop for LoginPlace {
    fn drop(&mut self) {
        self.logins.present.fetch_sub(1, Ordering::SeqCst);
        self.logins.waiting.lock().retain(|waiting| !Arc::ptr_eq(waiting, &self.ended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_ends_the_oldest_that_has_not_logged_in() {
        let logins = Logins::new(Some(2), 10);
        let [first, second] = [logins.begin(), logins.begin()];
        drop(first);
        let third = logins.begin();
        assert!(!second.ended.is_cancelled() && !third.ended.is_cancelled());
        let fourth = logins.begin();
        assert!(second.ended.is_cancelled() && !third.ended.is_cancelled() && !fourth.ended.is_cancelled());
    }

    #[test]
    fn a_door_of_one_connection_takes_a_login() {
        assert_eq!(
            (Logins::new(None, 1).most, Logins::new(None, 40).most, Logins::new(Some(90), 40).most),
            (1, 10, 40)
        );
    }
}

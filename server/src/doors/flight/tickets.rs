//! Tickets: what a DoGet will run, once, and whether it was cancelled meanwhile (FQ-5, FC).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::token::random_id;
use engine::{CancelToken, Error, ErrorKind, Limits, Meter, Result, Share, TenantMeters};

/// How much memory the texts of a session's tickets may take, in bytes, before the oldest are forgotten in the same way.
const KEPT_BYTES: usize = 64 << 20;

/// What the reader of a cancelled query is told.
const CANCELLED: &str = "The query was cancelled";

/// The tickets of one session, over queries of type `Q`.
pub(super) struct Tickets<Q> {
    table: Mutex<Table<Q>>,
    /// How many a session keeps; beyond it the oldest that nobody is reading is forgotten.
    kept: usize,
    meters: TenantMeters,
}

struct Table<Q> {
    entries: HashMap<Bytes, Entry<Q>>,
    order: VecDeque<Bytes>,
    /// The sum over the entries.
    size: usize,
}

struct Entry<Q> {
    query: Arc<Q>,
    size: usize,
    repeatable: bool,
    state: State,
    /// What it takes of its tenant's limits: one ticket, and the bytes of its text.
    _shares: [Share; 2],
}

enum State {
    Unredeemed,
    Running { cancel: CancelToken, readers: usize },
    Finished,
    Cancelled,
}

/// What CancelFlightInfo and CancelQuery answer (FC-3); the numbers are those of CancelStatus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// The query was stopped, now or before.
    Yes = 1,
    /// It had finished already.
    TooLate = 3,
}

/// A redeemed ticket: the query runs until this is dropped.
pub(super) struct Run<Q: Send + Sync + 'static> {
    id: Bytes,
    tickets: Arc<Tickets<Q>>,
    /// What to run.
    pub(super) query: Arc<Q>,
    /// Fires when the query is cancelled.
    pub(super) cancel: CancelToken,
}

impl<Q: Send + Sync + 'static> Tickets<Q> {
    /// No tickets yet, under the limits of their session and its tenant.
    pub(super) fn new(limits: &Limits, meters: TenantMeters) -> Arc<Self> {
        let table = Table { entries: HashMap::new(), order: VecDeque::new(), size: 0 };
        Arc::new(Self { table: Mutex::new(table), kept: limits.session_tickets, meters })
    }

    /// A new ticket for `query`, which takes `size` bytes; a repeatable one may be redeemed again.
    ///
    /// # Errors
    /// `LimitExceeded` when the user has too many; `Internal` when the system's random source fails.
    pub(super) fn issue(&self, query: Q, repeatable: bool, size: usize) -> Result<Bytes> {
        let id = random_id()?;
        let mut table = self.table.lock();
        table.make_room(self.kept, size);
        let shares = [table.take(&self.meters.tickets, 1)?, table.take(&self.meters.held, size as u64)?];
        let entry =
            Entry { query: Arc::new(query), size, repeatable, state: State::Unredeemed, _shares: shares };
        table.entries.insert(id.clone(), entry);
        table.order.push_back(id.clone());
        table.size += size;
        Ok(id)
    }

    /// Memory for what a prepared statement holds, until the share is dropped.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(super) fn hold(&self, bytes: usize) -> Result<Share> {
        self.table.lock().take(&self.meters.held, bytes as u64)
    }

    /// Whether a ticket that nobody has redeemed yet is for such a query.
    pub(super) fn await_redemption(&self, of: impl Fn(&Q) -> bool) -> bool {
        let table = self.table.lock();
        table.entries.values().any(|entry| matches!(entry.state, State::Unredeemed) && of(&entry.query))
    }

    /// What a ticket would run, without redeeming it.
    ///
    /// # Errors
    /// `NotFound` for a ticket of another session, or none.
    pub(super) fn query(&self, id: &Bytes) -> Result<Arc<Q>> {
        self.table.lock().entries.get(id).map(|entry| Arc::clone(&entry.query)).ok_or_else(unknown)
    }

    /// Redeems a ticket.
    ///
    /// # Errors
    /// `NotFound` for a ticket of another session, `FailedPrecondition` for one that may not run twice, `Cancelled`
    /// for one that was cancelled.
    pub(super) fn redeem(self: &Arc<Self>, id: &Bytes) -> Result<Run<Q>> {
        let mut table = self.table.lock();
        let entry = table.entries.get_mut(id).ok_or_else(unknown)?;
        let cancel = match &mut entry.state {
            State::Cancelled => return Err(cancelled()),
            State::Running { .. } | State::Finished if !entry.repeatable => return Err(used()),
            State::Running { cancel, readers } => {
                *readers += 1;
                cancel.clone()
            }
            State::Unredeemed | State::Finished => {
                let cancel = CancelToken::new();
                entry.state = State::Running { cancel: cancel.clone(), readers: 1 };
                cancel
            }
        };
        let query = Arc::clone(&entry.query);
        Ok(Run { id: id.clone(), tickets: Arc::clone(self), query, cancel })
    }

    /// Cancels the query of a ticket, whether it waits or runs.
    ///
    /// # Errors
    /// `NotFound` for a ticket of another session, or none.
    pub(super) fn cancel(&self, id: &Bytes) -> Result<Cancelled> {
        let mut table = self.table.lock();
        let entry = table.entries.get_mut(id).ok_or_else(unknown)?;
        match &entry.state {
            State::Finished => return Ok(Cancelled::TooLate),
            State::Running { cancel, .. } => cancel.cancel(CANCELLED),
            State::Unredeemed | State::Cancelled => {}
        }
        entry.state = State::Cancelled;
        Ok(Cancelled::Yes)
    }

    fn finish(&self, id: &Bytes) {
        let mut table = self.table.lock();
        let Some(entry) = table.entries.get_mut(id) else { return };
        if let State::Running { readers, .. } = &mut entry.state {
            *readers -= 1;
            if *readers == 0 {
                entry.state = State::Finished;
            }
        }
    }
}

impl<Q> Table<Q> {
    /// Takes a part of a tenant's limit. Where none is left, what the session's tickets hold that were redeemed is given
    /// up first, the oldest before the others: clients leave them behind.
    fn take(&mut self, meter: &Arc<Meter>, amount: u64) -> Result<Share> {
        loop {
            match meter.take(amount) {
                Err(_) if self.forget_redeemed() => {}
                taken => return taken,
            }
        }
    }

    fn forget_redeemed(&mut self) -> bool {
        let is_over = |id: &Bytes| {
            let state = self.entries.get(id).map(|entry| &entry.state);
            matches!(state, Some(State::Finished | State::Cancelled))
        };
        let Some(oldest) = self.order.iter().position(is_over) else { return false };
        let forgotten = self.order.remove(oldest).and_then(|id| self.entries.remove(&id));
        self.size -= forgotten.map_or(0, |entry| entry.size);
        true
    }

    /// Forgets the oldest until one more of that size fits, those that are being read excepted.
    fn make_room(&mut self, kept: usize, size: usize) {
        for _ in 0..self.order.len() {
            if self.entries.len() < kept && self.size + size <= KEPT_BYTES {
                return;
            }
            let Some(id) = self.order.pop_front() else { return };
            match self.entries.get(&id).map(|entry| &entry.state) {
                Some(State::Running { .. }) => self.order.push_back(id),
                _ => self.size -= self.entries.remove(&id).map_or(0, |entry| entry.size),
            }
        }
    }
}

impl<Q: Send + Sync + 'static> Drop for Run<Q> {
    fn drop(&mut self) {
        self.tickets.finish(&self.id);
    }
}

/// The error that a cancelled query ends with.
pub(super) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, CANCELLED)
}

fn unknown() -> Error {
    Error::new(ErrorKind::NotFound, "Ticket not found")
}

fn used() -> Error {
    Error::new(ErrorKind::FailedPrecondition, "Ticket already used")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: usize = 4096;

    fn tickets() -> Arc<Tickets<u8>> {
        limited(&Limits::default()).0
    }

    fn limited(limits: &Limits) -> (Arc<Tickets<u8>>, TenantMeters) {
        let meters = TenantMeters::new(limits);
        (Tickets::new(limits, meters.clone()), meters)
    }

    #[test]
    fn a_tenant_without_room_forgets_what_was_redeemed_and_refuses_else() {
        let limits = Limits { tenant_tickets: 2, tenant_held: 10, ..Limits::default() };
        let (one, meters) = limited(&limits);
        let other = Tickets::new(&limits, meters.clone());
        let first = one.issue(1, true, 4).unwrap();
        let second = one.issue(2, true, 4).unwrap();
        let refused = other.issue(3, true, 0).unwrap_err();
        assert!(refused.message().contains("at most 2; raise it with --tenant-ticket-limit"), "{refused}");
        assert_eq!(one.issue(3, true, 0).unwrap_err().kind(), ErrorKind::LimitExceeded);
        drop(one.redeem(&second).unwrap());
        assert!(one.issue(4, true, 7).unwrap_err().message().contains("--tenant-held-limit"));
        assert!(one.query(&second).is_err() && one.query(&first).is_ok());
        assert!(one.hold(6).is_ok() && one.hold(7).is_err());
        drop(one);
        assert_eq!((meters.tickets.used(), meters.held.used()), (0, 0));
    }

    #[test]
    fn a_ticket_that_changes_something_runs_once() {
        let tickets = tickets();
        let (once, again) = (tickets.issue(1, false, 0).unwrap(), tickets.issue(2, true, 0).unwrap());
        drop(tickets.redeem(&once).unwrap());
        let error = tickets.redeem(&once).map(|_| ()).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::FailedPrecondition, "Ticket already used"));
        for _ in 0..2 {
            assert_eq!(*tickets.redeem(&again).unwrap().query, 2);
        }
    }

    #[test]
    fn cancel_tells_waiting_running_and_finished_apart() {
        let tickets = tickets();
        let ids: Vec<_> = (0..3).map(|i| tickets.issue(i, true, 0).unwrap()).collect();
        let running = tickets.redeem(&ids[1]).unwrap();
        drop(tickets.redeem(&ids[2]).unwrap());
        let answers: Vec<_> = ids.iter().map(|id| tickets.cancel(id).unwrap()).collect();
        assert_eq!(answers, [Cancelled::Yes, Cancelled::Yes, Cancelled::TooLate]);
        assert!(running.cancel.is_cancelled());
        drop(running);
        assert_eq!(tickets.cancel(&ids[1]), Ok(Cancelled::Yes));
        assert_eq!(tickets.redeem(&ids[0]).map(|_| ()).unwrap_err().kind(), ErrorKind::Cancelled);
        assert_eq!(tickets.cancel(&Bytes::from_static(b"other")).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn the_oldest_unread_tickets_are_forgotten() {
        let tickets = tickets();
        let first = tickets.issue(0, true, 0).unwrap();
        let run = tickets.redeem(&first).unwrap();
        let second = tickets.issue(1, true, 0).unwrap();
        for _ in 0..KEPT {
            tickets.issue(2, true, 0).unwrap();
        }
        assert!(tickets.query(&first).is_ok() && tickets.query(&second).is_err());
        drop(run);
    }

    #[test]
    fn large_texts_are_forgotten_earlier_and_never_the_newest() {
        let tickets = tickets();
        let first = tickets.issue(0, true, KEPT_BYTES / 2).unwrap();
        let second = tickets.issue(1, true, KEPT_BYTES / 2).unwrap();
        assert!(tickets.query(&first).is_ok() && tickets.query(&second).is_ok());
        let third = tickets.issue(2, true, 1).unwrap();
        assert!(tickets.query(&first).is_err() && tickets.query(&second).is_ok());
        let reader = tickets.redeem(&third).unwrap();
        let huge = tickets.issue(3, true, KEPT_BYTES * 2).unwrap();
        assert!(tickets.query(&second).is_err() && tickets.query(&third).is_ok());
        assert!(tickets.query(&huge).is_ok());
        drop(reader);
        assert!(tickets.issue(4, true, 0).is_ok_and(|small| tickets.query(&small).is_ok()));
        assert!(tickets.query(&third).is_err() && tickets.query(&huge).is_err());
    }
}

//! Cursors: what a client has been promised a result of, by an id (a Flight ticket, say). A cursor is redeemed by whoever
//! reads it, and cancelled, whether it waits or runs, by whoever knows its id (FQ-5, FC).

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use super::cancel::CancelToken;
use crate::call::Call;
use crate::error::Result;
use crate::limits::Limits;
use crate::meter::{Meter, Share, TenantMeters};

/// How much memory the texts of a session's cursors may take, in bytes, before the oldest are forgotten in the same way.
const KEPT_BYTES: usize = 64 << 20;

/// The cursors of one session.
#[derive(Debug)]
pub struct Cursors {
    table: Mutex<CursorTable>,
    /// How many a session keeps; beyond it the oldest that nobody is reading is forgotten.
    kept: usize,
    meters: TenantMeters,
}

#[derive(Debug)]
struct CursorTable {
    entries: HashMap<Arc<[u8]>, Cursor>,
    order: VecDeque<Arc<[u8]>>,
    /// The sum over the entries.
    size: usize,
}

/// A cursor, and what its door knows of it.
#[derive(Debug)]
struct Cursor {
    promise: Arc<dyn Any + Send + Sync>,
    size: usize,
    repeatable: bool,
    state: CursorState,
    /// What it takes of its tenant's limits: one cursor, and the bytes of its text.
    _shares: [Share; 2],
}

#[derive(Debug)]
enum CursorState {
    Unredeemed,
    /// Read by these calls.
    Running(Vec<CancelToken>),
    Finished,
    Cancelled,
}

/// Why a cursor gives no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorFault {
    /// The session has no such cursor.
    Unknown,
    /// It may not run twice.
    Used,
    /// It was cancelled.
    Cancelled,
}

/// What came of cancelling a cursor (FC-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The query was stopped, now or before.
    Yes,
    /// It had finished already.
    TooLate,
}

/// A redeemed cursor: it runs until this is dropped.
#[derive(Debug)]
pub struct Redeemed<P> {
    id: Arc<[u8]>,
    cursors: Arc<Cursors>,
    /// What was promised.
    pub promise: Arc<P>,
    /// The call that runs it.
    pub call: Arc<Call>,
}

impl Cursors {
    /// No cursors yet, under the limits of their session and its tenant.
    pub(super) fn new(limits: &Limits, meters: TenantMeters) -> Arc<Self> {
        let table = CursorTable { entries: HashMap::new(), order: VecDeque::new(), size: 0 };
        Arc::new(Self { table: Mutex::new(table), kept: limits.session_tickets, meters })
    }

    /// A new cursor of an id that no other has. Its promise takes `size` bytes; a repeatable one may be redeemed again.
    ///
    /// # Errors
    /// LimitExceeded when the user has too many.
    pub fn open<P: Send + Sync + 'static>(
        &self,
        id: &[u8],
        promise: P,
        repeatable: bool,
        size: usize,
    ) -> Result<()> {
        let id: Arc<[u8]> = id.into();
        let mut table = self.table.lock();
        table.make_room(self.kept, size);
        let shares = [table.take(&self.meters.tickets, 1)?, table.take(&self.meters.held, size as u64)?];
        let entry = Cursor {
            promise: Arc::new(promise),
            size,
            repeatable,
            state: CursorState::Unredeemed,
            _shares: shares,
        };
        table.entries.insert(Arc::clone(&id), entry);
        table.order.push_back(id);
        table.size += size;
        Ok(())
    }

    /// Memory for what the session holds for a client, such as a prepared statement, until the share is dropped.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub fn hold(&self, bytes: usize) -> Result<Share> {
        self.table.lock().take(&self.meters.held, bytes as u64)
    }

    /// Whether a cursor that nobody has redeemed yet has such a promise.
    pub fn await_redemption<P: Send + Sync + 'static>(&self, such: impl Fn(&P) -> bool) -> bool {
        let table = self.table.lock();
        let waiting = table.entries.values().filter(|cursor| matches!(cursor.state, CursorState::Unredeemed));
        waiting.filter_map(|cursor| cursor.promise.downcast_ref()).any(such)
    }

    /// What a cursor promises, without redeeming it.
    ///
    /// # Errors
    /// Unknown.
    pub fn promise<P: Send + Sync + 'static>(&self, id: &[u8]) -> Result<Arc<P>, CursorFault> {
        let table = self.table.lock();
        table.entries.get(id).and_then(Cursor::promise).ok_or(CursorFault::Unknown)
    }

    /// Redeems a cursor: cancelling it cancels the call, too.
    ///
    /// # Errors
    /// Unknown, Used, Cancelled.
    pub fn redeem<P: Send + Sync + 'static>(
        self: &Arc<Self>,
        id: &[u8],
        call: &Arc<Call>,
    ) -> Result<Redeemed<P>, CursorFault> {
        let mut table = self.table.lock();
        let (id, _) = table.entries.get_key_value(id).ok_or(CursorFault::Unknown)?;
        let id = Arc::clone(id);
        let cursor = table.entries.get_mut(&id).ok_or(CursorFault::Unknown)?;
        let promise = cursor.promise().ok_or(CursorFault::Unknown)?;
        let reader = call.cancel().clone();
        match &mut cursor.state {
            CursorState::Cancelled => return Err(CursorFault::Cancelled),
            CursorState::Running(_) | CursorState::Finished if !cursor.repeatable => {
                return Err(CursorFault::Used);
            }
            CursorState::Running(readers) => readers.push(reader),
            CursorState::Unredeemed | CursorState::Finished => {
                cursor.state = CursorState::Running(vec![reader]);
            }
        }
        Ok(Redeemed { id, cursors: Arc::clone(self), promise, call: Arc::clone(call) })
    }

    /// Cancels the query of a cursor, whether it waits or runs; its reader is told `why`.
    ///
    /// # Errors
    /// Unknown.
    pub fn cancel(&self, id: &[u8], why: &str) -> Result<Cancelled, CursorFault> {
        let mut table = self.table.lock();
        let cursor = table.entries.get_mut(id).ok_or(CursorFault::Unknown)?;
        match &cursor.state {
            CursorState::Finished => return Ok(Cancelled::TooLate),
            CursorState::Running(readers) => readers.iter().for_each(|reader| reader.cancel(why)),
            CursorState::Unredeemed | CursorState::Cancelled => {}
        }
        cursor.state = CursorState::Cancelled;
        Ok(Cancelled::Yes)
    }

    fn finish(&self, id: &[u8], call: &Call) {
        let mut table = self.table.lock();
        let Some(entry) = table.entries.get_mut(id) else { return };
        if let CursorState::Running(readers) = &mut entry.state {
            readers.retain(|reader| reader != call.cancel());
            if readers.is_empty() {
                entry.state = CursorState::Finished;
            }
        }
    }
}

impl Cursor {
    fn promise<P: Send + Sync + 'static>(&self) -> Option<Arc<P>> {
        Arc::clone(&self.promise).downcast().ok()
    }
}

impl CursorTable {
    /// Takes a part of a tenant's limit. Where none is left, what the session's cursors hold that were redeemed is given
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
        let is_over = |id: &Arc<[u8]>| {
            let state = self.entries.get(id).map(|entry| &entry.state);
            matches!(state, Some(CursorState::Finished | CursorState::Cancelled))
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
                Some(CursorState::Running(_)) => self.order.push_back(id),
                _ => self.size -= self.entries.remove(&id).map_or(0, |entry| entry.size),
            }
        }
    }
}

impl<P> Drop for Redeemed<P> {
    fn drop(&mut self) {
        self.cursors.finish(&self.id, &self.call);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::error::ErrorKind;

    const KEPT: usize = 4096;
    const WHY: &str = "a test";

    fn call() -> Arc<Call> {
        Call::of_server("test")
    }

    fn cursors() -> Arc<Cursors> {
        limited(&Limits::default()).0
    }

    fn issue(cursors: &Cursors, promise: u8, repeatable: bool, size: usize) -> Result<Vec<u8>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::SeqCst).to_be_bytes().to_vec();
        cursors.open(&id, promise, repeatable, size).map(|()| id)
    }

    fn known(cursors: &Cursors, id: &[u8]) -> bool {
        cursors.promise::<u8>(id).is_ok()
    }

    fn limited(limits: &Limits) -> (Arc<Cursors>, TenantMeters) {
        let meters = TenantMeters::new(limits);
        (Cursors::new(limits, meters.clone()), meters)
    }

    #[test]
    fn a_tenant_without_room_forgets_what_was_redeemed_and_refuses_else() {
        let limits = Limits { tenant_tickets: 2, tenant_held: 10, ..Limits::default() };
        let (one, meters) = limited(&limits);
        let other = Cursors::new(&limits, meters.clone());
        let first = issue(&one, 1, true, 4).unwrap();
        let second = issue(&one, 2, true, 4).unwrap();
        let refused = issue(&other, 3, true, 0).unwrap_err();
        assert!(refused.message().contains("at most 2; raise it with --tenant-ticket-limit"), "{refused}");
        assert_eq!(issue(&one, 3, true, 0).unwrap_err().kind(), ErrorKind::LimitExceeded);
        drop(one.redeem::<u8>(&second, &call()).unwrap());
        assert!(issue(&one, 4, true, 7).unwrap_err().message().contains("--tenant-held-limit"));
        assert!(!known(&one, &second) && known(&one, &first));
        assert!(one.hold(6).is_ok() && one.hold(7).is_err());
        drop(one);
        assert_eq!((meters.tickets.used(), meters.held.used()), (0, 0));
    }

    #[test]
    fn a_cursor_that_changes_something_runs_once() {
        let cursors = cursors();
        let (once, again) = (issue(&cursors, 1, false, 0).unwrap(), issue(&cursors, 2, true, 0).unwrap());
        drop(cursors.redeem::<u8>(&once, &call()).unwrap());
        assert_eq!(cursors.redeem::<u8>(&once, &call()).unwrap_err(), CursorFault::Used);
        assert_eq!(cursors.redeem::<u16>(&again, &call()).unwrap_err(), CursorFault::Unknown);
        for _ in 0..2 {
            assert_eq!(*cursors.redeem::<u8>(&again, &call()).unwrap().promise, 2);
        }
    }

    #[test]
    fn cancel_tells_waiting_running_and_finished_apart() {
        let cursors = cursors();
        let ids: Vec<_> = (0..3).map(|i| issue(&cursors, i, true, 0).unwrap()).collect();
        let running = cursors.redeem::<u8>(&ids[1], &call()).unwrap();
        drop(cursors.redeem::<u8>(&ids[2], &call()).unwrap());
        let answers: Vec<_> = ids.iter().map(|id| cursors.cancel(id, WHY).unwrap()).collect();
        assert_eq!(answers, [Cancelled::Yes, Cancelled::Yes, Cancelled::TooLate]);
        assert!(running.call.cancel().is_cancelled());
        drop(running);
        assert_eq!(cursors.cancel(&ids[1], WHY), Ok(Cancelled::Yes));
        assert_eq!(cursors.redeem::<u8>(&ids[0], &call()).unwrap_err(), CursorFault::Cancelled);
        assert_eq!(cursors.cancel(b"other", WHY), Err(CursorFault::Unknown));
    }

    #[test]
    fn the_oldest_unread_cursors_are_forgotten() {
        let cursors = cursors();
        let first = issue(&cursors, 0, true, 0).unwrap();
        let run = cursors.redeem::<u8>(&first, &call()).unwrap();
        let second = issue(&cursors, 1, true, 0).unwrap();
        for _ in 0..KEPT {
            issue(&cursors, 2, true, 0).unwrap();
        }
        assert!(known(&cursors, &first) && !known(&cursors, &second));
        drop(run);
    }

    #[test]
    fn large_texts_are_forgotten_earlier_and_never_the_newest() {
        let cursors = cursors();
        let first = issue(&cursors, 0, true, KEPT_BYTES / 2).unwrap();
        let second = issue(&cursors, 1, true, KEPT_BYTES / 2).unwrap();
        assert!(known(&cursors, &first) && known(&cursors, &second));
        let third = issue(&cursors, 2, true, 1).unwrap();
        assert!(!known(&cursors, &first) && known(&cursors, &second));
        let reader = cursors.redeem::<u8>(&third, &call()).unwrap();
        let huge = issue(&cursors, 3, true, KEPT_BYTES * 2).unwrap();
        assert!(!known(&cursors, &second) && known(&cursors, &third));
        assert!(known(&cursors, &huge));
        drop(reader);
        assert!(issue(&cursors, 4, true, 0).is_ok_and(|small| known(&cursors, &small)));
        assert!(!known(&cursors, &third) && !known(&cursors, &huge));
    }
}

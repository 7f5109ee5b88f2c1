//! A session with a model of a connection, for shuttle to run.

use shuttle::sync::atomic::{AtomicBool, Ordering::SeqCst};
use shuttle::sync::{Arc, Condvar, Mutex};
use shuttle::thread;

use crate::session::flow::{Flow, Left, Produce, Read};
use crate::session::occupancy::{Close, Occupancy};
use crate::session::pump::{self, Drained, Place, Pumped, Rows};

/// Rows of each query; enough to pause, to be drained in part, and to go on.
const ROWS: u64 = 5;

/// What a case lets happen beside two queries.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Case {
    /// The first query is cancelled at some time.
    pub(super) cancel: bool,
    /// The session is closed at some time.
    pub(super) close: bool,
    /// The reader of the first query leaves after a row.
    pub(super) leave: bool,
    /// Nothing is computed ahead of the readers.
    pub(super) waits: bool,
    /// How many rows a spool takes.
    pub(super) spool: usize,
    pub(super) fault: Option<Fault>,
}

/// A rule that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A pump begins although a call has overtaken it, whose spooled rows come first.
    PumpsOutOfTurn,
    /// A call that needs the connection drops what is live on it.
    DropsInsteadOfDraining,
    /// A pause wakes nobody.
    WakesNobody,
    /// A reader that is told to start the pump does not.
    NeverResumes,
    /// A cancelled query interrupts whatever runs.
    InterruptsAnyone,
    /// Closing leaves what is live on the connection.
    LeavesResultOnClose,
    /// A call that comes after closing is let in.
    ServesAfterClose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Interrupted,
    Full,
    Closed,
}

/// A query: what its producer and its reader share.
struct Query {
    id: u64,
    flow: Mutex<Flow<u64, Vec<u64>, Ended>>,
    /// As `tokio::sync::Notify`: a wake-up is kept for a reader that does not wait yet.
    woken: Mutex<bool>,
    changed: Condvar,
    cancelled: AtomicBool,
    fault: Option<Fault>,
}

impl Query {
    fn new(id: u64, case: Case) -> Arc<Self> {
        let mut flow = Flow::new();
        if case.waits {
            flow.wait_for_reader();
        }
        let (flow, woken, changed) = (Mutex::new(flow), Mutex::new(false), Condvar::new());
        Arc::new(Self { id, flow, woken, changed, cancelled: AtomicBool::new(false), fault: case.fault })
    }

    fn wake(&self) {
        *self.woken.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.changed.wait(woken).unwrap();
        }
        *woken = false;
    }
}

impl Place<u64, Vec<u64>, Ended> for Query {
    fn update<T>(&self, transition: impl FnOnce(&mut Flow<u64, Vec<u64>, Ended>) -> T) -> T {
        let done = transition(&mut self.flow.lock().unwrap());
        if self.fault != Some(Fault::WakesNobody) {
            self.wake();
        }
        done
    }

    fn is_abandoned(&self) -> bool {
        self.flow.lock().unwrap().is_abandoned()
    }
}

/// The rows of a query on the connection, of which an interrupt stops the one that computes.
struct Live {
    query: Arc<Query>,
    next: u64,
    interrupt: Arc<AtomicBool>,
    open: Arc<AtomicBool>,
}

impl Rows for Live {
    type Batch = u64;
    type Error = Ended;

    fn next(&mut self) -> Result<Option<u64>, Ended> {
        thread::yield_now();
        assert!(self.open.load(SeqCst), "a statement computes on a connection that is closed");
        if self.interrupt.swap(false, SeqCst) {
            return Err(Ended::Interrupted);
        }
        self.next += 1;
        Ok((self.next <= ROWS).then_some(self.next - 1))
    }
}

/// What the turn guards.
#[derive(Default)]
struct Slot {
    live: Option<Live>,
    closed: bool,
}

/// As the engine's.
pub(super) struct Session {
    case: Case,
    slot: Mutex<Slot>,
    occupancy: Mutex<Occupancy<Arc<Query>>>,
    interrupt: Arc<AtomicBool>,
    /// Whether the connection is.
    open: Arc<AtomicBool>,
    closing: AtomicBool,
    queries: [Arc<Query>; 2],
}

impl Session {
    pub(super) fn new(case: Case) -> Arc<Self> {
        Arc::new(Self {
            case,
            slot: Mutex::default(),
            occupancy: Mutex::new(Occupancy::new()),
            interrupt: Arc::default(),
            open: Arc::new(AtomicBool::new(true)),
            closing: AtomicBool::new(false),
            queries: [1, 2].map(|id| Query::new(id, case)),
        })
    }

    /// Cancels the first query.
    pub(super) fn cancel_first(&self) {
        self.cancel(&self.queries[0]);
    }

    /// Whether no result is left on the connection.
    pub(super) fn is_free(&self) -> bool {
        self.slot.lock().unwrap().live.is_none()
    }

    fn breaks(&self, fault: Fault) -> bool {
        self.case.fault == Some(fault)
    }

    /// As `Gate::enter`.
    fn enter(&self, query: &Arc<Query>) -> Result<(), Ended> {
        self.occupancy.lock().unwrap().enter(query.id, Arc::clone(query));
        if query.cancelled.load(SeqCst) {
            self.occupancy.lock().unwrap().leave();
            return Err(Ended::Interrupted);
        }
        Ok(())
    }

    fn leave(&self) {
        self.occupancy.lock().unwrap().leave();
    }

    /// A call: waits for its turn, makes room, runs, and leaves the rest of its rows on the connection.
    fn run(self: &Arc<Self>, query: &Arc<Query>) -> Result<(), Ended> {
        if !self.occupancy.lock().unwrap().arrive() && !self.breaks(Fault::ServesAfterClose) {
            return Err(Ended::Closed);
        }
        let mut slot = self.slot.lock().unwrap();
        self.occupancy.lock().unwrap().stop_waiting();
        if slot.closed && !self.breaks(Fault::ServesAfterClose) {
            return Err(Ended::Closed);
        }
        self.settle(&mut slot)?;
        self.enter(query)?;
        // DuckDB forgets an earlier interrupt when a statement starts.
        self.interrupt.store(false, SeqCst);
        let live = Live {
            query: Arc::clone(query),
            next: 0,
            interrupt: Arc::clone(&self.interrupt),
            open: Arc::clone(&self.open),
        };
        slot.live = self.pump(live);
        self.leave();
        Ok(())
    }

    fn pump(&self, mut live: Live) -> Option<Live> {
        let query = Arc::clone(&live.query);
        let wanted = || self.occupancy.lock().unwrap().is_wanted();
        match pump::pump(&mut live, &*query, wanted, || ()) {
            Pumped::Paused => return Some(live),
            Pumped::Abandoned => {}
            Pumped::Ended => query.update(Flow::finish),
            Pumped::Failed(why) => query.update(|flow| flow.fail(why)),
        }
        None
    }

    /// As `Slot::settle`.
    fn settle(&self, slot: &mut Slot) -> Result<(), Ended> {
        let Some(mut live) = slot.live.take() else { return Ok(()) };
        let query = Arc::clone(&live.query);
        if self.breaks(Fault::DropsInsteadOfDraining) {
            query.update(Flow::finish);
            return Ok(());
        }
        if let Err(why) = self.enter(&query) {
            query.update(|flow| flow.fail(why));
            return Ok(());
        }
        let mut spool = Vec::new();
        let keep = |row| {
            spool.push(row);
            // A spool holds also the row that was too much.
            if spool.len() > self.case.spool { Err(Ended::Full) } else { Ok(()) }
        };
        let drained = pump::drain(&mut live, &*query, keep, || Ok(()));
        self.leave();
        match drained {
            Drained::Whole => query.update(|flow| flow.spool_last(spool)),
            Drained::Failed(why) => {
                query.update(|flow| flow.add_spool(spool));
                query.update(|flow| flow.fail(why));
            }
            Drained::Stopped(why) => {
                query.update(|flow| flow.spool(spool));
                slot.live = Some(live);
                return Err(why);
            }
        }
        Ok(())
    }

    /// As `Session::resume`.
    fn resume(self: &Arc<Self>, query: &Arc<Query>) {
        if self.breaks(Fault::NeverResumes) {
            return;
        }
        let (session, query) = (Arc::clone(self), Arc::clone(query));
        thread::spawn(move || {
            let mut slot = session.slot.lock().unwrap();
            let Some(live) = slot.live.take_if(|live| live.query.id == query.id) else { return };
            let next = match query.update(Flow::begin_pump) {
                Produce::Pause if session.breaks(Fault::PumpsOutOfTurn) => Produce::Go,
                next => next,
            };
            slot.live = match next {
                Produce::Pause => Some(live),
                Produce::Drop => None,
                Produce::Go => match session.enter(&query) {
                    Ok(()) => {
                        let rest = session.pump(live);
                        session.leave();
                        rest
                    }
                    Err(why) => {
                        query.update(|flow| flow.fail(why));
                        None
                    }
                },
            };
        });
    }

    /// As `ResultStream::next` until the end: the rows, and why they ended early.
    fn read(self: &Arc<Self>, query: &Arc<Query>, most: usize) -> (Vec<u64>, Option<Ended>) {
        let mut rows = Vec::new();
        while rows.len() < most {
            let ended = query.cancelled.load(SeqCst).then_some(Ended::Interrupted);
            if let Some(why) = ended.or(self.closing.load(SeqCst).then_some(Ended::Closed)) {
                let cut = query.flow.lock().unwrap().cut_short();
                return (rows, cut.then_some(why));
            }
            let step = query.flow.lock().unwrap().read();
            match step {
                Read::Batch { batch, resume } => {
                    rows.push(batch);
                    if resume {
                        self.resume(query);
                    }
                }
                Read::Spool(mut spool) => {
                    thread::yield_now();
                    let row = (!spool.is_empty()).then(|| spool.remove(0));
                    if let Some(row) = row {
                        rows.push(row);
                        query.flow.lock().unwrap().put_back(spool);
                    }
                }
                Read::Resume => self.resume(query),
                Read::Wait => query.wait(),
                Read::End => return (rows, None),
                Read::Fail(why) => return (rows, Some(why)),
            }
        }
        (rows, None)
    }

    /// As the end of a `ResultStream`.
    fn drop_reader(&self, query: &Query) {
        let left = query.flow.lock().unwrap().leave();
        if left == Left::Query {
            self.cancel(query);
        }
        if left != Left::Nothing {
            self.slot.lock().unwrap().live.take_if(|live| live.query.id == query.id);
        }
    }

    /// As `CancelToken::cancel`.
    fn cancel(&self, query: &Query) {
        query.cancelled.store(true, SeqCst);
        let occupancy = self.occupancy.lock().unwrap();
        if occupancy.computes(query.id) || self.breaks(Fault::InterruptsAnyone) {
            self.interrupt.store(true, SeqCst);
        }
        drop(occupancy);
        query.wake();
    }

    /// As `Session::close`.
    pub(super) fn close(&self) {
        let Close::Begin(running) = self.occupancy.lock().unwrap().close() else { return };
        self.closing.store(true, SeqCst);
        self.queries.iter().for_each(|query| query.wake());
        if let Some(running) = running {
            self.cancel(&running);
        }
        let mut slot = self.slot.lock().unwrap();
        if let Some(live) = slot.live.take_if(|_| !self.breaks(Fault::LeavesResultOnClose)) {
            live.query.update(|flow| flow.fail(Ended::Closed));
        }
        slot.closed = true;
        self.open.store(false, SeqCst);
    }

    /// Runs a query and reads it to its end, or in part, and checks what its reader got.
    pub(super) fn use_query(self: &Arc<Self>, number: usize) {
        let query = &self.queries[number];
        let first = number == 0;
        let most = if first && self.case.leave { 1 } else { usize::MAX };
        let (rows, why) = match self.run(query) {
            Ok(()) => {
                let read = self.read(query, most);
                self.drop_reader(query);
                read
            }
            Err(why) => (Vec::new(), Some(why)),
        };
        let expected: Vec<u64> = (0..ROWS).take(rows.len()).collect();
        assert_eq!(rows, expected, "rows of query {number}, each once and in order");
        let lawful = match why {
            None => rows.len() == most.min(usize::try_from(ROWS).unwrap()),
            Some(Ended::Interrupted) => self.case.close || first && self.case.cancel,
            Some(Ended::Closed) => self.case.close,
            // Only a call that has not begun is refused for want of room.
            Some(Ended::Full) => rows.is_empty() && self.case.spool < usize::try_from(ROWS).unwrap(),
        };
        assert!(lawful, "query {number} ended with {why:?} after {} rows", rows.len());
    }
}

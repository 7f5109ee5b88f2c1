//! Asks one server in rounds, as long as a case runs on it.

use super::bounds::Sample;
use super::probe::Asker;
use crate::fault::{During as _, Result};
use crate::target::Addresses;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How long it is quiet between two rounds.
const PAUSE: Duration = Duration::from_millis(50);

/// What has been asked so far, and who wants to know.
#[derive(Debug)]
pub(crate) struct Prober {
    samples: Mutex<Vec<Sample>>,
    runs: Mutex<Vec<Run>>,
    watched: watch::Sender<usize>,
    /// When the last round began of those that are over.
    round: watch::Sender<Option<Instant>>,
}

/// A case that ran, or runs.
#[derive(Debug)]
struct Run {
    case: String,
    began: Instant,
    ended: Option<Instant>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Prober {
    /// Asks whenever it is to watch, on threads of that runtime, until it is dropped. The first round is over when this
    /// returns and counts for nothing: it opens the database of the judge's tenant.
    pub(super) async fn start(runtime: &Handle, addresses: Addresses) -> Result<Arc<Self>> {
        let first = runtime.spawn(async move {
            let asker = Asker::new(addresses)?;
            asker.round().await;
            Ok(asker)
        });
        let asker = first.await.during("the first questions for liveness")??;

        let prober = Arc::new(Self {
            samples: Mutex::default(),
            runs: Mutex::default(),
            watched: watch::Sender::new(0),
            round: watch::Sender::new(None),
        });
        let watched = prober.watched.subscribe();
        runtime.spawn(ask(Arc::downgrade(&prober), watched, asker));
        Ok(prober)
    }

    /// Has the server asked until the returned value is dropped.
    pub(super) fn watch(self: &Arc<Self>, case: &str) -> Watching {
        let began = Instant::now();
        let mut runs = locked(&self.runs);
        runs.push(Run { case: case.to_owned(), began, ended: None });
        let number = runs.len() - 1;
        self.watched.send_modify(|watchers| *watchers += 1);
        Watching { prober: Arc::clone(self), number, began }
    }

    /// Waits until a round is over that began after that.
    pub(super) async fn round_after(&self, then: Instant) {
        // The sender is this value's own, so that waiting ends in no other way.
        let _ = self.round.subscribe().wait_for(|began| began.is_some_and(|began| began >= then)).await;
    }

    /// What was asked, or answered, since then.
    pub(super) fn since(&self, then: Instant) -> Vec<Sample> {
        locked(&self.samples).iter().filter(|sample| sample.asked + sample.took >= then).cloned().collect()
    }

    /// Everything that was asked.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        locked(&self.samples).clone()
    }

    /// The other cases that ran between a question and its answer.
    pub(super) fn others(&self, sample: &Sample, own: &Watching) -> Vec<String> {
        let till = sample.asked + sample.took;
        let beside = |(number, run): &(usize, &Run)| {
            *number != own.number && run.began <= till && run.ended.is_none_or(|ended| ended >= sample.asked)
        };
        locked(&self.runs).iter().enumerate().filter(beside).map(|(_, run)| run.case.clone()).collect()
    }
}

async fn ask(prober: Weak<Prober>, mut watched: watch::Receiver<usize>, asker: Asker) {
    while watched.wait_for(|watchers| *watchers > 0).await.is_ok() {
        let began = Instant::now();
        let samples = asker.round().await;
        let Some(prober) = prober.upgrade() else { return };
        locked(&prober.samples).extend(samples);
        prober.round.send_replace(Some(began));
        drop(prober);
        tokio::time::sleep(PAUSE).await;
    }
}

/// A case that has a server watched.
#[derive(Debug)]
pub(super) struct Watching {
    prober: Arc<Prober>,
    number: usize,
    /// When it began.
    pub(super) began: Instant,
}

impl Watching {
    /// Notes that the case has ended; the server is asked on until this is dropped.
    pub(super) fn leave(&self) {
        if let Some(run) = locked(&self.prober.runs).get_mut(self.number) {
            run.ended.get_or_insert_with(Instant::now);
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.leave();
        self.prober.watched.send_modify(|watchers| *watchers -= 1);
    }
}

//! The small appends of a tenant that wait for one another, by table.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::appended::Append;
use super::spare::SpareSession;
use super::target::IngestTarget;

/// A tenant's small appends by table. A table is here as long as it has a leader.
#[derive(Debug, Default)]
pub(crate) struct AppendQueues {
    tables: Mutex<HashMap<IngestTarget, Vec<WaitingAppend>>>,
    spare: SpareSession,
}

/// An append that waits for its leader.
#[derive(Debug)]
pub(super) struct WaitingAppend {
    pub(super) append: Append,
    answer: oneshot::Sender<Gathered>,
}

/// What a leader did with an append.
#[derive(Debug)]
pub(super) enum Gathered {
    /// Its rows are committed.
    Stored,
    /// Nothing: it has to run alone.
    Alone(Append),
}

impl AppendQueues {
    /// Whether nothing waits, and nobody leads.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.tables.lock().is_empty()
    }

    /// The session that is kept for the next leader.
    pub(super) fn spare(&self) -> &SpareSession {
        &self.spare
    }

    /// Closes the session that is kept, if no append has come for a while or its database is lost; or `at_once`.
    pub(crate) async fn close_spare(&self, at_once: bool) {
        self.spare.close(at_once).await;
    }

    /// Adds an append to its table's queue, and returns where its answer comes; with the lead, if nobody has it.
    pub(super) fn enqueue(
        self: &Arc<Self>,
        table: IngestTarget,
        append: Append,
    ) -> (oneshot::Receiver<Gathered>, Option<Lead>) {
        let (answer, answered) = oneshot::channel();
        let waiting = WaitingAppend { append, answer };
        let lead = match self.tables.lock().entry(table) {
            Entry::Occupied(mut queue) => {
                queue.get_mut().push(waiting);
                None
            }
            Entry::Vacant(place) => {
                let table = place.key().clone();
                place.insert(vec![waiting]);
                Some(Lead { queues: Arc::clone(self), table, over: false })
            }
        };
        (answered, lead)
    }
}

/// The right to a table's queue, until nothing waits.
pub(super) struct Lead {
    queues: Arc<AppendQueues>,
    pub(super) table: IngestTarget,
    over: bool,
}

impl Lead {
    /// Everything that waits; with nothing the lead is over.
    pub(super) fn next(&mut self) -> Option<Vec<WaitingAppend>> {
        let mut queues = self.queues.tables.lock();
        let waiting = queues.get_mut(&self.table).map(std::mem::take).unwrap_or_default();
        if waiting.is_empty() {
            queues.remove(&self.table);
            self.over = true;
            return None;
        }
        Some(waiting)
    }
}

impl Drop for Lead {
    /// A leader that ends early leaves nobody waiting.
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let left = self.queues.tables.lock().remove(&self.table);
        left.into_iter().flatten().for_each(WaitingAppend::give_back);
    }
}

impl WaitingAppend {
    // A request that has gone takes no answer.

    /// Whether its client has gone.
    pub(super) fn is_left(&self) -> bool {
        self.answer.is_closed()
    }

    pub(super) fn stored(self) {
        let _ = self.answer.send(Gathered::Stored);
    }

    pub(super) fn give_back(self) {
        let _ = self.answer.send(Gathered::Alone(self.append));
    }
}

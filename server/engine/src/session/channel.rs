//! What the producer of a result and its reader share: the [`Flow`] of its rows behind a lock that is held for moments,
//! and the call that wakes the reader.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::cancel::CancelToken;
use super::flow::{Flow, Left, Read};
use super::pump::Place;
use crate::error::Error;
use crate::spool::SpoolReader;
use duck::types::ResultShape;

/// The flow of a statement's rows.
type RowFlow = Flow<RecordBatch, Box<SpoolReader>, Error>;

/// A result between its producer and its reader.
#[derive(Debug)]
pub(super) struct Channel {
    flow: Mutex<RowFlow>,
    changed: Notify,
    /// The columns as planning has them, until somebody wants to know.
    planned: Mutex<Option<ResultShape>>,
    pub(super) cancel: CancelToken,
}

impl Place<RecordBatch, Box<SpoolReader>, Error> for Channel {
    fn update<T>(&self, transition: impl FnOnce(&mut RowFlow) -> T) -> T {
        let done = transition(&mut self.flow.lock());
        self.changed.notify_one();
        done
    }

    fn is_abandoned(&self) -> bool {
        self.flow.lock().is_abandoned()
    }
}

impl Channel {
    pub(super) fn new(cancel: CancelToken) -> Arc<Self> {
        let (flow, planned) = (Mutex::new(Flow::new()), Mutex::new(None));
        Arc::new(Self { flow, changed: Notify::new(), planned, cancel })
    }

    /// The statement has failed.
    pub(super) fn fail(&self, error: Error) {
        self.update(|flow| flow.fail(error));
    }

    /// The columns are known, and the execution is about to begin.
    pub(super) fn foretell(&self, shape: ResultShape) {
        *self.planned.lock() = Some(shape);
        self.changed.notify_one();
    }

    /// The columns as planning has them, not before `patience` is over.
    pub(super) async fn foretold(&self, patience: Duration) -> ResultShape {
        tokio::time::sleep(patience).await;
        loop {
            if let Some(shape) = self.planned.lock().take() {
                return shape;
            }
            self.changed().await;
        }
    }

    /// What the reader does next.
    pub(super) fn read(&self) -> Read<RecordBatch, Box<SpoolReader>, Error> {
        self.flow.lock().read()
    }

    /// The next transition of the producer.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The reader's other transitions, which need not wake it.
    pub(super) fn put_back(&self, spool: Box<SpoolReader>) {
        self.flow.lock().put_back(spool);
    }

    /// See [`Flow::cut_short`].
    pub(super) fn cut_short(&self) -> bool {
        self.flow.lock().cut_short()
    }

    /// See [`Flow::leave`].
    pub(super) fn leave(&self) -> Left {
        self.flow.lock().leave()
    }
}

//! Where a background step stops reading until it is joined.

use serde_json::Value;
use tokio::sync::oneshot;

/// The reader's end. One that never stops is [`Gate::open`].
#[derive(Debug, Default)]
pub struct Gate(Option<Closed>);

#[derive(Debug)]
struct Closed {
    after: usize,
    reached: oneshot::Sender<Value>,
    resume: oneshot::Receiver<()>,
}

/// The runner's end.
#[derive(Debug)]
pub struct Handle {
    /// Holds the outcome so far once the reader stands at the gate.
    pub reached: oneshot::Receiver<Value>,
    /// Lets the reader go on.
    pub resume: oneshot::Sender<()>,
}

impl Gate {
    /// A gate that stops nobody.
    pub fn open() -> Self {
        Self(None)
    }

    /// A gate after `after` items.
    pub fn after(after: usize) -> (Self, Handle) {
        let (reached, reached_rx) = oneshot::channel();
        let (resume, resume_rx) = oneshot::channel();
        (Self(Some(Closed { after, reached, resume: resume_rx })), Handle { reached: reached_rx, resume })
    }

    /// After how many items it stands, if it does.
    pub fn stops_after(&self) -> Option<usize> {
        self.0.as_ref().map(|closed| closed.after)
    }

    /// Called with the number of items read so far; waits if the gate stands here.
    pub async fn pass(&mut self, items: usize, outcome: impl FnOnce() -> Value) {
        if let Some(closed) = self.0.take_if(|closed| items >= closed.after) {
            // The runner may be gone: then there is nobody to wait for.
            if closed.reached.send(outcome()).is_ok() {
                closed.resume.await.unwrap_or_default();
            }
        }
    }
}

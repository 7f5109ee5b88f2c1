//! Cancel requests: which connection a number and a key are about, and what that connection runs (PW-27).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use parking_lot::Mutex;
use rand::RngCore;
use subtle::ConstantTimeEq;

use engine::CancelToken;

/// What a connection runs now.
#[derive(Debug, Default)]
pub(super) struct RunningQueries {
    tokens: Mutex<Vec<CancelToken>>,
    process: AtomicI32,
}

impl RunningQueries {
    /// It runs this from now on.
    pub(super) fn set(&self, tokens: Vec<CancelToken>) {
        *self.tokens.lock() = tokens;
    }

    /// By which its connection is known; none before there is a key to cancel by.
    pub(super) fn process(&self) -> i32 {
        self.process.load(Ordering::Relaxed)
    }

    fn cancel(&self) {
        let tokens = self.tokens.lock().clone();
        tokens.iter().for_each(|token| token.cancel("canceling statement due to user request"));
    }
}

/// The connections by their numbers.
#[derive(Debug, Default)]
pub(super) struct Cancels(Mutex<HashMap<i32, Cancellable>>);

/// A connection's key, and what it runs.
type Cancellable = (Vec<u8>, Arc<RunningQueries>);

/// A connection's place among them, until it is dropped.
#[derive(Debug)]
pub(super) struct CancelKey {
    cancels: Arc<Cancels>,
    /// By which the connection is known.
    pub(super) process: i32,
    /// What proves a request to be the connection's own.
    pub(super) secret: Vec<u8>,
}

impl Cancels {
    /// Gives a connection a number, and a key of so many bytes.
    pub(super) fn register(self: &Arc<Self>, running: &Arc<RunningQueries>, length: usize) -> CancelKey {
        let mut secret = vec![0; length];
        rand::rng().fill_bytes(&mut secret);
        let mut table = self.0.lock();
        let process = loop {
            let process = (rand::rng().next_u32() >> 1).cast_signed();
            if process != 0 && !table.contains_key(&process) {
                break process;
            }
        };
        running.process.store(process, Ordering::Relaxed);
        table.insert(process, (secret.clone(), Arc::clone(running)));
        CancelKey { cancels: Arc::clone(self), process, secret }
    }

    /// Cancels what a connection runs, if the key is its own.
    pub(super) fn cancel(&self, process: i32, secret: &[u8]) {
        let found = self.0.lock().get(&process).cloned();
        if let Some((_, running)) = found.filter(|(own, _)| bool::from(own.as_slice().ct_eq(secret))) {
            running.cancel();
        }
    }
}

impl Drop for CancelKey {
    fn drop(&mut self) {
        self.cancels.0.lock().remove(&self.process);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_cancels_its_own_connection_and_no_other() {
        let cancels = Arc::new(Cancels::default());
        let (mine, theirs) = (Arc::new(RunningQueries::default()), Arc::new(RunningQueries::default()));
        let (key, other) = (cancels.register(&mine, 4), cancels.register(&theirs, 32));
        let (token, bystander) = (CancelToken::new(), CancelToken::new());
        mine.set(vec![token.clone()]);
        theirs.set(vec![bystander.clone()]);
        cancels.cancel(key.process, &other.secret);
        cancels.cancel(key.process, &[]);
        assert!(!token.is_cancelled());
        cancels.cancel(key.process, &key.secret);
        assert!(token.is_cancelled() && !bystander.is_cancelled());
        let (process, secret) = (other.process, other.secret.clone());
        drop(other);
        cancels.cancel(process, &secret);
        assert!(!bystander.is_cancelled());
    }
}

//! Waking those who wait for something to arrive.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Rung whenever something has arrived; costs one look at a counter while nobody listens.
#[derive(Debug, Default)]
pub struct Bell {
    listeners: AtomicUsize,
    notify: Notify,
}

impl Bell {
    /// Wakes whoever listens. Comes after what has arrived can be seen.
    pub(crate) fn ring(&self) {
        if self.listeners.load(Ordering::SeqCst) > 0 {
            self.notify.notify_waiters();
        }
    }

    /// Listens from now on.
    pub fn listen(&self) -> Listener<'_> {
        self.listeners.fetch_add(1, Ordering::SeqCst);
        Listener(self)
    }
}

/// Whoever listens to a bell.
#[derive(Debug)]
pub struct Listener<'a>(&'a Bell);

impl Listener<'_> {
    /// The next ringing, any from now on: whoever looks in between what is there misses nothing.
    pub fn next(&self) -> Pin<Box<Notified<'_>>> {
        let mut rung = Box::pin(self.0.notify.notified());
        rung.as_mut().enable();
        rung
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        self.0.listeners.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_ringing_between_two_looks_is_not_missed() {
        let bell = Bell::default();
        bell.ring();
        let listener = bell.listen();
        let rung = listener.next();
        assert!(tokio::time::timeout(Duration::from_millis(20), rung).await.is_err());
        let rung = listener.next();
        bell.ring();
        assert!(tokio::time::timeout(Duration::from_secs(5), rung).await.is_ok());
        drop(listener);
        assert_eq!(bell.listeners.load(Ordering::SeqCst), 0);
    }
}

//! How many statements run at once, of one tenant and of the whole process: each has a thread while it does.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::meter::Meter;

/// A tenant's share of the threads that statements run on; more statements wait for their turn, in order.
#[derive(Debug)]
pub(crate) struct Turns {
    tenant: Arc<Semaphore>,
    process: Arc<Semaphore>,
    lingering: Arc<Meter>,
}

/// The right to run one statement now.
#[derive(Debug)]
pub(crate) struct Permit {
    _tenant: Option<OwnedSemaphorePermit>,
    _process: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// `limit` turns at once for one tenant, of those that the process has.
    pub(crate) fn new(limit: usize, process: &Arc<Semaphore>, lingering: Arc<Meter>) -> Arc<Self> {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Arc::new(Self { tenant: Arc::new(Semaphore::new(limit)), process: Arc::clone(process), lingering })
    }

    /// Counts the tenant's cancelled statements that have not stopped: while there are too many, no more begin.
    pub(crate) fn lingering(&self) -> &Arc<Meter> {
        &self.lingering
    }

    /// The threads that all tenants share.
    pub(crate) fn of_process(limit: usize) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)))
    }

    /// Waits for a turn.
    pub(crate) async fn take(&self) -> Permit {
        // Neither is ever closed; the tenant's comes first, so that those who wait hold nothing that others need.
        let tenant = Arc::clone(&self.tenant).acquire_owned().await.ok();
        Permit { _tenant: tenant, _process: Arc::clone(&self.process).acquire_owned().await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn one_tenant_takes_no_more_than_its_share() {
        let process = Turns::of_process(3);
        let none = || Meter::of("the cancelled statements", 1, "--tenant-lingering-limit");
        let (greedy, other) = (Turns::new(2, &process, none()), Turns::new(2, &process, none()));
        let held = (greedy.take().await, greedy.take().await);
        let third = tokio::time::timeout(Duration::from_millis(20), greedy.take()).await;
        assert!(third.is_err(), "a third turn of two");
        let theirs = other.take().await;
        assert!(tokio::time::timeout(Duration::from_millis(20), other.take()).await.is_err());
        drop(held);
        drop((greedy.take().await, theirs));
    }
}

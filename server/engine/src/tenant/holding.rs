//! A tenant whose database is being replaced by another (SD-3).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::OwnedMutexGuard;

use super::Tenant;
use crate::instance::Instance;

impl Tenant {
    /// Has whoever needs the database of a tenant whom nobody knows yet wait until this is dropped and it is let go.
    pub(crate) fn hold(&self) -> Option<OwnedMutexGuard<()>> {
        self.is_held.store(true, Ordering::SeqCst);
        Arc::clone(&self.opening).try_lock_owned().ok()
    }

    /// Has nobody wait any more, once the opening is over.
    pub(crate) fn let_go(&self) {
        self.is_held.store(false, Ordering::SeqCst);
    }

    /// Whether another has taken its place, or none.
    pub(crate) fn is_retired(&self) -> bool {
        self.owner.retired.load(Ordering::SeqCst)
    }

    /// Gives its database away, for another to have.
    pub(crate) fn surrender(&self) -> Option<Arc<Instance>> {
        self.instance.write().take()
    }
}

//! A schema that a session was told to stand in before it exists (FS-8).

use std::sync::Arc;

use parking_lot::Mutex;

/// A schema that does not exist yet: statements run in its catalog's `main` until it does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PendingSchema {
    pub(super) catalog: String,
    pub(super) schema: String,
}

/// The schema to come, if there is one; only the call whose turn it is changes it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending(Arc<Mutex<Option<PendingSchema>>>);

impl Pending {
    pub(super) fn is_some(&self) -> bool {
        self.0.lock().is_some()
    }

    pub(super) fn get(&self) -> Option<PendingSchema> {
        self.0.lock().clone()
    }

    pub(super) fn set(&self, pending: Option<PendingSchema>) {
        *self.0.lock() = pending;
    }

    /// Its name, if it is to be in `catalog`, or in whatever catalog it was chosen in.
    pub(super) fn schema_in(&self, catalog: Option<&str>) -> Option<String> {
        let pending = self.0.lock();
        let pending = pending.as_ref()?;
        let here = catalog.is_none_or(|catalog| catalog.eq_ignore_ascii_case(&pending.catalog));
        here.then(|| pending.schema.clone())
    }
}

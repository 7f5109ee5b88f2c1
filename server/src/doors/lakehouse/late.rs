//! Loads that are answered before they are done, as a test has it (TK).

use std::sync::Arc;

use uuid::Uuid;

use super::response::Result;
use engine::{TaskMode, Tenant};

/// Whether loads of a tenant are late now.
pub(super) fn is_late(tenant: &Tenant) -> bool {
    tenant.tasks().mode() != TaskMode::Instant
}

/// Has a load be done when its task is due, after its call was answered. `work` gives why it failed.
///
/// # Errors
/// `limit-exceeded` for one task too many.
pub(super) fn begin(
    tenant: &Tenant,
    id: Uuid,
    work: impl Future<Output = std::result::Result<(), String>> + Send + 'static,
) -> Result<()> {
    let desk = Arc::clone(tenant.tasks());
    let task = desk.open(id)?;
    tokio::spawn(async move {
        let outcome = match task.is_due().await {
            Ok(()) => work.await,
            Err(message) => Err(message),
        };
        desk.close(id, outcome.err());
    });
    Ok(())
}

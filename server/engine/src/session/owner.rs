//! What the sessions of one user share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::turns::Turns;
use crate::call::Call;
use crate::faults::FaultRules;
use crate::journal::Journal;
use crate::limits::Limits;
use crate::meter::TenantMeters;
use crate::tenant_clock::TenantClock;

/// The user whose a session is, and what that user's sessions share.
#[derive(Debug)]
pub(crate) struct Owner {
    /// The user's name.
    pub(crate) name: Arc<str>,
    /// Where the user's calls are kept.
    pub(crate) journal: Arc<Journal>,
    /// What the user's calls may meet.
    pub(crate) faults: Arc<FaultRules>,
    /// The user's time.
    pub(crate) clock: Arc<TenantClock>,
    /// What bounds how many statements run at once.
    pub(crate) turns: Arc<Turns>,
    /// What may be held.
    pub(crate) limits: Limits,
    /// What is held, of those limits that all sessions share.
    pub(crate) meters: TenantMeters,
    /// Whether the user was reset or removed since: the sessions are unknown then.
    pub(crate) retired: AtomicBool,
}

impl Owner {
    /// A call comes in with the user's credentials.
    pub(crate) fn admit(&self, call: &Call) {
        call.admit(&self.name);
        call.notes().is_kept_in(&self.journal);
        call.faces(self.faults.faced());
    }
}

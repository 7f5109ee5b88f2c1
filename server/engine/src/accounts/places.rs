//! The place where a user's tenant is, while its database is being replaced (SD-3).

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::Accounts;
use crate::instance::Instance;
use crate::session::Session;
use crate::tenant::{Anew, Tenant};

/// A tenant whose database is about to be replaced.
#[derive(Debug)]
pub(crate) struct HeldPlace {
    /// The tenant, with the database of the one before.
    pub(crate) tenant: Arc<Tenant>,
    /// The sessions that the one before had, for closing.
    pub(crate) sessions: Vec<Arc<Session>>,
    /// Until it is dropped, whoever needs the database waits.
    pub(crate) opening: Option<OwnedMutexGuard<()>>,
}

impl Accounts {
    /// Gives a user a new tenant in the place of the present one, of whose database nobody has anything for the time being;
    /// None if the user is no more.
    pub(crate) fn hold(&self, tenant: &Tenant) -> Option<HeldPlace> {
        self.at_place(tenant, |place| {
            let (sessions, left) = place.retire(Anew::Sessions);
            let next = self.tenant(place.lineage().clone(), left);
            let opening = next.hold();
            *place = Arc::clone(&next);
            HeldPlace { tenant: next, sessions, opening }
        })
    }

    /// The tenant that a user has now; None if the user is no more.
    pub(crate) fn current(&self, tenant: &Tenant) -> Option<Arc<Tenant>> {
        self.at_place(tenant, |place| Arc::clone(place))
    }

    /// Gives a tenant a database, unless another has taken its place.
    pub(crate) fn settle(&self, tenant: &Arc<Tenant>, instance: Arc<Instance>) -> bool {
        let settled = self.at_place(tenant, |place| {
            let is_there = Arc::ptr_eq(place, tenant);
            if is_there {
                tenant.adopt(instance);
            }
            is_there
        });
        settled.unwrap_or(false)
    }
}

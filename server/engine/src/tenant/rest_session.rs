//! The session that a REST request names (LS-02 to LS-04).

use std::sync::Arc;

use uuid::Uuid;

use super::Tenant;
use crate::error::Result;
use crate::session::Session;

impl Tenant {
    /// The session a REST request names: a new one for `None`, an unknown id adopted (LS-03), a fresh id in place of
    /// one that idled out (LS-04). Ends with [`Sessions::release`].
    ///
    /// # Errors
    /// LimitExceeded; Internal when no database can be opened.
    pub async fn rest_session(self: &Arc<Self>, id: Option<Uuid>) -> Result<Arc<Session>> {
        self.touch();
        loop {
            let known = id.and_then(|id| self.sessions().get(id));
            let session = match (known, id.filter(|id| !self.sessions().is_expired(*id))) {
                (Some(session), _) => session,
                (None, Some(adopted)) => self.open_session_as(adopted).await?,
                (None, None) => self.open_session().await?,
            };
            // One that has just made room for another is no longer there.
            if self.sessions().hold(&session) {
                return Ok(session);
            }
        }
    }
}

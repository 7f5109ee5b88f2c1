//! The session of shared appends, kept while they come: opening and closing one takes as long as a small INSERT does.
//!
//! In between it is no session of the tenant's: it counts for no limit, cannot be named, and keeps no tenant from idling.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::kept::KeptInsert;
use crate::clock;
use crate::session::Session;

/// How long it is kept without use.
const IDLE: Duration = Duration::from_secs(10);

/// A session of shared appends, and the INSERT that ran in it last.
#[derive(Debug)]
pub(super) struct AppendSession {
    pub(super) session: Arc<Session>,
    pub(super) insert: Option<KeptInsert>,
}

/// The one that a tenant keeps, and since when nobody has used it.
#[derive(Debug, Default)]
pub(super) struct SpareSession(Mutex<Option<(AppendSession, Instant)>>);

impl SpareSession {
    /// The session that is kept.
    #[cfg(test)]
    pub(super) fn id(&self) -> Option<uuid::Uuid> {
        self.0.lock().as_ref().map(|(kept, _)| kept.session.id())
    }

    /// Takes it for a leader.
    pub(super) fn take(&self) -> Option<AppendSession> {
        self.0.lock().take().map(|(kept, _)| kept)
    }

    /// Keeps a session, unless it has ended or one is kept already; it is given back then.
    pub(super) fn keep(&self, kept: AppendSession) -> Option<AppendSession> {
        let mut place = self.0.lock();
        if place.is_some() || kept.is_over() {
            return Some(kept);
        }
        *place = Some((kept, clock::moment()));
        None
    }

    /// Closes it, if no append has come for a while or its database is lost; or `at_once`.
    pub(super) async fn close(&self, at_once: bool) {
        let over =
            self.0.lock().take_if(|(kept, since)| at_once || kept.is_over() || since.elapsed() >= IDLE);
        if let Some((kept, _)) = over {
            kept.close().await;
        }
    }
}

impl AppendSession {
    /// Whether nothing can be done in it any more.
    pub(super) fn is_over(&self) -> bool {
        self.session.is_closed() || self.session.is_lost()
    }

    /// Ends it.
    pub(super) async fn close(self) {
        drop(self.insert);
        self.session.close().await;
    }
}

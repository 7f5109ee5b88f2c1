//! Room for one more session: beyond its limit the least recently used idle one of the REST door goes, as if it had
//! idled out (LS-11).
//!
//! None goes that has an open transaction or a temporary table, or that a request or a stream has. What its connection
//! holds beside those is lost as it is after hours without use, and its id is remembered in the same way.

use std::sync::Arc;
use std::time::Duration;

use super::sessions::Sessions;
use crate::error::{Error, Result};
use crate::limits::limit_exceeded;
use crate::session::Session;
use crate::sql;

/// How often room is looked for before a session is refused, and how long is waited in between: one that has just
/// answered its client is let go of a moment later.
const TRIES: usize = 10;
const BETWEEN: Duration = Duration::from_millis(10);

/// How many sessions are asked for temporary tables before the next try.
const ASKED: usize = 64;

impl Sessions {
    /// Ends an idle session if there are as many as there may be.
    ///
    /// # Errors
    /// LimitExceeded when none can go.
    pub(crate) async fn make_room(&self) -> Result<()> {
        for _ in 0..TRIES {
            if self.has_room() || self.evict().await {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN).await;
        }
        Err(self.too_many())
    }

    pub(crate) fn too_many(&self) -> Error {
        limit_exceeded("the open sessions of this user", self.most(), "--tenant-session-limit")
    }

    /// Ends the session that was idle for longest, of those that may go.
    async fn evict(&self) -> bool {
        for (session, used) in self.candidates().into_iter().take(ASKED) {
            match keeps_something(&session).await {
                None => {}
                Some(true) => self.note_kept(&session, used),
                Some(false) if self.discard(&session, used) => {
                    session.close().await;
                    return true;
                }
                Some(false) => {}
            }
        }
        false
    }
}

/// Whether ending the session would lose a transaction or a temporary table; none while it is in use.
async fn keeps_something(session: &Arc<Session>) -> Option<bool> {
    let asked = session.if_free(|slot| {
        if slot.in_transaction() {
            return Ok(Some(true));
        }
        if slot.is_being_read() {
            return Ok(None);
        }
        // Without a connection it has done nothing yet.
        let Ok(connection) = slot.connection() else { return Ok(Some(false)) };
        // DuckDB is asked rather than the texts of what ran, which may be prepared or put together.
        Ok(Some(!connection.query(sql::HAS_TEMPORARY)?.text_rows()?.is_empty()))
    });
    asked.await?.unwrap_or(Some(true))
}

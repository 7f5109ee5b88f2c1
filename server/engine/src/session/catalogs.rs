//! PostgreSQL's catalogs, which a session's statements may read once they are there.

use super::turn::Turn;
use crate::error::Result;

impl Turn {
    /// Has the database hold PostgreSQL's catalogs, unless it does already.
    ///
    /// # Errors
    /// Internal when they cannot be attached; `Cancelled`.
    pub async fn with_postgres_catalogs(self) -> Result<Self> {
        if self.session().has_postgres_catalogs() {
            return Ok(self);
        }
        let ((), turn) = self.step(|slot| slot.instance().attach_postgres()).await?;
        Ok(turn)
    }
}

//! Naming prepared statements in a session, under its limits.

use std::sync::Arc;

use super::handle::Session;
use super::named::{NamedStatement, StatementRoom};
use super::prepared::PreparedStatement;
use crate::error::Result;
use crate::limits::limit_exceeded;

impl Session {
    /// Room for one more named statement, of this text.
    ///
    /// # Errors
    /// LimitExceeded.
    pub fn statement_room(&self, text: &str) -> Result<StatementRoom> {
        self.limits().check_statement(text)?;
        if let Some(most) = self.named().full() {
            let what = "the prepared statements of this session";
            return Err(limit_exceeded(what, most, "--session-prepared-limit"));
        }
        Ok(StatementRoom(vec![self.meters().prepared.take(1)?, self.cursors().hold(text.len())?]))
    }

    /// Gives a prepared statement a name, under which another is replaced.
    pub fn name_statement(
        &self,
        name: &[u8],
        prepared: Arc<PreparedStatement>,
        transaction: Option<&[u8]>,
        room: StatementRoom,
    ) {
        self.named().insert(name, prepared, transaction, room);
    }

    /// The statement of a name.
    pub fn statement(&self, name: &[u8]) -> Option<Arc<NamedStatement>> {
        self.named().get(name)
    }

    /// Forgets a name, and gives back what its statement holds, its bound rows excepted. Who has the statement may still
    /// execute it (FQ-5).
    pub fn close_statement(self: &Arc<Self>, name: &[u8]) -> Option<Arc<NamedStatement>> {
        let statement = self.named().remove(name)?;
        self.discard(&statement.prepared());
        Some(statement)
    }
}

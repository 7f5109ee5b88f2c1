//! The statements that calls have planned last: the execution that follows need not plan them again, nor need a call
//! that repeats them.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::prepared::PreparedStatement;

/// How many statements a session keeps planned, and how long their texts may be.
const KEPT: usize = 8;
const LONGEST: usize = 64 << 10;

/// The latest first.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<Arc<PreparedStatement>>>);

impl Recent {
    /// Keeps a planned statement until anything has changed that may change what its text means.
    pub(super) fn keep(&self, statement: &Arc<PreparedStatement>) {
        if statement.sql().len() > LONGEST {
            return;
        }
        let mut kept = self.0.lock();
        kept.retain(|other| other.sql() != statement.sql());
        kept.truncate(KEPT - 1);
        kept.push_front(Arc::clone(statement));
    }

    /// The statement of this text, if it is kept; those that are not `current` go.
    pub(super) fn find(
        &self,
        text: &str,
        current: impl Fn(&PreparedStatement) -> bool,
    ) -> Option<Arc<PreparedStatement>> {
        let mut kept = self.0.lock();
        kept.retain(|statement| current(statement));
        kept.iter().find(|statement| statement.sql() == text).cloned()
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }
}

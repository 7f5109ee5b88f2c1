//! The prepared statements of a session as DuckDB has planned them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::expand::Planned;
use super::plan::plan;
use super::prepared::PreparedStatement;
use crate::clock;
use crate::error::Result;
use crate::sql::lexer;
use duck::{Connection, Prepared};

/// A statement that took longer than this is not kept planned: DuckDB holds what its last execution computed as long as
/// it holds the plan.
const HEAVY: Duration = Duration::from_millis(20);

/// Plans by the statement's number, and which of them is being executed.
#[derive(Debug, Default)]
pub(super) struct Plans {
    kept: HashMap<u64, Kept>,
    in_use: Option<(Arc<PreparedStatement>, Instant)>,
}

#[derive(Debug)]
struct Kept {
    plan: Prepared,
    /// The instance's changes when it was made.
    changes: u64,
}

impl Plans {
    /// Takes a plan out to execute it. It is made anew if there is none or anything has changed since: DuckDB plans by
    /// what the tables hold, and a filter that nothing could pass then would let nothing pass later.
    ///
    /// # Errors
    /// DuckDB's error, for a statement that no longer binds.
    pub(super) fn take(
        &mut self,
        statement: &Arc<PreparedStatement>,
        connection: &Connection,
        changes: u64,
    ) -> Result<Planned> {
        self.in_use = Some((Arc::clone(statement), clock::moment()));
        let current = |kept: &Kept| kept.changes == changes || lexer::inserts_plain_values(statement.sql());
        let Some(mut kept) = self.kept.remove(&statement.number()).filter(current) else {
            return plan(connection, statement.sql());
        };
        kept.plan.clear_bindings();
        Ok(Planned::One(kept.plan))
    }

    /// Keeps a plan, made when the instance counted so many changes.
    pub(super) fn keep(&mut self, statement: &Arc<PreparedStatement>, plan: Prepared, changes: u64) {
        self.kept.insert(statement.number(), Kept { plan, changes });
    }

    /// Lets go of the plan in use, whose result is gone: DuckDB gives back what it holds for one that was heavy or
    /// closed. Where SQL may read the host's files (not `sealed`) none is kept: a plan holds the database files that it
    /// reads, and DuckDB waits for ever for one that a plan holds and another has let go.
    pub(super) fn release(&mut self, sealed: bool) {
        let Some((statement, begun)) = self.in_use.take() else { return };
        if !sealed || statement.is_closed() || begun.elapsed() > HEAVY {
            self.kept.remove(&statement.number());
        }
    }

    /// Drops the plan of a statement that is not needed any more, unless its result is still there.
    pub(super) fn forget(&mut self, statement: u64) {
        if self.in_use.as_ref().is_none_or(|(in_use, _)| in_use.number() != statement) {
            self.kept.remove(&statement);
        }
    }
}

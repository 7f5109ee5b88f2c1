//! The transaction of a connection, as PostgreSQL has it over what DuckDB has (PW-11, PW-23, PW-24).
//!
//! Several statements of one message, or of a pipeline, are one implicit transaction. In an explicit one any error leaves
//! nothing to do but to end it, also one after which DuckDB would go on.

use std::sync::Arc;

use super::client::{Client, told};
use super::report::{Result, SqlReport};
use super::statement::Hold;
use super::tag;
use engine::{AccessMode, Call};

/// Where the transaction stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Block {
    /// Each statement is its own.
    #[default]
    Idle,
    /// One was begun for statements that came together.
    Implicit,
    /// The client has begun one.
    Open,
    /// A statement of the client's has failed.
    Failed,
}

/// How the client names the end of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    Rollback,
}

/// By which DuckDB's transaction is known to the engine.
const NAME: &[u8] = b"postgres";

impl Block {
    /// The letter of ReadyForQuery.
    pub(super) fn letter(self) -> u8 {
        match self {
            Self::Idle | Self::Implicit => b'I',
            Self::Open => b'T',
            Self::Failed => b'E',
        }
    }

    /// Whether the client has begun a transaction.
    pub(super) fn is_explicit(self) -> bool {
        matches!(self, Self::Open | Self::Failed)
    }
}

/// What PostgreSQL says where a transaction can only be ended.
pub(super) fn aborted() -> SqlReport {
    SqlReport::error(
        "25P02",
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}

impl Client {
    /// A statement begins that is one of several.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) async fn begin_implicit(&mut self, call: &Arc<Call>) -> Result<()> {
        if self.block == Block::Idle {
            self.begin_in_duckdb(call, AccessMode::ReadWrite).await?;
            self.block = Block::Implicit;
        }
        Ok(())
    }

    async fn begin_in_duckdb(&mut self, call: &Arc<Call>, access: AccessMode) -> Result<()> {
        let turn = self.turn(call, "").await?;
        turn.begin(Arc::from(NAME), access).await.map_err(told(""))?;
        self.settings.begin();
        self.savepoints.clear();
        Ok(())
    }

    /// BEGIN. Gives a warning where there is a transaction.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) async fn begin_block(
        &mut self,
        call: &Arc<Call>,
        access: AccessMode,
    ) -> Result<Option<SqlReport>> {
        match self.block {
            Block::Idle => {
                self.begin_in_duckdb(call, access).await?;
                self.block = Block::Open;
                Ok(None)
            }
            Block::Implicit => {
                self.block = Block::Open;
                Ok(None)
            }
            Block::Open | Block::Failed => {
                Ok(Some(SqlReport::warning("25001", "there is already a transaction in progress")))
            }
        }
    }

    /// COMMIT or ROLLBACK, and with `chain` a new transaction. Gives the tag of what happened, and a warning where there was
    /// no transaction.
    ///
    /// # Errors
    /// DuckDB's, when it cannot commit; the transaction is over all the same. 25P01 where there is none to chain to.
    pub(super) async fn end_block(
        &mut self,
        call: &Arc<Call>,
        end: End,
        chain: bool,
    ) -> Result<(&'static str, Option<SqlReport>)> {
        let block = self.block;
        if !block.is_explicit() && chain {
            let verb = if end == End::Commit { tag::COMMIT } else { tag::ROLLBACK };
            return Err(SqlReport::error(
                "25P01",
                format!("{verb} AND CHAIN can only be used in transaction blocks"),
            ));
        }
        let commits = end == End::Commit && block != Block::Failed;
        self.end_in_duckdb(call, commits).await?;
        if chain {
            self.begin_block(call, AccessMode::ReadWrite).await?;
        }
        let warning = (!block.is_explicit())
            .then(|| SqlReport::warning("25P01", "there is no transaction in progress"));
        Ok((if commits { tag::COMMIT } else { tag::ROLLBACK }, warning))
    }

    /// Ends whatever transaction there is, with its portals.
    ///
    /// # Errors
    /// DuckDB's, when it cannot commit.
    async fn end_in_duckdb(&mut self, call: &Arc<Call>, commits: bool) -> Result<()> {
        self.end_portals(commits);
        let block = std::mem::take(&mut self.block);
        if block == Block::Idle {
            return Ok(());
        }
        let ended = match self.turn(call, "").await {
            Ok(turn) => turn.end_transaction(commits).await.map_err(told("")),
            Err(report) => Err(report),
        };
        self.settings.end(commits && ended.is_ok());
        ended?;
        self.apply_settings(call).await
    }

    /// Portals end with their transaction, but for those that are held.
    fn end_portals(&mut self, commits: bool) {
        self.portals.retain(|_, portal| match portal.hold {
            Hold::No => false,
            Hold::New => commits,
            Hold::Kept => true,
        });
        for portal in self.portals.values_mut() {
            portal.hold = Hold::Kept;
        }
    }

    /// A message, or a pipeline, comes to its end: what it has begun implicitly is committed, or after a failure undone.
    ///
    /// # Errors
    /// DuckDB's, when it cannot commit.
    pub(super) async fn finish_implicit(&mut self, failed: bool) -> Result<()> {
        if !self.block.is_explicit() {
            self.end_portals(!failed);
        }
        if self.block != Block::Implicit {
            return Ok(());
        }
        let mut job = self.begin_quietly(if failed { "Rollback" } else { "Commit" });
        job.is_no_news();
        let ended = self.end_in_duckdb(&Arc::clone(job.call()), !failed).await;
        job.done(ended.as_ref().err());
        ended
    }

    /// A statement has failed.
    pub(super) fn note_failure(&mut self) {
        if self.block == Block::Open {
            self.block = Block::Failed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_letter() {
        let letters = [Block::Idle, Block::Implicit, Block::Open, Block::Failed].map(Block::letter);
        assert_eq!(&letters, b"IITE");
    }
}

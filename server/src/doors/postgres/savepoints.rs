//! Savepoints, as far as DuckDB without any lets there be some (PW-25).

use super::client::{Client, told};
use super::report::{Result, SqlReport};
use super::transaction::Block;
use engine::{Share, Transaction};

/// What keeping a savepoint takes beside its name, in bytes.
const ENTRY: usize = 100;

/// The savepoints of a transaction.
#[derive(Debug, Default)]
pub(super) struct Savepoints {
    names: Vec<Savepoint>,
    written: u64,
}

#[derive(Debug)]
struct Savepoint {
    name: String,
    /// How much was written before it.
    written: u64,
    /// The memory that it takes of the user's limit.
    _share: Share,
}

impl Savepoints {
    /// The transaction is a new one.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// A statement has run, or failed, that may have written.
    pub(super) fn note(&mut self, writes: bool) {
        self.written += u64::from(writes);
    }

    fn find(&self, name: &str) -> Result<usize> {
        let missing = || SqlReport::error("3B001", format!("savepoint \"{name}\" does not exist"));
        self.names.iter().rposition(|known| known.name == name).ok_or_else(missing)
    }
}

impl Client {
    /// SAVEPOINT.
    ///
    /// # Errors
    /// 25P01 outside of a block; 53400 once the user's sessions hold too much.
    pub(super) fn savepoint(&mut self, name: &str) -> Result<()> {
        self.check_block("SAVEPOINT")?;
        let share = self.session.cursors().hold(ENTRY + name.len()).map_err(told(""))?;
        let (name, written) = (name.to_owned(), self.savepoints.written);
        self.savepoints.names.push(Savepoint { name, written, _share: share });
        Ok(())
    }

    /// RELEASE.
    ///
    /// # Errors
    /// 25P01 outside of a block, 3B001 for a savepoint that there is not.
    pub(super) fn release(&mut self, name: &str) -> Result<()> {
        self.check_block("RELEASE SAVEPOINT")?;
        let at = self.savepoints.find(name)?;
        self.savepoints.names.truncate(at);
        Ok(())
    }

    /// ROLLBACK TO, which has nothing to undo where nothing was written since.
    ///
    /// # Errors
    /// 25P01 and 3B001 as [`release`](Self::release); 0A000 where something was written since, or DuckDB's own transaction is
    /// beyond use.
    pub(super) fn roll_back_to(&mut self, name: &str) -> Result<()> {
        self.check_block("ROLLBACK TO SAVEPOINT")?;
        let at = self.savepoints.find(name)?;
        let is_aborted = matches!(self.session.transaction(), Transaction::Aborted(_));
        if is_aborted || self.savepoints.names[at].written != self.savepoints.written {
            let message = "DuckDB has no savepoints: what was written since cannot be undone by itself";
            self.block = Block::Failed;
            return Err(SqlReport::error("0A000", message));
        }
        self.savepoints.names.truncate(at + 1);
        self.block = Block::Open;
        Ok(())
    }

    /// Refuses what only a block that the client has begun may have.
    ///
    /// # Errors
    /// 25P01.
    pub(super) fn check_block(&self, what: &str) -> Result<()> {
        if self.block.is_explicit() {
            return Ok(());
        }
        Err(SqlReport::error("25P01", format!("{what} can only be used in transaction blocks")))
    }
}

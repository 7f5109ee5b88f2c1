//! A database as a copy of another: what resets, snapshots, seeds and new tenants begin with (SN-1, SN-2, CT-1).
//!
//! A copy is made from one committed state of the one into an instance that nobody else has yet, so that it is there whole
//! or not at all. [`blueprint`] lists what there is, [`build`] makes it again, and [`rows`] hands the rows over.

mod blueprint;
mod build;
mod left_out;
mod order;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::blueprint::Blueprint;
pub use self::left_out::LeftOut;
use crate::blocking::MayBlock;
use crate::error::{Error, ErrorKind, Result};
use crate::events::KeptProject;
use crate::instance::{Instance, InstancePool};
use crate::sql;
use crate::sql::blueprint as text;
use crate::views::ShownProject;
use duck::Connection;

/// What a database takes in memory that holds nothing, in bytes.
const EMPTY: u64 = 3 << 20;

/// How often a moment is looked for in which nothing is committed.
const TRIES: usize = 1000;

/// A tenant's committed state at one moment, which nothing changes any more.
#[derive(Debug)]
pub(crate) struct SavedState {
    /// The database; none if it had not been opened, and so is as at start.
    database: Option<Arc<Instance>>,
    /// The project.
    pub(crate) project: Option<Arc<KeptProject>>,
    /// What of the tenant is not in it.
    pub(crate) left_out: Vec<LeftOut>,
    /// What views, macros, comments and defaults take, in bytes, which DuckDB does not count.
    texts: u64,
}

/// What is known of a copy beside its database.
#[derive(Debug)]
pub(crate) struct Copied {
    /// What it lacks.
    pub(crate) left_out: Vec<LeftOut>,
    /// The bytes of the statements by which it was made.
    texts: u64,
}

impl SavedState {
    /// Copies a database as it is now, and keeps the state of its project with it. Blocks.
    ///
    /// # Errors
    /// FailedPrecondition for a table that cannot be made again, and if writers leave no moment between two commits;
    /// Internal.
    pub(crate) fn take(
        database: Option<&Arc<Instance>>,
        shown: Option<&ShownProject>,
        project: Option<Arc<KeptProject>>,
        pool: &Arc<InstancePool>,
        thread: &MayBlock,
    ) -> Result<Self> {
        let copied = database.map(|database| copied(database, shown, pool, thread)).transpose()?;
        let Some((database, Copied { left_out, texts })) = copied else {
            return Ok(Self { project, ..Self::nothing() });
        };
        Ok(Self { database: Some(database), project, left_out, texts })
    }

    /// A state without anything.
    pub(crate) fn nothing() -> Self {
        Self { database: None, project: None, left_out: Vec::new(), texts: 0 }
    }

    /// A database of this state, in which a project is to be seen; none if it is as at start. Blocks.
    ///
    /// # Errors
    /// Internal when no database can be opened.
    pub(crate) fn open(
        &self,
        project: Option<&ShownProject>,
        pool: &Arc<InstancePool>,
        thread: &MayBlock,
    ) -> Result<Option<Arc<Instance>>> {
        let copy = |database| copied(database, project, pool, thread).map(|(database, _)| database);
        self.database.as_ref().map(copy).transpose()
    }

    /// Removes the folder of its database.
    pub(crate) fn remove_folder(&self) {
        if let Some(database) = &self.database {
            database.spool_folder().remove();
        }
    }

    /// What it takes in memory. Blocks.
    ///
    /// # Errors
    /// DuckDB's.
    pub(crate) fn bytes(&self) -> Result<u64> {
        let database =
            self.database.as_ref().map_or(Ok(0), |database| database.bytes().map(|bytes| bytes + EMPTY))?;
        Ok(database + self.texts + self.project.as_ref().map_or(0, |project| project.bytes()))
    }
}

/// A new database of the state of another, in which a project is to be seen, and what is known of the copy. Blocks.
///
/// # Errors
/// As [`SavedState::take`].
pub(crate) fn copied(
    source: &Arc<Instance>,
    project: Option<&ShownProject>,
    pool: &Arc<InstancePool>,
    thread: &MayBlock,
) -> Result<(Arc<Instance>, Copied)> {
    let target = pool.take()?;
    if let Some(project) = project {
        target.viewer().show(project.clone());
    }
    if source.has_postgres() {
        target.attach_postgres()?;
    }
    let connection = still(source, thread)?;
    let has_macros = source.may_have_macros();
    if has_macros {
        target.note_macros();
    }
    let mut blueprint = Blueprint::read(&connection, has_macros)?;
    let texts = blueprint.text_bytes();
    build::build(source, connection, &target, &mut blueprint, thread)?;
    Ok((target, Copied { left_out: blueprint.left_out, texts }))
}

/// A connection whose transaction sees one state of all catalogs.
///
/// DuckDB begins to read a catalog when it is first looked at, and between two of them somebody may commit to both. Whatever
/// is committed is counted before its client is told; if the count is what it was, nobody can have seen one of two
/// commits answered before the other, of which only the latter is seen.
fn still(source: &Instance, thread: &MayBlock) -> Result<Connection> {
    let connection = source.connect(thread)?;
    for _ in 0..TRIES {
        let before = source.changes();
        connection.run(sql::BEGIN_READ_ONLY)?;
        connection.query(text::LOOK_AT_ALL)?.text_rows()?;
        if source.changes() == before {
            return Ok(connection);
        }
        connection.run(sql::ROLLBACK)?;
    }
    let message = "the database is being written to without a moment's pause; try again";
    Err(Error::new(ErrorKind::FailedPrecondition, message))
}

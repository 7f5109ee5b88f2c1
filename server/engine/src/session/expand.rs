//! One statement that DuckDB expands to several (LQ-02, FQ-6): a PIVOT first makes the types of its columns, an ADD COLUMN
//! with a computed default fills the column before it sets the default, COPY FROM DATABASE copies tables, then rows.
//!
//! DuckDB plans each part only once those before it have run. So such a statement is planned within a transaction that is
//! rolled back, and of a PIVOT alone: what changes anything is never run to see what it would give.

use super::transaction::roll_back;
use crate::error::{Error, ErrorKind, Result};
use crate::guard;
use crate::lookup;
use crate::sql;
use crate::views::refusal;
use duck::{Connection, Extracted, Prepared, StatementKind};

/// A user's statement as DuckDB has read it.
pub(crate) enum Planned {
    /// As nearly all are.
    One(Prepared),
    /// In parts.
    Several(Parts),
}

/// The parts of a statement, without the transaction that DuckDB puts around most.
pub(crate) struct Parts {
    extracted: Extracted,
    first: Prepared,
    second: u64,
    last: u64,
    /// Whether they take effect together or not at all.
    pub(super) together: bool,
}

impl Parts {
    /// Plans the first part. Around the parts DuckDB puts BEGIN and COMMIT, or two SETs inside a transaction.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn of(extracted: Extracted, connection: &Connection) -> Result<Self> {
        let last = extracted.len() - 1;
        // DuckDB hands out each part once.
        let first = extracted.prepare(connection, 0)?;
        if !matches!(first.kind(), StatementKind::Transaction | StatementKind::Set) {
            return Ok(Self { extracted, first, second: 1, last, together: false });
        }
        let first = extracted.prepare(connection, 1)?;
        Ok(Self { extracted, first, second: 2, last: last - 1, together: true })
    }

    /// Runs all but the last, which is planned then.
    ///
    /// # Errors
    /// DuckDB's; Refused.
    pub(super) fn reach_last(self, connection: &Connection, sql: &str) -> Result<Prepared> {
        checked(self.run_before_last(connection), connection, sql)
    }

    fn run_before_last(self, connection: &Connection) -> Result<Prepared> {
        let mut part = self.first;
        for index in self.second..=self.last {
            part.execute()?;
            if part.kind() == StatementKind::Create {
                check_pivot_types(connection)?;
            }
            part = self.extracted.prepare(connection, index)?;
        }
        Ok(part)
    }

    /// The last part, or the first where that has to run before.
    fn without_running(self, connection: &Connection) -> Prepared {
        self.extracted.prepare(connection, self.last).unwrap_or(self.first)
    }
}

impl Planned {
    /// Whether its parts change something one after another, so that DuckDB has no plan of the whole.
    pub(crate) fn has_no_plan(&self) -> bool {
        matches!(self, Self::Several(parts) if parts.first.kind() != StatementKind::Create)
    }

    /// Looks at the plan of a statement, and leaves nothing of it behind.
    ///
    /// # Errors
    /// `look`'s own; DuckDB's; Refused.
    pub(crate) fn foresee<T>(
        self,
        connection: &Connection,
        in_transaction: bool,
        sql: &str,
        look: impl FnOnce(&mut Prepared) -> Result<T>,
    ) -> Result<T> {
        let parts = match self {
            Self::One(mut statement) => return look(&mut statement),
            Self::Several(parts) => parts,
        };
        // Of what can be part of a query, DuckDB expands PIVOT alone.
        if parts.first.kind() != StatementKind::Create {
            return look(&mut checked(Ok(parts.without_running(connection)), connection, sql)?);
        }
        let undo = Undo::begin(connection, in_transaction)?;
        let seen = parts.reach_last(connection, sql).and_then(|mut last| look(&mut last));
        let undone = undo.end(connection);
        seen.and_then(|seen| undone.map(|()| seen))
    }
}

fn checked(part: Result<Prepared>, connection: &Connection, sql: &str) -> Result<Prepared> {
    let part = part.map_err(|error| refusal::rephrase(connection, sql, error))?;
    guard::check(connection, sql, &part).map(|()| part)
}

/// Refuses values to pivot on that hold a NUL: as names of columns they would end there, since C has them so.
fn check_pivot_types(connection: &Connection) -> Result<()> {
    let cut = lookup::pivot_types_with_nul(connection)?;
    for name in &cut {
        connection.run(&sql::drop_temporary_type(name))?;
    }
    if cut.is_empty() {
        return Ok(());
    }
    let message = "Invalid Input Error: a value to pivot on holds a NUL, which the name of a column cannot";
    Err(Error::new(ErrorKind::Sql, message))
}

/// How the types that a PIVOT makes are taken back.
enum Undo {
    RollBack,
    /// The session's own transaction goes on: those are dropped that were not there before.
    DropAllBut(Vec<String>),
}

impl Undo {
    fn begin(connection: &Connection, in_transaction: bool) -> Result<Self> {
        if in_transaction {
            return Ok(Self::DropAllBut(lookup::pivot_types(connection)?));
        }
        connection.run(sql::BEGIN)?;
        Ok(Self::RollBack)
    }

    fn end(self, connection: &Connection) -> Result<()> {
        match self {
            Self::RollBack => roll_back(connection),
            Self::DropAllBut(kept) => {
                let made = lookup::pivot_types(connection)?.into_iter().filter(|name| !kept.contains(name));
                for name in made {
                    connection.run(&sql::drop_temporary_type(&name))?;
                }
            }
        }
        Ok(())
    }
}

//! An INSERT that appends of one shape share, planned once: planning it takes longer than running it.

use std::sync::Arc;

use super::append::{AppendAttempt, Insertion};
use super::appended::Append;
use super::target::IngestTarget;
use crate::blocking;
use crate::error::Result;
use crate::session::Slot;
use crate::sql::TableRef;
use duck::types::Column;
use duck::{Prepared, ScanGuard};

/// A planned INSERT, and the table as it was found for it.
#[derive(Debug)]
pub(super) struct KeptInsert {
    /// How many changes the instance counted behind it. With any other number the table may be another.
    changes: u64,
    target: IngestTarget,
    table: TableRef,
    columns: Option<Vec<Column>>,
    planned: PlannedInsert,
}

/// The statement, which reads from the scan whenever that is filled anew.
#[derive(Debug)]
struct PlannedInsert {
    scan: ScanGuard,
    sql: String,
    /// None once it is given back.
    plan: Option<Prepared>,
}

impl Drop for PlannedInsert {
    fn drop(&mut self) {
        blocking::discard(self.plan.take());
    }
}

/// Adds rows whose table has the columns for them already; false, and nothing, if it has not. What is kept is used, and
/// replaced by what the next one may use.
///
/// # Errors
/// DuckDB's.
pub(super) fn insert_kept(slot: &mut Slot, append: &Append, kept: &mut Option<KeptInsert>) -> Result<bool> {
    if slot.in_transaction() {
        return Ok(false);
    }
    let before = slot.instance().changes();
    let known = kept.take().filter(|kept| kept.changes == before && kept.target == append.target);
    let Some(insert) = slot.change(|slot| insert(slot, append, known))? else { return Ok(false) };
    // A plan may hold a file of the host, where SQL may read them. And if anybody else has changed anything meanwhile, the
    // table may be another.
    let changes = before + 1;
    if slot.instance().is_sealed() && slot.instance().changes() == changes {
        *kept = Some(KeptInsert { changes, ..insert });
    }
    Ok(true)
}

fn insert(slot: &Slot, append: &Append, known: Option<KeptInsert>) -> Result<Option<KeptInsert>> {
    let (attempt, planned) = match known {
        Some(KeptInsert { table, columns, planned, .. }) => {
            let (connection, scans) = (slot.connection()?, slot.instance().scans());
            (AppendAttempt { connection, scans, append, table, existing: columns }, Some(planned))
        }
        None => (AppendAttempt::new(slot, append)?, None),
    };
    let Some((group, placed)) = attempt.fitting() else { return Ok(None) };
    let insertion = attempt.insertion(group, &placed);
    let mut planned = match planned.filter(|planned| planned.is_of(&insertion)) {
        Some(planned) => planned,
        None => plan(&attempt, &insertion)?,
    };
    planned.run(insertion)?;
    let AppendAttempt { table, existing: columns, .. } = attempt;
    Ok(Some(KeptInsert { changes: 0, target: append.target.clone(), table, columns, planned }))
}

fn plan(attempt: &AppendAttempt<'_>, insertion: &Insertion<'_>) -> Result<PlannedInsert> {
    let scan = attempt.scans.register(Arc::clone(&insertion.schema), Box::new(std::iter::empty()))?;
    let sql = insertion.sql(&scan);
    let plan = Some(attempt.connection.prepare(&sql)?);
    Ok(PlannedInsert { scan, sql, plan })
}

impl PlannedInsert {
    /// Whether it is the statement that such rows need.
    fn is_of(&self, insertion: &Insertion<'_>) -> bool {
        *self.scan.schema() == insertion.schema && self.sql == insertion.sql(&self.scan)
    }

    fn run(&mut self, insertion: Insertion<'_>) -> Result<()> {
        let Some(plan) = &mut self.plan else { return Ok(()) };
        self.scan.refill(insertion.rows);
        plan.execute().map(drop).map_err(|error| self.scan.take_error().unwrap_or(error).into())
    }
}

//! Statements prepared in a session, and what planning tells about a statement.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::cancel::CancelToken;
use super::duck::{Connection, Extracted, Prepared, Returns, StatementKind};
use super::guard;
use super::guard::calls;
use super::projects::{property, refusal};
use super::session::{Session, Slot};
use super::sql::lexer;
use super::sql::nameable::cast_to_nameable;
use super::types::{Column, Fidelity, LogicalType, ResultShape};
use super::{Target, target};
use crate::error::{Error, ErrorKind, Result};

/// What planning a statement tells, without executing it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What DuckDB says the statement is.
    pub kind: StatementKind,
    /// What executing it will give back.
    pub returns: Returns,
    /// The columns of its own rows, or of DuckDB's `Count` or `Success`.
    pub shape: ResultShape,
    /// Parameters in DuckDB's order: identifier and type.
    pub parameters: Vec<(String, LogicalType)>,
}

impl Plan {
    /// Whether executing it may change anything.
    pub fn changes(&self) -> bool {
        self.kind != StatementKind::Select
    }
}

/// A statement that took longer than this is not kept planned: DuckDB holds what its last execution computed as long as
/// it holds the plan.
const HEAVY: Duration = Duration::from_millis(20);

/// A statement prepared in a session; it lives as long as its handles.
#[derive(Debug)]
pub struct PreparedStatement {
    sql: String,
    plan: Plan,
    /// The instance's changes when `plan` was made.
    changes: u64,
    latest: Mutex<Latest>,
}

/// DuckDB's statement as it was planned last.
#[derive(Debug)]
struct Latest {
    /// None once it was put away, to be planned again when it is executed.
    statement: Option<Prepared>,
    /// The instance's changes when it was planned.
    changes: u64,
    /// Executions whose results are not gone yet.
    uses: usize,
    /// Whether it is to be put away as soon as nothing uses it: its client has closed it, or SQL may read the host's
    /// files. A plan holds the database files that it reads, and DuckDB waits for ever for one that a plan holds and
    /// another has let go.
    closed: bool,
}

impl PreparedStatement {
    /// What planning told.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The statement's text.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Gives back what the statement holds in DuckDB. It may still be executed, by a ticket (FQ-5), and is planned again
    /// then.
    pub fn close(&self) {
        let mut latest = self.latest.lock();
        latest.closed = true;
        let unused = if latest.uses == 0 { latest.statement.take() } else { None };
        drop(latest);
        drop(unused);
    }

    /// Begins an execution.
    pub(super) fn in_use(self: &Arc<Self>) -> InUse {
        self.latest.lock().uses += 1;
        InUse { statement: Arc::clone(self), begun: Instant::now() }
    }
}

/// An execution of a prepared statement, as long as its result is there.
#[derive(Debug)]
pub(super) struct InUse {
    statement: Arc<PreparedStatement>,
    begun: Instant,
}

impl InUse {
    pub(super) fn sql(&self) -> &str {
        &self.statement.sql
    }

    /// Plans the statement again if it was put away or anything has changed since. DuckDB plans by what the tables hold: a
    /// filter that nothing could pass then would let nothing pass later.
    ///
    /// # Errors
    /// DuckDB's error, for a statement that no longer binds.
    pub(super) fn refresh(&self, slot: &Slot) -> Result<()> {
        let changes = slot.instance().changes();
        let mut latest = self.statement.latest.lock();
        let current = latest.changes == changes || lexer::inserts_plain_values(self.sql());
        if latest.statement.is_none() || !current {
            latest.statement = Some(plan(slot.connection()?, self.sql())?);
            latest.changes = changes;
        }
        Ok(())
    }

    /// Works with DuckDB's statement after [`refresh`](Self::refresh); the session's lock already keeps others away.
    ///
    /// # Errors
    /// `work`'s own.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Prepared) -> Result<T>) -> Result<T> {
        let mut latest = self.statement.latest.lock();
        let statement = latest.statement.as_mut();
        let statement = statement.ok_or_else(|| Error::internal("a statement in use was put away"))?;
        statement.clear_bindings();
        work(statement)
    }

    /// As [`Prepared::error_again`], with the values of the last execution.
    pub(super) fn error_again(&self) -> Option<Error> {
        self.statement.latest.lock().statement.as_mut().and_then(Prepared::error_again)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut latest = self.statement.latest.lock();
        latest.uses -= 1;
        let over = latest.uses == 0 && (latest.closed || self.begun.elapsed() > HEAVY);
        let unused = if over { latest.statement.take() } else { None };
        drop(latest);
        drop(unused);
    }
}

impl Session {
    /// Parses and binds a statement in the session's context; executes nothing and leaves the session's `USE` as it
    /// was.
    ///
    /// # Errors
    /// DuckDB's error; NotOneStatement; Refused.
    pub async fn plan(
        self: &Arc<Self>,
        sql: String,
        to: Target,
        fidelity: Fidelity,
        cancel: &CancelToken,
    ) -> Result<Plan> {
        let text = sql.clone();
        let planned = self.call(cancel, move |slot| {
            target::visit(slot.connection()?, &to, |connection| {
                plan(connection, &sql).and_then(|statement| describe(connection, &statement, fidelity))
            })
        });
        planned.await.inspect_err(|error| self.journal().fail(&text, error))
    }

    /// Prepares a statement for later executions in this session.
    ///
    /// # Errors
    /// DuckDB's error; NotOneStatement; Refused.
    pub async fn prepare(
        self: &Arc<Self>,
        sql: String,
        fidelity: Fidelity,
        cancel: &CancelToken,
    ) -> Result<Arc<PreparedStatement>> {
        self.mark();
        let text = sql.clone();
        let prepared = self.call(cancel, move |slot| {
            let changes = slot.instance().changes();
            let connection = slot.connection()?;
            let statement = plan(connection, &sql)?;
            let plan = describe(connection, &statement, fidelity)?;
            let keeps = slot.instance().is_sealed();
            let latest = Latest { statement: keeps.then_some(statement), changes, uses: 0, closed: !keeps };
            Ok(Arc::new(PreparedStatement { sql, plan, changes, latest: Mutex::new(latest) }))
        });
        prepared.await.inspect_err(|error| self.journal().fail(&text, error))
    }

    /// Whether planning a statement of this session again would tell the same: nothing has changed since.
    pub fn is_current(&self, statement: &PreparedStatement) -> bool {
        statement.changes == self.instance().changes()
    }

    /// Whether planning a statement of this session again would succeed and tell the same, so that it need not be
    /// done. Files of the host, where SQL may read them, change without notice.
    pub fn knows(&self, statement: &PreparedStatement) -> bool {
        let instance = self.instance();
        !self.is_closed()
            && !instance.is_broken()
            && instance.is_sealed()
            && !statement.plan.changes()
            && self.is_current(statement)
    }
}

/// Plans the one statement of a user's text.
///
/// # Errors
/// DuckDB's parser or binder error; NotOneStatement; Refused.
pub(super) fn plan(connection: &Connection, sql: &str) -> Result<Prepared> {
    calls::check(sql)?;
    refusal::check(connection, sql)?;
    let extracted = connection.extract(sql)?;
    match extracted.len() {
        1 => {}
        0 => return Err(not_one()),
        _ if lexer::count_statements(sql) == 1 => return plan_expanded(connection, &extracted),
        _ => return Err(not_one()),
    }
    let planned = match extracted.prepare(connection, 0) {
        Err(error) if property::defined_after(connection, &error) => {
            connection.extract(sql)?.prepare(connection, 0)
        }
        planned => planned,
    };
    let planned = planned.map_err(|error| refusal::rephrase(connection, sql, error))?;
    guard::check(connection, sql, &planned)?;
    Ok(plan_nameable(connection, sql, &planned).unwrap_or(planned))
}

/// A query with columns of types that cannot leave DuckDB, planned again with these as VARCHAR (FY-2). A parameter
/// without a type looks the same and is left alone, and so is what DuckDB cannot cast.
fn plan_nameable(connection: &Connection, sql: &str, planned: &Prepared) -> Option<Prepared> {
    if planned.kind() != StatementKind::Select || planned.has_parameters() {
        return None;
    }
    let cast = cast_to_nameable(sql, &planned.columns())?;
    connection.prepare(&cast).ok()
}

/// A PIVOT without an IN list: DuckDB expands it to the creation of its enum types, which has to run before the rest
/// can be planned, and the query itself. Around what is no plain query, such as CREATE TABLE AS, it also puts BEGIN and
/// COMMIT, or two SETs inside a transaction, which the types do not need.
fn plan_expanded(connection: &Connection, extracted: &Extracted) -> Result<Prepared> {
    let mut last = extracted.len() - 1;
    let mut index = 0;
    while index < last {
        // DuckDB hands out each part once.
        let mut part = extracted.prepare(connection, index)?;
        match part.kind() {
            StatementKind::Transaction | StatementKind::Set if index == 0 => last -= 1,
            StatementKind::Create => drop(part.execute()?),
            _ => return Err(not_one()),
        }
        index += 1;
    }
    let planned = extracted.prepare(connection, last)?;
    if guard::is_managed_kind(planned.kind()) { Err(not_one()) } else { Ok(planned) }
}

fn describe(connection: &Connection, statement: &Prepared, fidelity: Fidelity) -> Result<Plan> {
    let columns: Arc<[Column]> = statement.columns();
    let zone = connection.time_zone()?;
    let schema = super::types::arrow::arrow_schema(&columns, fidelity, &zone);
    Ok(Plan {
        kind: statement.kind(),
        returns: returns(statement),
        shape: ResultShape { columns, schema },
        parameters: statement.parameters(),
    })
}

/// What a planned statement will give back. DuckDB tells only after execution; before it, its `Count` and `Success`
/// columns do.
pub(super) fn returns(statement: &Prepared) -> Returns {
    use StatementKind as Kind;
    let columns = statement.columns();
    let only = |name: &str, ty: &LogicalType| {
        columns.len() == 1 && columns.first().is_some_and(|column| column.name == name && column.ty == *ty)
    };
    match statement.kind() {
        Kind::Select | Kind::Explain | Kind::Pragma | Kind::Other => Returns::Rows,
        _ if only("Count", &LogicalType::BigInt) => Returns::Count,
        Kind::Insert | Kind::Update | Kind::Delete | Kind::Merge => Returns::Rows,
        _ => Returns::Nothing,
    }
}

fn not_one() -> Error {
    Error::new(ErrorKind::NotOneStatement, "Expected exactly one SQL statement")
}

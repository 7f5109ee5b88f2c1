//! Statements prepared in a session, and what planning tells about a statement.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use super::cancel::CancelToken;
use super::guard;
use super::guard::calls;
use super::projects::{property, refusal};
use super::session::Session;
use super::sql::lexer;
use super::sql::nameable::cast_to_nameable;
use super::{Target, target};
use crate::error::{Error, ErrorKind, Result};
use duck::types::{Column, Fidelity, LogicalType, ResultShape};
use duck::{Connection, Extracted, Prepared, Returns, StatementKind};

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

/// A statement prepared in a session; it lives as long as its handles.
#[derive(Debug)]
pub struct PreparedStatement {
    number: u64,
    sql: String,
    plan: Plan,
    /// The instance's changes when `plan` was made.
    changes: u64,
    closed: AtomicBool,
    session: Weak<Session>,
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

    /// By which its session knows it.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Has what the statement holds in DuckDB given back, as soon as its session's connection is free; waits for
    /// nothing. It may still be executed, by a ticket (FQ-5), and is planned again then.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some(session) = self.session.upgrade() {
            session.forget_soon(self.number);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

impl Drop for PreparedStatement {
    fn drop(&mut self) {
        if let Some(session) = self.session.upgrade() {
            session.forget_later(self.number);
        }
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
        let (text, session) = (sql.clone(), Arc::downgrade(self));
        let prepared = self.call(cancel, move |slot| {
            static NEXT: AtomicU64 = AtomicU64::new(1);
            let changes = slot.instance().changes();
            let connection = slot.connection()?;
            let planned = plan(connection, &sql)?;
            let plan = describe(connection, &planned, fidelity)?;
            let (number, closed) = (NEXT.fetch_add(1, Ordering::Relaxed), AtomicBool::new(false));
            let statement = Arc::new(PreparedStatement { number, sql, plan, changes, closed, session });
            // Otherwise a plan may hold a file of the host (see `Plans::release`).
            if slot.instance().is_sealed() {
                slot.keep_plan(&statement, planned, changes);
            }
            Ok(statement)
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
    guard::check_unplanned(connection, sql)?;
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
    let planned = planned.map_err(|error| refusal::rephrase(connection, sql, error.into()))?;
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
    let schema = duck::types::arrow::arrow_schema(&columns, fidelity, &zone);
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

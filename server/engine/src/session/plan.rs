//! Planning a statement: what DuckDB's parser and binder tell of it, and what may not run at all.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::guard;
use crate::guard::calls;
use crate::projects::{property, refusal};
use crate::sql::lexer;
use crate::sql::nameable::cast_to_nameable;
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

/// Plans the one statement of a user's text.
///
/// # Errors
/// DuckDB's parser or binder error; NotOneStatement; Refused.
pub(crate) fn plan(connection: &Connection, sql: &str) -> Result<Prepared> {
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

/// What a planned statement tells.
///
/// # Errors
/// DuckDB's, when it cannot tell the session's time zone.
pub(super) fn describe(connection: &Connection, statement: &Prepared, fidelity: Fidelity) -> Result<Plan> {
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

/// The columns of a result, and as Arrow has them.
///
/// # Errors
/// DuckDB's, when it cannot tell the session's time zone.
pub(super) fn shape(
    connection: &Connection,
    columns: Arc<[Column]>,
    fidelity: Fidelity,
) -> Result<ResultShape> {
    let zone = if columns.iter().any(|column| column.ty.has_time_zone()) {
        connection.time_zone()?
    } else {
        String::new()
    };
    let schema = duck::types::arrow::arrow_schema(&columns, fidelity, &zone);
    Ok(ResultShape { columns, schema })
}

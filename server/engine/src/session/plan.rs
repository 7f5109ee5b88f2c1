//! Planning a statement: what DuckDB's parser and binder tell of it, and what may not run at all.

use std::sync::Arc;

use super::expand::{Parts, Planned};
use crate::error::{Error, ErrorKind, Result};
use crate::guard;
use crate::guard::{calls, nul_names};
use crate::sql::nameable::cast_to_nameable;
use crate::sql::{self as text, import, lexer};
use crate::views::{property, refusal};
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

/// Plans the one statement of a user's text; executes nothing.
///
/// # Errors
/// DuckDB's parser or binder error; NotOneStatement; Refused.
pub(crate) fn plan(connection: &Connection, sql: &str) -> Result<Planned> {
    let planned = match bind(connection, sql, read(connection, sql)?) {
        Err(error) if property::defined_after(connection, &error) => {
            bind(connection, sql, connection.extract(sql)?)
        }
        planned => planned,
    };
    match planned.map_err(|error| refusal::rephrase(connection, sql, error))? {
        Planned::One(planned) => {
            guard::check(connection, sql, &planned)?;
            nul_names::check_query(connection, sql, &planned)?;
            Ok(Planned::One(plan_nameable(connection, sql, &planned).unwrap_or(planned)))
        }
        expanded => Ok(expanded),
    }
}

fn bind(connection: &Connection, sql: &str, extracted: Extracted) -> Result<Planned> {
    match extracted.len() {
        1 => Ok(Planned::One(extracted.prepare(connection, 0)?)),
        2.. if lexer::count_statements(sql) == 1 => Ok(Planned::Several(Parts::of(extracted, connection)?)),
        _ => Err(not_one()),
    }
}

/// Parses a user's text, once nothing in it is refused that needs no plan to be known.
///
/// # Errors
/// DuckDB's parser error; NotOneStatement; Refused.
pub(super) fn read(connection: &Connection, sql: &str) -> Result<Extracted> {
    if import::is_among_others(sql) {
        return Err(not_one());
    }
    calls::check(sql)?;
    guard::check_unplanned(connection, sql)?;
    refusal::check(connection, sql)?;
    Ok(connection.extract(sql)?)
}

/// Plans a statement and describes it, leaving nothing of either behind; the plan is handed over if it can be executed.
pub(super) fn foretell(
    connection: &Connection,
    in_transaction: bool,
    sql: &str,
    fidelity: Fidelity,
) -> Result<(Plan, Option<Prepared>)> {
    if import::folder(sql).is_some() {
        guard::check_import(connection)?;
        let told = describe(connection, &connection.prepare(text::NOTHING)?, fidelity)?;
        return Ok((told, None));
    }
    match plan(connection, sql)? {
        Planned::One(statement) => Ok((describe(connection, &statement, fidelity)?, Some(statement))),
        expanded => {
            let look = |last: &mut Prepared| describe(connection, last, fidelity);
            let mut plan = expanded.foresee(connection, in_transaction, sql, look)?;
            if plan.kind == StatementKind::CopyDatabase {
                // Copying the rows, which cannot be planned before the tables are there, gives their number.
                let columns: Arc<[Column]> =
                    [Column { name: "Count".to_owned(), ty: LogicalType::BigInt }].into();
                let schema = duck::types::arrow::arrow_schema(&columns, fidelity, "");
                (plan.returns, plan.shape) = (Returns::Count, ResultShape { columns, schema });
            }
            Ok((plan, None))
        }
    }
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

/// What a planned statement tells.
///
/// # Errors
/// As [`shape`].
fn describe(connection: &Connection, statement: &Prepared, fidelity: Fidelity) -> Result<Plan> {
    let columns: Arc<[Column]> = statement.columns();
    nul_names::check_columns(&columns)?;
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
        Kind::Select | Kind::Explain | Kind::Pragma | Kind::UpdateExtensions | Kind::Other => Returns::Rows,
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
/// DuckDB's, when it cannot tell the session's time zone; for a field whose name holds a NUL.
pub(super) fn shape(
    connection: &Connection,
    columns: Arc<[Column]>,
    fidelity: Fidelity,
) -> Result<ResultShape> {
    nul_names::check_columns(&columns)?;
    let zone = if columns.iter().any(|column| column.ty.has_time_zone()) {
        connection.time_zone()?
    } else {
        String::new()
    };
    let schema = duck::types::arrow::arrow_schema(&columns, fidelity, &zone);
    Ok(ResultShape { columns, schema })
}

//! Prepared statements: created by an action, bound by DoPut, run by DoGet or DoPut (FP).

use std::sync::Arc;

use arrow::compute::concat_batches;
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, Any,
    DoPutPreparedStatementResult,
};
use bytes::Bytes;

use super::decode::Upload;
use super::encode::Answer;
use super::messages::{PreparedStatementResult, wrap};
use super::query::{PlannedCommand, Query};
use super::schema::{flight_schema, ipc, parameter_schema};
use super::session::FlightSession;
use super::statement::{answer, changed_rows};
use super::tickets::Run;
use super::token::random_id;
use super::transaction::{self, admit_prepared, named, refuse_control};
use duck::types::Fidelity;
use duck::types::input::input_type;
use engine::{
    Bind, BindBy, BoundRows, Call, Error, ErrorKind, Execute, NamedStatement, PreparedStatement, Result,
    Returns, Statement,
};

/// CreatePreparedStatement.
///
/// # Errors
/// DuckDB's error, `NotOneStatement`, `LimitExceeded`, and the refusals of FT-2 and FT-5.
pub(super) async fn create(
    session: &Arc<FlightSession>,
    request: ActionCreatePreparedStatementRequest,
    call: &Arc<Call>,
) -> Result<Any> {
    let transaction = named(request.transaction_id);
    let turn = session.turn(call).await?;
    let room = session.engine.statement_room(&request.query)?;
    transaction::admit(&session.engine.transaction(), transaction.as_deref())?;
    let (prepared, _) = turn.prepare(request.query, Fidelity::Standard).await?;
    let plan = prepared.plan();
    refuse_control(plan.kind, transaction.as_ref())?;
    let is_update = plan.returns != Returns::Rows;
    let json = session.options.lock().json_style();
    let dataset_schema = if is_update { Bytes::new() } else { ipc(&flight_schema(&plan.shape, json))? };
    let parameter_schema = ipc(&parameter_schema(&plan.parameters))?;
    let handle = random_id()?;
    session.engine.name_statement(&handle, prepared, transaction.as_deref(), room);
    let result = PreparedStatementResult {
        prepared_statement_handle: handle,
        dataset_schema,
        parameter_schema,
        is_update: Some(is_update),
    };
    Ok(wrap("ActionCreatePreparedStatementResult", &result))
}

/// ClosePreparedStatement, which is idempotent (FP-9).
pub(super) fn close(session: &FlightSession, request: &ActionClosePreparedStatementRequest) {
    let Some(statement) = session.engine.close_statement(&request.prepared_statement_handle) else { return };
    let is_this = |query: &Query| matches!(query, Query::Prepared(other) if Arc::ptr_eq(other, &statement));
    if !session.engine.cursors().await_redemption(is_this) {
        statement.bind(None);
    }
}

/// Plans a PreparedStatementQuery.
///
/// # Errors
/// `NotFound` for an unknown handle, the refusals of FT-2, and DuckDB's error for a statement that no longer binds.
pub(super) async fn plan(
    session: &FlightSession,
    handle: &Bytes,
    call: &Arc<Call>,
) -> Result<PlannedCommand> {
    let statement = find(session, handle)?;
    admit(&statement, session)?;
    let prepared = refreshed(&statement, session, call).await?;
    let plan = prepared.plan();
    Ok(PlannedCommand {
        schema: flight_schema(&plan.shape, session.options.lock().json_style()),
        announced: plan.returns == Returns::Rows && plan.shape.is_resolved(),
        repeatable: !plan.changes(),
        query: Query::Prepared(Arc::clone(&statement)),
    })
}

/// Runs a prepared statement at its DoGet, with the rows bound to it now.
///
/// # Errors
/// DuckDB's error, `InvalidArgument` for rows that do not fit, and the refusals of FT-2.
pub(super) async fn run(
    session: Arc<FlightSession>,
    run: Run,
    statement: Arc<NamedStatement>,
) -> Result<Answer> {
    let turn = session.turn(&run.call).await?;
    admit(&statement, &session)?;
    let request = Execute { finish_writes: true, early_shape: true, ..request(&statement, None) };
    let rows = turn.execute(request).await?;
    Ok(answer(&session, rows, run))
}

/// DoPut(PreparedStatementQuery): replaces the bind (FP-4).
///
/// # Errors
/// `NotFound` for an unknown handle, `InvalidArgument` for rows that cannot be bound, `LimitExceeded`.
pub(super) async fn bind(
    session: &FlightSession,
    handle: Bytes,
    upload: Upload,
) -> Result<DoPutPreparedStatementResult> {
    let statement = find(session, &handle)?;
    let bound = read(session, upload).await?;
    check(&statement, bound.as_ref())?;
    statement.bind(bound);
    Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) })
}

/// DoPut(PreparedStatementUpdate): runs with its own rows, or with the bound ones if it brings none (FP-7).
///
/// # Errors
/// As [`run`].
pub(super) async fn update(
    session: &Arc<FlightSession>,
    handle: &Bytes,
    upload: Upload,
    call: &Arc<Call>,
) -> Result<i64> {
    let statement = find(session, handle)?;
    let own = read(session, upload).await?;
    check(&statement, own.as_ref())?;
    let turn = session.turn(call).await?;
    admit(&statement, session)?;
    let request = request(&statement, own.as_ref());
    let rows = turn.execute(request).await?;
    changed_rows(rows, statement.prepared().plan().kind).await
}

/// Whether the session's transaction lets a statement run now (FT-2, FT-4).
///
/// # Errors
/// `FailedPrecondition`.
pub(super) fn admit(statement: &NamedStatement, session: &FlightSession) -> Result<()> {
    admit_prepared(&session.engine.transaction(), statement.transaction())
}

/// A statement, planned again if its columns may have changed since: FlightInfo has to tell those of the stream that
/// follows (FY-1).
async fn refreshed(
    statement: &NamedStatement,
    session: &FlightSession,
    call: &Arc<Call>,
) -> Result<Arc<PreparedStatement>> {
    let prepared = statement.prepared();
    if prepared.plan().returns != Returns::Rows || session.engine.is_current(&prepared) {
        return Ok(prepared);
    }
    let turn = session.turn(call).await?;
    let (fresh, _) = turn.prepare(prepared.sql().to_owned(), Fidelity::Standard).await?;
    statement.renew(Arc::clone(&fresh));
    Ok(fresh)
}

/// An execution with rows of its own, or else with those bound to the statement.
fn request(statement: &NamedStatement, own: Option<&BoundRows>) -> Execute {
    let rows = own.map(|own| own.rows().clone()).or_else(|| statement.bound());
    Execute {
        bind: rows.map(|rows| Bind::new(rows, BindBy::NameElsePosition)),
        ..Execute::new(Statement::Prepared(statement.prepared()), Fidelity::Standard)
    }
}

/// The columns must be as many as the parameters (FP-5).
fn check(statement: &NamedStatement, bound: Option<&BoundRows>) -> Result<()> {
    let wanted = statement.prepared().plan().parameters.len();
    match bound.map(|bound| bound.rows().num_columns()) {
        Some(given) if given != wanted => {
            Err(Error::invalid(format!("The statement has {wanted} parameters, but {given} were bound")))
        }
        _ => Ok(()),
    }
}

pub(super) fn find(session: &FlightSession, handle: &[u8]) -> Result<Arc<NamedStatement>> {
    let found = session.engine.statement(handle);
    found.ok_or_else(|| Error::new(ErrorKind::NotFound, "Prepared statement not found"))
}

/// The rows to bind; none if there are no columns (FP-6).
async fn read(session: &FlightSession, mut upload: Upload) -> Result<Option<BoundRows>> {
    let Some(schema) = upload.schema().await?.filter(|schema| !schema.fields().is_empty()) else {
        while upload.next().await?.is_some() {}
        return Ok(None);
    };
    for field in schema.fields() {
        input_type(field)?;
    }
    let cursors = session.engine.cursors();
    let (mut batches, mut share) = (Vec::new(), cursors.hold(0)?);
    while let Some(batch) = upload.next().await? {
        share.add(cursors.hold(batch.get_array_memory_size())?);
        batches.push(batch);
    }
    let rows = concat_batches(&schema, &batches);
    let rows = rows.map_err(|e| Error::invalid(format!("The bound rows do not fit together: {e}")))?;
    Ok(Some(BoundRows::new(rows, share)))
}

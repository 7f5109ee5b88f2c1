//! Statements by SQL text: planned by GetFlightInfo, executed once by DoGet or DoPut (FQ).

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow_flight::sql::{CommandStatementQuery, CommandStatementUpdate};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::encode::Answer;
use super::query::{PlannedCommand, Query};
use super::schema::flight_schema;
use super::session::FlightSession;
use super::tickets::Run;
use super::transaction::{admit, named, refuse_control};
use duck::types::Fidelity;
use engine::{
    Call, Error, Execute, PreparedStatement, Result, ResultStream, Returns, Statement, StatementKind, Turn,
};

/// Whether transaction control runs while it is planned: GetFlightInfo runs it, GetSchema does not (FQ-3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Executes,
    IsPlanned,
}

/// Plans a StatementQuery.
///
/// # Errors
/// DuckDB's error, `NotOneStatement`, `LimitExceeded`, and the refusals of FT-2 and FT-5.
pub(super) async fn plan(
    session: &Arc<FlightSession>,
    command: CommandStatementQuery,
    control: Control,
    call: &Arc<Call>,
) -> Result<PlannedCommand> {
    let CommandStatementQuery { query: text, transaction_id } = command;
    session.engine.limits().check_statement(&text)?;
    let transaction = named(transaction_id);
    let turn = session.turn(call).await?;
    admit(&session.engine.transaction(), transaction.as_deref())?;
    let (statement, turn) = match turn.recall(&text) {
        Some(statement) => (statement, turn),
        None => {
            let (statement, turn) = plan_text(turn, &text, transaction.as_ref()).await?;
            turn.remember(&statement);
            (statement, turn)
        }
    };
    let plan = statement.plan();
    let schema = flight_schema(&plan.shape, session.options.lock().json_style());
    let announced = plan.returns == Returns::Rows && plan.shape.is_resolved();
    if plan.kind == StatementKind::Transaction && control == Control::Executes {
        turn.execute(Execute::sql(text, Fidelity::Standard)).await?;
        return Ok(PlannedCommand {
            query: Query::Done(Arc::clone(&schema)),
            schema,
            announced,
            repeatable: true,
        });
    }
    let (changes, planned) = (plan.changes(), Arc::downgrade(&statement));
    let query = Query::Sql { text, planned, transaction, changes };
    Ok(PlannedCommand { schema, announced, repeatable: !changes, query })
}

async fn plan_text(
    turn: Turn,
    text: &str,
    transaction: Option<&Bytes>,
) -> Result<(Arc<PreparedStatement>, Turn)> {
    let (statement, turn) = turn.prepare(text.to_owned(), Fidelity::Standard).await?;
    refuse_control(statement.plan().kind, transaction)?;
    Ok((statement, turn))
}

/// Runs SQL text at its DoGet.
///
/// # Errors
/// DuckDB's error, and the refusals of FT-2.
pub(super) async fn run(
    session: Arc<FlightSession>,
    run: Run,
    statement: Statement,
    transaction: Option<Bytes>,
) -> Result<Answer> {
    let turn = session.turn(&run.call).await?;
    admit(&session.engine.transaction(), transaction.as_deref())?;
    let request =
        Execute { finish_writes: true, early_shape: true, ..Execute::new(statement, Fidelity::Standard) };
    let rows = turn.execute(request).await?;
    Ok(answer(&session, rows, run))
}

/// A result as the answer of a DoGet; `guard` is kept until its last row.
pub(super) fn answer<G: Send + 'static>(session: &FlightSession, rows: ResultStream, guard: G) -> Answer {
    let schema = flight_schema(rows.shape(), session.options.lock().json_style());
    Answer { schema, batches: batches(rows, guard) }
}

fn batches<G: Send + 'static>(rows: ResultStream, guard: G) -> BoxStream<'static, Result<RecordBatch>> {
    stream::unfold((rows, guard), |(mut rows, guard)| async move {
        rows.next().await.map(|batch| (batch, (rows, guard)))
    })
    .boxed()
}

/// DoPut(StatementUpdate): the number of rows changed (FQ-8).
///
/// # Errors
/// DuckDB's error, `NotOneStatement`, `LimitExceeded`, and the refusals of FT-2 and FT-5.
pub(super) async fn update(
    session: &Arc<FlightSession>,
    command: CommandStatementUpdate,
    call: &Arc<Call>,
) -> Result<i64> {
    let CommandStatementUpdate { query: text, transaction_id } = command;
    session.engine.limits().check_statement(&text)?;
    let transaction = named(transaction_id);
    let turn = session.turn(call).await?;
    admit(&session.engine.transaction(), transaction.as_deref())?;
    let (statement, turn) = plan_text(turn, &text, transaction.as_ref()).await?;
    let kind = statement.plan().kind;
    let request = Execute::new(Statement::Prepared(statement), Fidelity::Standard);
    let rows = turn.execute(request).await?;
    changed_rows(rows, kind).await
}

/// Reads a result to its end: the sum of `Count`, the number of RETURNING rows, or 0 (FQ-8).
///
/// # Errors
/// DuckDB's error.
pub(super) async fn changed_rows(mut rows: ResultStream, kind: StatementKind) -> Result<i64> {
    use StatementKind::{Delete, Explain, Insert, Merge, Select, Update};
    let returns = rows.returns();
    let mut total = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        total += match (returns, kind) {
            (_, Select | Explain) => 0,
            (Returns::Rows, Insert | Update | Delete | Merge) => as_count(batch.num_rows())?,
            // DuckDB does not say so of CREATE TABLE … AS, but its `Count` is one all the same.
            _ => sum_of_count(&batch),
        };
    }
    Ok(total)
}

fn sum_of_count(batch: &RecordBatch) -> i64 {
    let count = batch.column_by_name("Count").filter(|_| batch.num_columns() == 1);
    let count = count.and_then(|column| column.as_primitive_opt::<Int64Type>());
    count.map_or(0, |count| count.iter().flatten().sum())
}

/// A number of rows as messages carry it.
///
/// # Errors
/// `Internal` when it does not fit.
pub(super) fn as_count(rows: usize) -> Result<i64> {
    i64::try_from(rows).map_err(|_| Error::internal("The number of rows does not fit its message"))
}

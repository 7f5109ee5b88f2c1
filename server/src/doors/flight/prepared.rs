//! Prepared statements: created by an action, bound by DoPut, run by DoGet or DoPut (FP).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, Any,
    DoPutPreparedStatementResult,
};
use bytes::Bytes;
use parking_lot::Mutex;

use super::decode::Upload;
use super::encode::Answer;
use super::messages::{PreparedStatementResult, wrap};
use super::query::{Planned, Query};
use super::schema::{flight_schema, ipc, parameter_schema};
use super::session::Session;
use super::statement::{answer, changed_rows};
use super::tickets::Run;
use super::token::random_id;
use super::transaction::{named, refuse_control};
use duck::types::Fidelity;
use duck::types::input::input_type;
use engine::{
    self, Bind, BindBy, CancelToken, Execute, PreparedStatement, Returns, Share, Target, Window,
    limit_exceeded,
};
use engine::{Error, ErrorKind, Result};

/// A statement prepared by a client.
pub(super) struct Statement {
    prepared: Mutex<Arc<PreparedStatement>>,
    /// The transaction it was created in (FT-4).
    transaction: Option<Bytes>,
    bind: Mutex<Option<Bound>>,
    /// What it takes of its user's limits until it is closed: one statement, and the bytes of its text.
    shares: Mutex<Vec<Share>>,
}

/// Rows, and the memory that they take of the user's limit.
struct Bound {
    rows: RecordBatch,
    _share: Share,
}

/// CreatePreparedStatement.
///
/// # Errors
/// DuckDB's error, `NotOneStatement`, `LimitExceeded`, and the refusals of FT-2 and FT-5.
pub(super) async fn create(
    session: &Arc<Session>,
    request: ActionCreatePreparedStatementRequest,
    cancel: &CancelToken,
) -> Result<Any> {
    let transaction = named(request.transaction_id);
    let _turn = session.turn(cancel).await?;
    let shares = session.room_for(&request.query)?;
    session.transaction.lock().admit(transaction.as_ref())?;
    let prepared = session.engine.prepare(request.query, Fidelity::Standard, cancel).await?;
    let plan = prepared.plan();
    refuse_control(plan.kind, transaction.as_ref())?;
    let is_update = plan.returns != Returns::Rows;
    let json = session.options.lock().json_style();
    let dataset_schema = if is_update { Bytes::new() } else { ipc(&flight_schema(&plan.shape, json))? };
    let parameter_schema = ipc(&parameter_schema(&plan.parameters))?;
    let handle = random_id()?;
    let (prepared, shares) = (Mutex::new(prepared), Mutex::new(shares));
    let statement = Statement { prepared, transaction, bind: Mutex::default(), shares };
    session.statements.lock().insert(handle.clone(), Arc::new(statement));
    let result = PreparedStatementResult {
        prepared_statement_handle: handle,
        dataset_schema,
        parameter_schema,
        is_update: Some(is_update),
    };
    Ok(wrap("ActionCreatePreparedStatementResult", &result))
}

/// ClosePreparedStatement, which is idempotent (FP-9).
pub(super) fn close(session: &Session, request: &ActionClosePreparedStatementRequest) {
    let closed = session.statements.lock().remove(&request.prepared_statement_handle);
    let Some(statement) = closed else { return };
    session.engine.discard(&statement.prepared());
    statement.shares.lock().clear();
    let is_this = |query: &Query| matches!(query, Query::Prepared(other) if Arc::ptr_eq(other, &statement));
    if !session.tickets.await_redemption(is_this) {
        statement.bind.lock().take();
    }
}

/// Plans a PreparedStatementQuery.
///
/// # Errors
/// `NotFound` for an unknown handle, the refusals of FT-2, and DuckDB's error for a statement that no longer binds.
pub(super) async fn plan(session: &Session, handle: &Bytes, cancel: &CancelToken) -> Result<Planned> {
    let statement = find(session, handle)?;
    statement.admit(session)?;
    let prepared = statement.refreshed(session, cancel).await?;
    let plan = prepared.plan();
    Ok(Planned {
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
pub(super) async fn run(session: Arc<Session>, run: Run<Query>, statement: Arc<Statement>) -> Result<Answer> {
    let _turn = session.turn(&run.cancel).await?;
    statement.admit(&session)?;
    let request = Execute { finish_writes: true, early_shape: true, ..statement.request(None) };
    let rows = session.engine.execute(request, run.cancel.clone()).await?;
    Ok(answer(&session, rows, run))
}

/// DoPut(PreparedStatementQuery): replaces the bind (FP-4).
///
/// # Errors
/// `NotFound` for an unknown handle, `InvalidArgument` for rows that cannot be bound, `LimitExceeded`.
pub(super) async fn bind(
    session: &Session,
    handle: Bytes,
    upload: Upload,
) -> Result<DoPutPreparedStatementResult> {
    let statement = find(session, &handle)?;
    let bound = read(session, upload).await?;
    statement.check(bound.as_ref())?;
    *statement.bind.lock() = bound;
    Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) })
}

/// DoPut(PreparedStatementUpdate): runs with its own rows, or with the bound ones if it brings none (FP-7).
///
/// # Errors
/// As [`run`].
pub(super) async fn update(session: &Arc<Session>, handle: &Bytes, upload: Upload) -> Result<i64> {
    let statement = find(session, handle)?;
    let own = read(session, upload).await?;
    statement.check(own.as_ref())?;
    let cancel = CancelToken::new();
    let _turn = session.turn(&cancel).await?;
    statement.admit(session)?;
    let request = statement.request(own.as_ref());
    let rows = session.engine.execute(request, cancel).await?;
    changed_rows(rows, statement.prepared().plan().kind).await
}

impl Statement {
    /// Whether the session's transaction lets it run now (FT-2, FT-4).
    ///
    /// # Errors
    /// `FailedPrecondition`.
    pub(super) fn admit(&self, session: &Session) -> Result<()> {
        session.transaction.lock().admit_prepared(self.transaction.as_ref())
    }

    /// How much memory its text takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.prepared().sql().len()
    }

    /// Whether running it may change anything.
    pub(super) fn changes(&self) -> bool {
        self.prepared().plan().changes()
    }

    fn prepared(&self) -> Arc<PreparedStatement> {
        Arc::clone(&self.prepared.lock())
    }

    /// The statement, planned again if its columns may have changed since: FlightInfo has to tell those of the stream
    /// that follows (FY-1).
    async fn refreshed(&self, session: &Session, cancel: &CancelToken) -> Result<Arc<PreparedStatement>> {
        let prepared = self.prepared();
        if prepared.plan().returns != Returns::Rows || session.engine.is_current(&prepared) {
            return Ok(prepared);
        }
        let _turn = session.turn(cancel).await?;
        let fresh = session.engine.prepare(prepared.sql().to_owned(), Fidelity::Standard, cancel).await?;
        *self.prepared.lock() = Arc::clone(&fresh);
        Ok(fresh)
    }

    fn request(&self, own: Option<&Bound>) -> Execute {
        let bound = |bound: &Bound| bound.rows.clone();
        let rows = own.map(bound).or_else(|| self.bind.lock().as_ref().map(bound));
        Execute {
            statement: engine::Statement::Prepared(self.prepared()),
            target: Target::default(),
            bind: rows.map(|rows| Bind { rows, by: BindBy::NameElsePosition }),
            window: Window::default(),
            fidelity: Fidelity::Standard,
            finish_writes: false,
            early_shape: false,
        }
    }

    /// The columns must be as many as the parameters (FP-5).
    fn check(&self, bound: Option<&Bound>) -> Result<()> {
        let wanted = self.prepared().plan().parameters.len();
        match bound.map(|bound| bound.rows.num_columns()) {
            Some(given) if given != wanted => {
                Err(Error::invalid(format!("The statement has {wanted} parameters, but {given} were bound")))
            }
            _ => Ok(()),
        }
    }
}

fn find(session: &Session, handle: &Bytes) -> Result<Arc<Statement>> {
    let found = session.statements.lock().get(handle).cloned();
    found.ok_or_else(|| Error::new(ErrorKind::NotFound, "Prepared statement not found"))
}

impl Session {
    /// What a statement of this text takes of the limits.
    ///
    /// # Errors
    /// `LimitExceeded`.
    fn room_for(&self, text: &str) -> Result<Vec<Share>> {
        self.limits.check_statement(text)?;
        let most = self.limits.session_prepared;
        if self.statements.lock().len() >= most {
            let what = "the prepared statements of this session";
            return Err(limit_exceeded(what, most, "--session-prepared-limit"));
        }
        Ok(vec![self.meters.prepared.take(1)?, self.tickets.hold(text.len())?])
    }
}

/// The rows to bind; none if there are no columns (FP-6).
async fn read(session: &Session, mut upload: Upload) -> Result<Option<Bound>> {
    let Some(schema) = upload.schema().await?.filter(|schema| !schema.fields().is_empty()) else {
        while upload.next().await?.is_some() {}
        return Ok(None);
    };
    for field in schema.fields() {
        input_type(field)?;
    }
    let (mut batches, mut share) = (Vec::new(), session.tickets.hold(0)?);
    while let Some(batch) = upload.next().await? {
        share.add(session.tickets.hold(batch.get_array_memory_size())?);
        batches.push(batch);
    }
    let rows = concat_batches(&schema, &batches);
    let rows = rows.map_err(|e| Error::invalid(format!("The bound rows do not fit together: {e}")))?;
    Ok(Some(Bound { rows, _share: share }))
}

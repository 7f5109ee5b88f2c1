//! Running a statement in a session: the one path from SQL to rows for every protocol.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::bind::Bind;
use super::cancel::CancelToken;
use super::channel::StreamShared;
use super::delivery::Delivery;
use super::expand::Ready;
use super::handle::Session;
use super::live::{self, Live};
use super::plan::{self, shape};
use super::prepared::PreparedStatement;
use super::result::ResultStream;
use super::script::Script;
use super::slot::Slot;
use super::target::Target;
use super::transaction;
use super::window::Window;
use crate::blocking;
use crate::error::{Error, Result};
use crate::sql::{self as text, lexer};
use duck::types::{Fidelity, ResultShape};
use duck::{Prepared, Returns, StatementKind};

/// How long a statement may take to its first rows before its columns are told without them.
const QUICK: Duration = Duration::from_millis(5);

/// A statement to run, and how.
#[derive(Debug)]
pub struct Execute {
    /// The statement.
    pub statement: Statement,
    /// Where it runs: as `USE` beforehand, lasting in the session (LQ-11).
    pub target: Target,
    /// Its parameters; several rows are several executions in order (FP-6).
    pub bind: Option<Bind>,
    /// The rows to deliver.
    pub window: Window,
    /// How values without an exact Arrow type are exported.
    pub fidelity: Fidelity,
    /// Whether a statement that changes anything runs to its end even if its caller goes away (FQ-2). Otherwise it
    /// is interrupted then, as reading statements always are.
    pub finish_writes: bool,
    /// Whether the columns of a statement that only reads are told as soon as they are known, before it runs (FQ-7).
    /// Errors of the execution come with the rows then.
    pub early_shape: bool,
}

/// The text or the handle of a statement.
#[derive(Debug, Clone)]
pub enum Statement {
    /// SQL text holding exactly one statement.
    Sql(String),
    /// SQL text holding one statement or more, which run in order; the result is the last one's (LQ-02).
    Script(Script),
    /// A statement prepared in the same session.
    Prepared(Arc<PreparedStatement>),
}

impl Statement {
    fn text(&self) -> &str {
        match self {
            Self::Sql(text) => text,
            Self::Script(script) => script.text(),
            Self::Prepared(handle) => handle.sql(),
        }
    }
}

impl Execute {
    /// Runs `sql` in the session as it stands, all rows.
    pub fn sql(sql: impl Into<String>, fidelity: Fidelity) -> Self {
        Self::new(Statement::Sql(sql.into()), fidelity)
    }

    /// Runs a statement without parameters in the session as it stands, all rows.
    pub fn new(statement: Statement, fidelity: Fidelity) -> Self {
        Self {
            statement,
            target: Target::default(),
            bind: None,
            window: Window::default(),
            fidelity,
            finish_writes: false,
            early_shape: false,
        }
    }
}

/// Interrupts the query when the call that runs it is dropped, unless it has come to an end or may not be stopped.
struct CancelOnDrop {
    token: CancelToken,
    armed: bool,
    shared: Arc<StreamShared>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.armed && !self.shared.is_protected() {
            self.token.cancel("the caller of this statement went away");
        }
    }
}

impl Session {
    /// Runs a statement; returns once its columns are known.
    ///
    /// Rows of a statement that only reads are computed as the stream is read. Any other statement has run to its
    /// end when this returns.
    ///
    /// # Errors
    /// DuckDB's error; NotOneStatement; Refused (LX-12, AC-05); `Cancelled`; SessionUnknown.
    pub async fn execute(self: &Arc<Self>, request: Execute, cancel: CancelToken) -> Result<ResultStream> {
        let noted = self.journal().begin(request.statement.text());
        let shared = StreamShared::new(noted, cancel.clone());
        let mut on_drop = CancelOnDrop { token: cancel.clone(), armed: true, shared: Arc::clone(&shared) };
        let turn = self.acquire(&cancel).await?;
        let (announce, started) = oneshot::channel();
        let early = request.early_shape;
        let (session, feed, cancelled) = (Arc::clone(self), Arc::clone(&shared), cancel.clone());
        blocking::start(move |thread| {
            let mut announce = Some(announce);
            let outcome = session.run(turn, thread, &cancel, |slot| {
                Job { session: &session, slot, shared: &feed }.run(&request, &mut announce)
            });
            let Err(error) = outcome else { return };
            let untold = match announce {
                Some(announce) => {
                    feed.note_failure(&error);
                    announce.send(Err(error)).err().and_then(Result::err)
                }
                None => Some(error),
            };
            if let Some(error) = untold {
                feed.fail(error);
            }
        });
        let started = cancelled.or_left(wait_for_start(started, early.then_some(&*shared))).await;
        on_drop.armed = false;
        let (shape, returns) = started?;
        Ok(ResultStream::new(shape, returns, Arc::clone(self), shared))
    }
}

/// Waits until the columns are known. Those of a planned execution count once it turns out to take its time: the rows
/// of a quick one are handed over together with them.
async fn wait_for_start(mut started: Started, planned: Option<&StreamShared>) -> Result<Start> {
    let died = |_| Error::internal("the server failed while running this statement");
    let Some(shared) = planned else { return started.await.map_err(died)? };
    let shape = tokio::select! {
        biased;
        started = &mut started => return started.map_err(died)?,
        shape = shared.foretold(QUICK) => shape,
    };
    // What was said in between still counts.
    started.close();
    started.try_recv().unwrap_or(Ok((shape, Returns::Rows)))
}

/// The columns of a result, and what it is.
type Start = (ResultShape, Returns);
type Started = oneshot::Receiver<Result<Start>>;
pub(super) type Announce = Option<oneshot::Sender<Result<Start>>>;

/// One execution on the session's connection.
pub(super) struct Job<'a> {
    session: &'a Arc<Session>,
    pub(super) slot: &'a mut Slot,
    pub(super) shared: &'a Arc<StreamShared>,
}

impl Job<'_> {
    fn run(mut self, request: &Execute, announce: &mut Announce) -> Result<()> {
        if !request.target.is_empty() {
            self.session.mark();
            self.slot.go_to(&request.target)?;
        }
        match &request.statement {
            Statement::Sql(sql) => self.run_text(sql, request, announce)?,
            Statement::Script(script) => script.run(&mut self, request, announce)?,
            Statement::Prepared(handle) => {
                let changes = self.slot.instance().changes();
                let planned = self.slot.take_plan(handle)?;
                let mut ready = planned.ready(self.slot, handle.sql())?;
                let started = self.start_noted(&mut ready, handle.sql(), request, announce);
                if ready.is_part {
                    self.keep_for_live(ready.statement);
                } else {
                    self.slot.keep_plan(handle, ready.statement, changes);
                }
                started?;
            }
        }
        self.pump(request, announce);
        Ok(())
    }

    /// Plans the one statement of a text, and starts it.
    pub(super) fn run_text(&mut self, sql: &str, request: &Execute, announce: &mut Announce) -> Result<()> {
        let planned = plan::plan(self.slot.connection()?, sql)?;
        let mut ready = planned.ready(self.slot, sql)?;
        self.start_noted(&mut ready, sql, request, announce)?;
        self.keep_for_live(ready.statement);
        Ok(())
    }

    fn keep_for_live(&mut self, statement: Prepared) {
        if let Some(live) = &mut self.slot.live {
            live.keep(statement);
        }
    }

    /// Computes the first rows of a live result. Its statement is kept by now, in case they fail.
    fn pump(&mut self, request: &Execute, announce: &mut Announce) {
        let Some(live) = self.slot.live.take() else { return };
        // With its columns foretold, a result may wait to see whether its first batch is its last.
        let batches = if request.early_shape { 2 } else { 1 };
        let shape = live.shape().clone();
        let announce = live::Announce::after(batches, || send(announce, shape, Returns::Rows));
        self.slot.live = live.pump_entered(|| self.session.is_wanted(), announce);
    }

    fn start_noted(
        &mut self,
        ready: &mut Ready,
        sql: &str,
        request: &Execute,
        announce: &mut Announce,
    ) -> Result<()> {
        let start = |job: &mut Self, statement: &mut Prepared| job.start(statement, request);
        // Only now: what the answer lets its client ask next has to know of the change.
        if let Some((shape, returns)) = self.noted(ready, sql, start)? {
            send(announce, shape, returns);
        }
        Ok(())
    }

    /// Executes a statement by `work`, and notes what it leaves in the session.
    pub(super) fn noted<T>(
        &mut self,
        ready: &mut Ready,
        sql: &str,
        work: impl FnOnce(&mut Self, &mut Prepared) -> Result<T>,
    ) -> Result<T> {
        let kind = ready.statement.kind();
        if !leaves_nothing(kind) || sets_seed(sql) {
            self.session.mark();
        }
        if kind != StatementKind::Select {
            self.slot.forget_if_moved(kind);
        }
        let outcome = work(self, &mut ready.statement);
        let outcome = transaction::settle(self.slot, ready.began, outcome);
        transaction::note(self.slot, kind, sql, outcome.is_ok());
        if outcome.is_ok()
            && matches!(kind, StatementKind::Set | StatementKind::Explain)
            && lexer::resets(sql, "TimeZone")
        {
            self.slot.connection()?.run(text::SESSION_ZONE)?;
        }
        if kind != StatementKind::Select {
            self.slot.instance().note_change();
        }
        outcome
    }

    /// What there is to tell of a statement that has run to its end; `None` while its rows are still to be computed.
    fn start(&mut self, statement: &mut Prepared, request: &Execute) -> Result<Option<Start>> {
        let kind = statement.kind();
        if kind != StatementKind::Select && request.finish_writes {
            self.shared.protect();
        }
        let rows = request.bind.as_ref().map_or(1, Bind::rows);
        if rows != 1 {
            return self.run_each(statement, request, rows);
        }
        if let Some(bind) = &request.bind {
            bind.apply(statement, 0)?;
        }
        if kind == StatementKind::Select {
            self.start_live(statement, request)?;
            Ok(None)
        } else {
            let mut result = statement.execute()?;
            let mut delivery = Delivery::new(self.slot, &mut result, request.fidelity, request.window)?;
            delivery.add(result)?;
            self.deliver(delivery).map(Some)
        }
    }

    fn start_live(&mut self, statement: &mut Prepared, request: &Execute) -> Result<()> {
        let pending = statement.start_streaming()?;
        let planned = shape(self.slot.connection()?, statement.columns(), request.fidelity)?;
        if request.early_shape && planned.is_resolved() {
            self.shared.foretell(planned.clone());
        }
        let mut result = pending.execute()?;
        let columns = result.columns();
        let shape = if columns == planned.columns {
            planned
        } else {
            shape(self.slot.connection()?, columns, request.fidelity)?
        };
        let instance = Arc::clone(self.slot.instance());
        if self.slot.in_transaction {
            self.shared.join_transaction();
        }
        let shared = Arc::clone(self.shared);
        let live = Live::new(result, shape, request.fidelity, request.window, shared, instance);
        self.slot.live = Some(live);
        Ok(())
    }

    /// Executes once per bound row; changing statements all or none (FP-6).
    fn run_each(
        &mut self,
        statement: &mut Prepared,
        request: &Execute,
        rows: usize,
    ) -> Result<Option<Start>> {
        let Some(bind) = &request.bind else { return Ok(None) };
        let cancel = &self.shared.cancel;
        let delivery = transaction::atomically(self.slot, |slot| {
            let mut delivery = None;
            for row in 0..rows {
                cancel.check()?;
                bind.apply(statement, row)?;
                // The rows of each go to the spool as they are computed, so that all of them need not fit into memory.
                let mut result = match statement.kind() {
                    StatementKind::Select => statement.start_streaming()?.execute()?,
                    _ => statement.execute()?,
                };
                let first = |result| Delivery::new(slot, result, request.fidelity, request.window);
                let mut so_far = delivery.take().map_or_else(|| first(&mut result), Ok)?;
                so_far.add(result)?;
                delivery = Some(so_far);
            }
            Ok(delivery)
        })?;
        match delivery {
            Some(delivery) => self.deliver(delivery),
            None => self.deliver_nothing(statement, request),
        }
        .map(Some)
    }

    /// Hands over results that are complete.
    fn deliver(&mut self, delivery: Delivery) -> Result<Start> {
        let (shape, returns, rows) = delivery.finish()?;
        self.shared.spooled(rows);
        Ok((shape, returns))
    }

    /// The empty result of a statement that was bound to zero rows.
    fn deliver_nothing(&mut self, statement: &Prepared, request: &Execute) -> Result<Start> {
        let shape = shape(self.slot.connection()?, statement.columns(), request.fidelity)?;
        self.shared.finish();
        Ok((shape, plan::returns(statement)))
    }
}

/// Whether a statement of this kind leaves its connection as it was, tables of the database aside.
fn leaves_nothing(kind: StatementKind) -> bool {
    use StatementKind as Kind;
    matches!(kind, Kind::Select | Kind::Insert | Kind::Update | Kind::Delete | Kind::Merge | Kind::Explain)
}

/// Whether a statement may set the seed of the session's random numbers, as any query may that calls `setseed`.
fn sets_seed(sql: &str) -> bool {
    lexer::mentions(sql, &["setseed"])
}

fn send(announce: &mut Announce, shape: ResultShape, returns: Returns) {
    if let Some(announce) = announce.take() {
        // The caller may have gone away; its stream is abandoned then.
        let _ = announce.send(Ok((shape, returns)));
    }
}

//! Running a statement in a session: the one path from SQL to rows for every protocol.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::atomic;
use super::bind::Bind;
use super::channel::Channel;
use super::delivery::Delivery;
use super::expand::Ready;
use super::flow::Flow;
use super::handle::Session;
use super::live::{self, Live};
use super::plan::{self, shape};
use super::prepared::PreparedStatement;
use super::pump::Place;
use super::script::Script;
use super::slot::Slot;
use super::target::Target;
use super::window::Window;
use crate::error::Result;
use crate::sql::{self as text, lexer};
use duck::types::{Fidelity, ResultShape};
use duck::{Prepared, Returns, StatementKind};

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
    pub(super) fn text(&self) -> &str {
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

/// The columns of a result, and what it is.
pub(super) type Start = (ResultShape, Returns);
pub(super) type Started = oneshot::Receiver<Result<Start>>;
pub(super) type Announce = Option<oneshot::Sender<Result<Start>>>;

/// One execution on the session's connection.
pub(super) struct Job<'a> {
    pub(super) session: &'a Arc<Session>,
    pub(super) slot: &'a mut Slot,
    pub(super) shared: &'a Arc<Channel>,
}

impl Job<'_> {
    pub(super) fn run(mut self, request: &Execute, announce: &mut Announce) -> Result<()> {
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
        let pumped = live.pump_entered(|| self.session.gate().occupancy().is_wanted(), announce);
        self.slot.keep_live(pumped);
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
        let outcome = atomic::settle(self.slot, ready.began, outcome);
        atomic::note(self.slot, kind, sql, outcome.is_ok());
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
            self.shared.update(Flow::protect);
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
        if self.slot.in_transaction() {
            self.shared.update(Flow::join_transaction);
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
        let delivery = atomic::atomically(self.slot, |slot| {
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
        self.shared.update(|flow| flow.spool_last(Box::new(rows)));
        Ok((shape, returns))
    }

    /// The empty result of a statement that was bound to zero rows.
    fn deliver_nothing(&mut self, statement: &Prepared, request: &Execute) -> Result<Start> {
        let shape = shape(self.slot.connection()?, statement.columns(), request.fidelity)?;
        self.shared.update(Flow::finish);
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

//! Executing a statement on the session's connection, and starting its result.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::atomic;
use super::bind::Bind;
use super::channel::Channel;
use super::delivery::Delivery;
use super::flow::Flow;
use super::handle::Session;
use super::live::Live;
use super::plan::{self, shape};
use super::pump::Place;
use super::ready::{Ready, ready};
use super::request::Execute;
use super::slot::Slot;
use crate::error::Result;
use crate::sql::{self as text, lexer};
use duck::types::ResultShape;
use duck::{Prepared, Returns, StatementKind};

/// The columns of a result, and what it is.
pub(super) type Start = (ResultShape, Returns);
pub(super) type Started = oneshot::Receiver<Result<Start>>;
pub(super) type Announcement = Option<oneshot::Sender<Result<Start>>>;

/// One execution on the session's connection.
pub(super) struct StatementRun<'a> {
    pub(super) session: &'a Arc<Session>,
    pub(super) slot: &'a mut Slot,
    pub(super) shared: &'a Arc<Channel>,
}

impl StatementRun<'_> {
    /// Plans the one statement of a text, and starts it.
    pub(super) fn run_text(
        &mut self,
        sql: &str,
        request: &Execute,
        announce: &mut Announcement,
    ) -> Result<()> {
        let planned = plan::plan(self.slot.connection()?, sql)?;
        let mut ready = ready(self.slot, planned, sql)?;
        self.start_noted(&mut ready, sql, request, announce)?;
        self.keep_for_live(ready.statement);
        Ok(())
    }

    /// Keeps a statement as long as its result is live.
    pub(super) fn keep_for_live(&mut self, statement: Prepared) {
        if let Some(live) = &mut self.slot.live {
            live.keep(statement);
        }
    }

    /// Executes a statement by `start`, and tells its columns if it has run to its end.
    pub(super) fn start_noted(
        &mut self,
        ready: &mut Ready,
        sql: &str,
        request: &Execute,
        announce: &mut Announcement,
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
        if kind != StatementKind::Select && may_make_macro(sql) {
            self.slot.instance().note_macros();
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
        if !request.ahead {
            self.shared.update(Flow::wait_for_reader);
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

/// Whether a statement may make a macro, by itself or once it is executed: no such text does without one of these words.
fn may_make_macro(sql: &str) -> bool {
    lexer::mentions(sql, &["macro", "function"])
}

/// Whether a statement may set the seed of the session's random numbers, as any query may that calls `setseed`.
fn sets_seed(sql: &str) -> bool {
    lexer::mentions(sql, &["setseed"])
}

pub(super) fn send(announce: &mut Announcement, shape: ResultShape, returns: Returns) {
    if let Some(announce) = announce.take() {
        // The caller may have gone away; its stream is abandoned then.
        let _ = announce.send(Ok((shape, returns)));
    }
}

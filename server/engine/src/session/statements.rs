//! Planning and preparing in a session.

use std::sync::Arc;

use super::handle::Session;
use super::plan::{Plan, foretell, plan};
use super::prepared::PreparedStatement;
use super::script::Part;
use super::target::{self, Target};
use super::turn::Turn;
use crate::call::Call;
use crate::error::Result;
use crate::sql::typed;
use duck::types::{Column, Fidelity, LogicalType};

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
        call: &Arc<Call>,
    ) -> Result<Plan> {
        let text = sql.clone();
        let planned = self.in_turn(call, move |slot| {
            let in_transaction = slot.in_transaction();
            target::visit(slot.connection()?, &to, |connection| {
                foretell(connection, in_transaction, &sql, fidelity).map(|(plan, _)| plan)
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
        call: &Arc<Call>,
    ) -> Result<Arc<PreparedStatement>> {
        self.turn(call).await?.prepare(sql, fidelity).await.map(|(statement, _)| statement)
    }

    /// Whether planning a statement of this session again would tell the same: nothing has changed since.
    pub fn is_current(&self, statement: &PreparedStatement) -> bool {
        statement.changes() == self.instance().changes()
    }

    /// Whether planning a statement of this session again would succeed and tell the same, so that it need not be
    /// done. Files of the host, where SQL may read them, change without notice.
    pub fn knows(&self, statement: &PreparedStatement) -> bool {
        let instance = self.instance();
        !self.is_closed()
            && !instance.is_broken()
            && instance.is_sealed()
            && !statement.plan().changes()
            && self.is_current(statement)
    }

    /// Has what a statement holds in DuckDB given back, as soon as the connection is free; waits for nothing. It may
    /// still be executed, by a ticket (FQ-5), and is planned again then.
    pub fn discard(self: &Arc<Self>, statement: &PreparedStatement) {
        statement.close();
        self.forget_soon(statement.number());
    }
}

impl Turn {
    /// Prepares a statement for later executions in its session.
    ///
    /// # Errors
    /// DuckDB's error; NotOneStatement; Refused.
    pub async fn prepare(self, sql: String, fidelity: Fidelity) -> Result<(Arc<PreparedStatement>, Self)> {
        let session = Arc::clone(self.session());
        session.mark();
        let (text, unneeded) = (sql.clone(), session.unneeded());
        let prepared = self.step(move |slot| {
            let changes = slot.instance().changes();
            let connection = slot.connection()?;
            let (plan, planned) = foretell(connection, slot.in_transaction(), &sql, fidelity)?;
            let statement = PreparedStatement::new(sql, plan, changes, unneeded);
            // Otherwise a plan may hold a file of the host (see `Plans::release`).
            if let Some(planned) = planned.filter(|_| slot.instance().is_sealed()) {
                slot.keep_plan(&statement, planned, changes);
            }
            Ok(statement)
        });
        prepared.await.inspect_err(|error| session.journal().fail(&text, error))
    }

    /// Whether all of these statements may be run, as far as that can be said before any of them ran; runs nothing.
    ///
    /// # Errors
    /// DuckDB's parser error; Refused.
    pub async fn judge(self, statements: Vec<String>) -> Result<Self> {
        let judged = self.step(move |slot| {
            let connection = slot.connection()?;
            statements.into_iter().try_for_each(|sql| Part::of(sql).judge(connection))
        });
        judged.await.map(|((), turn)| turn)
    }

    /// The columns that a statement will give once its parameters are of these types; executes nothing.
    ///
    /// # Errors
    /// DuckDB's.
    pub async fn resolve(self, sql: String, types: Vec<LogicalType>) -> Result<(Arc<[Column]>, Self)> {
        self.step(move |slot| {
            let (connection, text) = (slot.connection()?, typed::with_types(&sql, &types));
            plan(connection, &text)?.foresee(connection, slot.in_transaction(), &text, |planned| {
                let name = |column: &Column| typed::without_types(&column.name, &types);
                let renamed = |column: &Column| Column { name: name(column), ty: column.ty.clone() };
                Ok(planned.columns().iter().map(renamed).collect())
            })
        })
        .await
    }

    /// A statement of this text that was planned lately, if planning it again would tell the same.
    pub fn recall(&self, text: &str) -> Option<Arc<PreparedStatement>> {
        let session = self.session();
        let found = session.recent().find(text, |statement| session.is_current(statement));
        found.filter(|statement| session.knows(statement))
    }

    /// Keeps a planned statement for the next calls, until anything has changed.
    pub fn remember(&self, statement: &Arc<PreparedStatement>) {
        self.session().recent().keep(statement);
    }
}

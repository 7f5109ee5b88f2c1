//! What is to be executed, and how.

use std::sync::Arc;

use super::bind::Bind;
use super::prepared::PreparedStatement;
use super::script::Script;
use super::target::Target;
use super::window::Window;
use duck::types::Fidelity;

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
    /// Whether rows are computed ahead of their reader; not those of one who may stay away between one batch and the next
    /// (PW-15).
    pub ahead: bool,
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
            ahead: true,
        }
    }
}

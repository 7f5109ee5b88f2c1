//! What a tenant holds, for whoever looks after the server (CT-2).

use std::sync::Arc;

use super::Tenant;
use crate::blocking;
use crate::error::Result;

/// A tenant in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantState {
    /// The user's name.
    pub user: Arc<str>,
    /// Whether the user was declared, by a flag or since, rather than admitted by `--allow-any-user`.
    pub is_declared: bool,
    /// What the database takes in memory; `None` before it is first used.
    pub database_bytes: Option<u64>,
    /// Open sessions.
    pub sessions: usize,
    /// Statements that run, or whose rows are being read.
    pub open_statements: usize,
    /// Entries of the journal.
    pub journal_entries: usize,
    /// Fault rules.
    pub fault_rules: usize,
}

impl Tenant {
    /// What the tenant holds now.
    ///
    /// # Errors
    /// DuckDB's, for a database that does not answer.
    pub async fn state(&self) -> Result<TenantState> {
        let database_bytes = match self.instance() {
            None => None,
            Some(instance) => Some(blocking::run(move |_| instance.bytes()).await?),
        };
        Ok(TenantState {
            user: Arc::clone(self.name()),
            is_declared: self.is_declared(),
            database_bytes,
            sessions: self.sessions.len(),
            open_statements: self.sessions.count_busy(),
            journal_entries: self.journal().len(),
            fault_rules: self.faults().len(),
        })
    }
}

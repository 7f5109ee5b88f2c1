//! What a tenant, or the whole process, may hold at most; the server's flags fill it.
//!
//! Everything that a client can make grow has its limit here. A call that would pass one fails with
//! [`limit_exceeded`], which names the limit, its value and the flag; nobody else notices.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The limits; each field has the flag that its documentation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `--tenant-spool-limit`: bytes of results that wait in temporary files, per tenant; half of the free disk, at most
    /// 16 GiB, when `None` (FS-4).
    pub tenant_spool: Option<u64>,
    /// `--query-log-limit`: bytes of the query log, per tenant (LG-05).
    pub query_log: u64,
    /// `--journal-limit`: bytes of the journal, per tenant.
    pub journal: u64,
    /// `--fault-limit`: fault rules, per tenant (FR-1).
    pub faults: usize,
    /// `--snapshot-limit`: bytes of the snapshots, per tenant (SN-1).
    pub snapshots: u64,
    /// `--task-limit`: tasks that are pending or remembered for their failure, per tenant (TK-1).
    pub tasks: usize,
    /// `--tenant-session-limit`: open sessions, per tenant.
    pub tenant_sessions: usize,
    /// `--session-prepared-limit`: prepared statements, per session.
    pub session_prepared: usize,
    /// `--tenant-prepared-limit`: prepared statements, per tenant.
    pub tenant_prepared: usize,
    /// `--session-ticket-limit`: Flight tickets, per session.
    pub session_tickets: usize,
    /// `--tenant-ticket-limit`: Flight tickets, per tenant.
    pub tenant_tickets: usize,
    /// `--tenant-held-limit`: bytes of what prepared statements and tickets hold, bound rows
    /// included, per tenant.
    pub tenant_held: u64,
    /// `--undeclared-user-limit`: users, and API keys, that `--allow-any-user` admitted.
    pub undeclared: usize,
    /// `--tenant-limit`: tenants made over the control plane (CT-1).
    pub made_tenants: usize,
    /// `--project-event-limit`: bytes of events and identities, per analytics project.
    pub project_events: u64,
    /// `--statement-limit`: bytes of one SQL text.
    pub statement: u64,
    /// `--statement-timeout`: how long a statement may take; no limit when `None`.
    pub statement_timeout: Option<Duration>,
    /// `--tenant-concurrency`: statements that run at once, per tenant; more wait.
    pub tenant_concurrency: usize,
    /// `--memory-limit`: bytes that DuckDB may take for all tenants together; four fifths of what this machine or
    /// container has when `None`.
    pub memory: Option<u64>,
    /// `--tenant-lingering-limit`: cancelled statements that DuckDB has not let go of, per tenant.
    pub tenant_lingering: usize,
    /// `--thread-limit`: statements that run at once in the whole process, a thread each; more wait.
    pub threads: usize,
    /// `--row-key-limit`: different keys of the rows of one JSON body (LU-10).
    pub row_keys: usize,
    /// `--new-column-limit`: columns that one append adds to a table that is there (LP-06).
    pub new_columns: usize,
    /// `--arrow-message-limit`: bytes of one decompressed Arrow message, and of the dictionaries of a stream (LU-08, FY-7).
    pub arrow_message: u64,
    /// `--worker-threads`: threads of the process that share the work of longer statements; one per core when `None`.
    pub worker_threads: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tenant_spool: None,
            query_log: 8 * MIB,
            journal: 8 * MIB,
            faults: 100,
            snapshots: 4 * GIB,
            tasks: 1000,
            tenant_sessions: 4096,
            session_prepared: 4096,
            tenant_prepared: 16_384,
            session_tickets: 4096,
            tenant_tickets: 65_536,
            tenant_held: 512 * MIB,
            undeclared: 10_000,
            made_tenants: 10_000,
            project_events: GIB,
            statement: 64 * MIB,
            statement_timeout: None,
            tenant_concurrency: 256,
            memory: None,
            tenant_lingering: 16,
            threads: 4096,
            row_keys: 5000,
            new_columns: 200,
            arrow_message: GIB,
            worker_threads: None,
        }
    }
}

impl Limits {
    /// Refuses a statement that is too long.
    ///
    /// # Errors
    /// LimitExceeded.
    pub fn check_statement(&self, sql: &str) -> Result<()> {
        if sql.len() as u64 > self.statement {
            return Err(limit_exceeded("the text of a statement", Size(self.statement), "--statement-limit"));
        }
        Ok(())
    }
}

/// The error of rows that a limit bounds, which is told as the fault of the data; the rest as [`limit_exceeded`].
pub fn too_much_data(what: &str, limit: impl std::fmt::Display, flag: &str) -> Error {
    Error::new(ErrorKind::InvalidData, limit_exceeded(what, limit, flag).message())
}

/// Four fifths of the memory that this machine has, or the container in which the process runs; without end where neither
/// can be told.
pub(super) fn most_memory() -> u64 {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        Some(total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
    });
    let container = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .into_iter()
        .find_map(|file| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    machine.into_iter().chain(container).min().map_or(u64::MAX, |bytes| bytes / 5 * 4)
}

/// A number of bytes as people write it.
pub struct Size(pub u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [(40, "TB"), (30, "GB"), (20, "MB"), (10, "KB")];
        match units.iter().find(|(shift, _)| self.0 >= 1 << shift && self.0.trailing_zeros() >= *shift) {
            Some((shift, unit)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

/// The error of a call that would pass a limit: `what` as in `the open sessions of this user`, the limit as people
/// write it, and the flag that raises it.
pub fn limit_exceeded(what: &str, limit: impl std::fmt::Display, flag: &str) -> Error {
    let message = format!("Limit exceeded: {what} may be at most {limit}; raise it with {flag}");
    Error::new(ErrorKind::LimitExceeded, message)
}

//! The limits that flags set: their defaults and bounds.

use std::time::Duration;

use super::options::Options;
use super::resolve::{at_least_one, fault};
use super::size::ByteSize;
use engine::{EngineConfig, Limits, Result};

/// The limits, each with its default; none may be zero.
pub(super) fn limits(options: &Options) -> Result<Limits> {
    let default = limits_of_control(options, limits_of_rows(options)?)?;
    Ok(Limits {
        tenant_spool: options.tenant_spool_limit.map(ByteSize::bytes),
        query_log: size(options.query_log_limit, default.query_log),
        journal: size(options.journal_limit, default.journal),
        tenant_sessions: number(
            options.tenant_session_limit,
            default.tenant_sessions,
            "--tenant-session-limit",
        )?,
        session_prepared: number(
            options.session_prepared_limit,
            default.session_prepared,
            "--session-prepared-limit",
        )?,
        tenant_prepared: number(
            options.tenant_prepared_limit,
            default.tenant_prepared,
            "--tenant-prepared-limit",
        )?,
        session_tickets: number(
            options.session_ticket_limit,
            default.session_tickets,
            "--session-ticket-limit",
        )?,
        tenant_tickets: number(options.tenant_ticket_limit, default.tenant_tickets, "--tenant-ticket-limit")?,
        tenant_held: size(options.tenant_held_limit, default.tenant_held),
        undeclared: number(options.undeclared_user_limit, default.undeclared, "--undeclared-user-limit")?,
        project_events: size(options.project_event_limit, default.project_events),
        statement: size(options.statement_limit, default.statement),
        statement_timeout: options.statement_timeout.filter(|seconds| *seconds > 0).map(Duration::from_secs),
        tenant_concurrency: number(
            options.tenant_concurrency,
            default.tenant_concurrency,
            "--tenant-concurrency",
        )?,
        memory: options.memory_limit.map(ByteSize::bytes),
        tenant_lingering: number(
            options.tenant_lingering_limit,
            default.tenant_lingering,
            "--tenant-lingering-limit",
        )?,
        threads: number(options.thread_limit, default.threads, "--thread-limit")?,
        worker_threads: threads(options.worker_threads, "--worker-threads")?,
        ..default
    })
}

/// The limits of what is set over the control plane; all others as given.
fn limits_of_control(options: &Options, given: Limits) -> Result<Limits> {
    Ok(Limits {
        made_tenants: number(options.tenant_limit, given.made_tenants, "--tenant-limit")?,
        faults: number(options.fault_limit, given.faults, "--fault-limit")?,
        snapshots: size(options.snapshot_limit, given.snapshots),
        tasks: number(options.task_limit, given.tasks, "--task-limit")?,
        ..given
    })
}

/// The limits of what a load brings; all others as they are by default.
fn limits_of_rows(options: &Options) -> Result<Limits> {
    let default = Limits::default();
    Ok(Limits {
        row_keys: number(options.row_key_limit, default.row_keys, "--row-key-limit")?,
        new_columns: number(options.new_column_limit, default.new_columns, "--new-column-limit")?,
        arrow_message: size(options.arrow_message_limit, default.arrow_message),
        ..default
    })
}

fn number(given: Option<usize>, default: usize, flag: &str) -> Result<usize> {
    at_least_one(given, flag).map(|given| given.unwrap_or(default))
}

fn size(given: Option<ByteSize>, default: u64) -> u64 {
    given.map_or(default, ByteSize::bytes)
}

/// DuckDB's spelling of a size, checked here so that a bad one is a start-up fault.
pub(super) fn tenant_memory_limit(given: Option<String>) -> Result<String> {
    let Some(text) = given else { return Ok(EngineConfig::default().tenant_memory_limit) };
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let units = ["b", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib"];
    let good_unit = units.contains(&unit.trim().to_ascii_lowercase().as_str());
    match number.parse::<f64>() {
        Ok(number) if number > 0.0 && good_unit => Ok(text),
        _ => Err(fault(format!("--tenant-memory-limit \"{text}\" is no size: write 512MB or 4GB"))),
    }
}

/// More threads than any machine has cores are a slip, and the system might refuse them.
const MOST_THREADS: usize = 1024;

pub(super) fn threads(given: Option<usize>, flag: &str) -> Result<Option<usize>> {
    match at_least_one(given, flag)? {
        Some(given) if given > MOST_THREADS => {
            Err(fault(format!("{flag} {given} is too much: at most {MOST_THREADS} threads")))
        }
        given => Ok(given),
    }
}

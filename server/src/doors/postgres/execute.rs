//! Execute: running a portal, whole or in parts (PW-15, PW-16).

use std::sync::Arc;

use super::client::{Client, told};
use super::command::Command;
use super::copy::{self, CopyStatement};
use super::cursor::{self, Declaration, Fetch};
use super::encode::ValueFormat;
use super::extended::{portal, refresh};
use super::fault::Halt;
use super::faults;
use super::job::Job;
use super::report::{Result, SqlReport};
use super::run::{self, Sending};
use super::simple;
use super::statement::{Portal, PortalRows, State, are_same, changed, is_unknown};
use super::tag;
use super::transaction::{Block, aborted};
use super::types;
use super::wire::Wire;
use duck::types::{Column, Fidelity};
use engine::{Execute, PreparedStatement, Returns};

/// Runs a portal, up to so many rows if more than none.
///
/// # Errors
/// DuckDB's; 34000 for an unknown portal, 55000 for one that has run and gave no rows.
pub(super) async fn execute(
    client: &mut Client,
    wire: &mut Wire,
    name: &str,
    limit: i32,
) -> Result<(), Halt> {
    let portal = portal(client, name)?;
    let (statement, size) = (Arc::clone(&portal.statement), portal.size);
    if let State::Done { gave_rows } = portal.state {
        if !gave_rows {
            return Err(SqlReport::error("55000", format!("portal \"{name}\" cannot be run")).into());
        }
        wire.out.command_complete(&tag::selected(0));
        return Ok(());
    }
    if statement.command == Command::Sql && statement.prepared().is_none() {
        wire.out.empty_query();
        return Ok(());
    }
    if client.block == Block::Failed && !statement.command.ends_transaction() {
        return Err(aborted().into());
    }
    let job = client.begin("Execute", &statement.text);
    job.call().notes().count_bytes_in(size);
    let sent = wire.out.total();
    if !statement.oids.is_empty() {
        job.call().binds_values();
    }
    let outcome = match (faults::meet(client, wire, &job, statement.sql()).await, &statement.command) {
        (Err(halt), _) => Err(halt),
        (Ok(()), Command::Sql) => execute_sql(client, wire, &job, name, limit).await,
        (Ok(()), Command::Declare(declaration)) => {
            execute_declare(client, wire, &job, declaration, name).await
        }
        (Ok(()), Command::Fetch(fetch)) => execute_fetch(client, wire, &job, fetch, name).await,
        (Ok(()), Command::Copy(copy)) => execute_copy(client, wire, &job, copy, name).await,
        (Ok(()), command) => execute_own(client, wire, &job, command, name).await,
    };
    let outcome = faults::finish(client, wire, &job, outcome).await;
    job.ended(&outcome, wire.out.total() - sent);
    outcome
}

async fn execute_own(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    command: &Command,
    name: &str,
) -> Result<(), Halt> {
    let call = Arc::clone(job.call());
    let answer = wire.watch(client.run_own(command, &call)).await??;
    simple::write(&answer, false, &mut wire.out);
    if let Some(portal) = client.portals.get_mut(name) {
        portal.state = State::Done { gave_rows: answer.rows.is_some() };
    }
    Ok(())
}

async fn execute_declare(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    declaration: &Declaration,
    name: &str,
) -> Result<(), Halt> {
    if client.block == Block::Idle && wire.next_tag() != Some(b'S') {
        let call = Arc::clone(job.call());
        wire.watch(client.begin_implicit(&call)).await??;
    }
    let portal = portal(client, name)?;
    portal.state = State::Done { gave_rows: false };
    let prepared = (Arc::clone(&portal.statement), portal.bind.clone());
    cursor::declare(client, wire, job, declaration, Some(prepared)).await
}

async fn execute_fetch(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    fetch: &Fetch,
    name: &str,
) -> Result<(), Halt> {
    let portal = portal(client, name)?;
    portal.state = State::Done { gave_rows: true };
    let formats = portal.formats.iter().map(|code| ValueFormat::of(*code)).collect::<Result<Vec<_>>>()?;
    cursor::fetch(client, wire, job, fetch, Some(&formats)).await
}

/// Starts a portal's statement, whose rows are to be read in parts.
///
/// # Errors
/// DuckDB's.
pub(super) async fn begin_rows(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    portal: &mut Portal,
) -> Result<(), Halt> {
    let stream = start(client, wire, job, portal, false).await?;
    let cancel = job.call().cancel().clone();
    let columns = portal.statement.typed(Arc::clone(&stream.shape().columns));
    portal.told = Some(Arc::clone(&columns));
    portal.state = State::Rows(Box::new(PortalRows { stream, columns, cancel }));
    Ok(())
}

async fn execute_copy(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    copy: &Result<CopyStatement>,
    name: &str,
) -> Result<(), Halt> {
    if client.block == Block::Idle && wire.next_tag() != Some(b'S') {
        let call = Arc::clone(job.call());
        wire.watch(client.begin_implicit(&call)).await??;
    }
    if let Some(portal) = client.portals.get_mut(name) {
        portal.state = State::Done { gave_rows: false };
    }
    copy::run(client, wire, job, copy).await
}

async fn execute_sql(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    name: &str,
    limit: i32,
) -> Result<(), Halt> {
    let _limit = client.limit_time(job.call().cancel());
    // With nothing but a Sync behind it, a statement is its own transaction; otherwise it may be one of several.
    if client.block == Block::Idle && wire.next_tag() != Some(b'S') {
        let call = Arc::clone(job.call());
        wire.watch(client.begin_implicit(&call)).await??;
    }
    let mut portal = client.portals.remove(name).ok_or(Halt::Gone)?;
    let ran = run_portal(client, wire, job, &mut portal, limit).await;
    // What has ended the transaction has ended its portals.
    client.portals.insert(name.to_owned(), portal);
    ran
}

async fn run_portal(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    portal: &mut Portal,
    limit: i32,
) -> Result<(), Halt> {
    let statement = Arc::clone(&portal.statement);
    let sql = statement.sql();
    let prepared = statement.prepared().ok_or(Halt::Gone)?;
    let kind = prepared.plan().kind;
    let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    if let State::Ready = portal.state {
        let stream = start(client, wire, job, portal, limit == usize::MAX).await?;
        let returns = stream.returns();
        if returns != Returns::Rows || tag::counts(kind, &stream.shape().columns) {
            portal.state = State::Done { gave_rows: false };
            let rows = run::count(wire, stream, sql).await?;
            wire.out.command_complete(&tag::tag(sql, kind, returns, rows));
            return Ok(());
        }
        let cancel = job.call().cancel().clone();
        let columns = statement.typed(Arc::clone(&stream.shape().columns));
        portal.state = State::Rows(Box::new(PortalRows { stream, columns, cancel }));
    }
    let State::Rows(rows) = &mut portal.state else { return Ok(()) };
    client.running.set(vec![job.call().cancel().clone(), rows.cancel.clone()]);
    let formats = portal.formats.iter().map(|code| ValueFormat::of(*code)).collect::<Result<Vec<_>>>()?;
    let how = Sending { sql, told: portal.told.as_ref(), formats: &formats, limit, is_sent: true };
    let sent = match rows.send(wire, job, how).await {
        Ok(sent) => sent,
        Err(fault) => {
            portal.state = State::Done { gave_rows: true };
            return Err(fault);
        }
    };
    if sent.is_all {
        portal.state = State::Done { gave_rows: true };
        wire.out.command_complete(&tag::tag(sql, kind, Returns::Rows, sent.rows as u64));
    } else {
        wire.out.portal_suspended();
    }
    Ok(())
}

/// Starts a portal's statement, and checks that it gives what was told of it. Rows that are read in parts are not computed
/// ahead: a portal may stay suspended for long.
async fn start(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    portal: &Portal,
    ahead: bool,
) -> Result<engine::ResultStream, Halt> {
    let statement = &portal.statement;
    let reads = |prepared: &PreparedStatement| !prepared.plan().changes();
    if statement.prepared().is_some_and(|prepared| !reads(&prepared)) {
        refresh(client, wire, statement).await?;
    }
    let prepared = statement.prepared().ok_or(Halt::Gone)?;
    client.savepoints.note(prepared.plan().changes());
    let planned = Arc::clone(&prepared.plan().shape.columns);
    let request = Execute {
        bind: portal.bind.clone(),
        ahead,
        ..Execute::new(engine::Statement::Prepared(prepared), Fidelity::Exact)
    };
    if let Some(catalog) = &statement.catalog {
        wire.watch(client.set_all(&catalog.settings, portal.bind.as_ref(), job.call())).await??;
    }
    let started = wire.watch(client.session.execute(request, job.call())).await?;
    let stream = started.map_err(told(statement.sql()))?;
    let actual = &statement.typed(Arc::clone(&stream.shape().columns));
    let is_told = portal.told.as_ref().is_none_or(|told| {
        if is_unknown(told) {
            return told.len() == actual.len();
        }
        let same = |(told, actual): (&Column, &Column)| types::oid(&told.ty) == types::oid(&actual.ty);
        told.len() == actual.len() && told.iter().zip(actual.iter()).all(same)
    });
    if stream.returns() == Returns::Rows && !(are_same(&planned, &stream.shape().columns) && is_told) {
        return Err(changed().into());
    }
    Ok(stream)
}

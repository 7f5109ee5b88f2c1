//! Faults that a rule makes, in PostgreSQL's words (FR-3).

use std::sync::Arc;

use super::client::Client;
use super::fault::Halt;
use super::job::Job;
use super::report::SqlReport;
use super::wire::Wire;
use engine::{ActingFault, Call, CallStatus, FaultAfter, FaultCut, FaultEnd, FaultReply};

/// Something begins that runs or plans that statement, and is about to take effect.
///
/// # Errors
/// What a rule has its client told in the place of an answer, or that it is cut off.
pub(super) async fn meet(client: &Client, wire: &mut Wire, job: &Job, sql: &str) -> Result<(), Halt> {
    let call = job.call();
    if !call.is_faced() {
        return Ok(());
    }
    call.names_session(client.session.id());
    call.is_about(sql);
    meet_rule(wire, call).await
}

/// As [`meet`], of a login.
///
/// # Errors
/// As [`meet`]; whatever its client is told ends the connection.
pub(super) async fn meet_login(wire: &mut Wire, job: &Job) -> Result<(), Halt> {
    if !job.call().is_faced() {
        return Ok(());
    }
    match meet_rule(wire, job.call()).await {
        Err(Halt::Told(report)) => Err(report.into_fatal().into()),
        Ok(()) => match job.call().acting().filter(|acting| acting.effects().loses_answer) {
            Some(acting) => Err(end(wire, job.call(), acting).await),
            None => Ok(()),
        },
        Err(Halt::Gone) => Err(Halt::Gone),
    }
}

async fn meet_rule(wire: &mut Wire, call: &Arc<Call>) -> Result<(), Halt> {
    // What was answered before is none of its matter.
    wire.flush().await?;
    let met = wire.watch(call.meet()).await?;
    let Some(acting) = call.acting() else { return Ok(met.map_err(|error| SqlReport::of(&error, ""))?) };
    let effects = acting.effects();
    if effects.stops_at_once() {
        return Err(end(wire, call, acting).await);
    }
    met.map_err(|error| SqlReport::of(&error, ""))?;
    if effects.expires {
        return Err(SqlReport::fatal("57P05", "terminating connection due to idle-session timeout").into());
    }
    wire.obey(acting);
    Ok(())
}

/// How many rows are sent before a rule strikes, if one is to.
pub(super) fn rows_before(call: &Call) -> Option<(Arc<ActingFault>, usize)> {
    let acting = call.acting()?;
    let Some(FaultAfter::Rows(rows)) = acting.effects().after else { return None };
    Some((Arc::clone(acting), usize::try_from(rows).unwrap_or(usize::MAX)))
}

/// What has run ends: an answer that is not to arrive is lost.
///
/// # Errors
/// What became of it, or what a rule has in its place.
pub(super) async fn finish(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    outcome: Result<(), Halt>,
) -> Result<(), Halt> {
    let Some(acting) = job.call().acting().cloned() else { return outcome };
    if acting.effects().loses_answer {
        // What is its own transaction is committed, unless it has failed.
        let failed = outcome.is_err();
        let _ = client.finish_implicit(failed).await;
        wire.forget();
        return Err(end(wire, job.call(), &acting).await);
    }
    wire.flush().await?;
    wire.obey_nobody();
    outcome
}

/// The end that a rule has in the place of an answer's own.
pub(super) async fn end(wire: &mut Wire, call: &Call, acting: &ActingFault) -> Halt {
    wire.obey_nobody();
    match &acting.effects().end {
        Some(FaultEnd::Reply(reply)) => made(reply).into(),
        Some(FaultEnd::Cut(cut)) => cut_off(wire, call, *cut).await,
        None => cut_off(wire, call, FaultCut::Close).await,
        Some(FaultEnd::Hang) => {
            if wire.watch(acting.released()).await.is_err() {
                return Halt::Gone;
            }
            cut_off(wire, call, FaultCut::Close).await
        }
    }
}

async fn cut_off(wire: &mut Wire, call: &Call, cut: FaultCut) -> Halt {
    call.fail("a fault rule of the control plane cut the connection");
    wire.cut(cut).await;
    Halt::Gone
}

fn made(reply: &FaultReply) -> SqlReport {
    match reply.status {
        CallStatus::SqlState(code) => SqlReport::made(code, &reply.message, reply.is_fatal),
        CallStatus::Http(_) | CallStatus::Grpc(_) | CallStatus::Unanswered => {
            SqlReport::error("XX000", &*reply.message)
        }
    }
}

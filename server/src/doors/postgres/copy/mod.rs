//! COPY with the client: its rows come as messages, or go as messages (PW-29, PW-30).
//!
//! What a statement says is read by [`statement`] and [`options`]. [`out`] sends rows, which [`write`] writes; [`input`] takes
//! them: [`lines`] and [`binary`] cut what comes into values, of which [`columns`] makes what the engine loads.

mod binary;
mod columns;
mod input;
mod lines;
mod options;
mod out;
mod records;
mod statement;
mod values;
mod write;

use super::client::Client;
use super::fault::Halt;
use super::job::Job;
use super::report::Result;
use super::tag;
use super::transaction::{Block, aborted};
use super::wire::Wire;

pub(super) use self::statement::{CopyStatement, read};

/// Runs a COPY to its end, its answer included.
///
/// # Errors
/// What is wrong with the statement, its rows, or their place.
pub(super) async fn run(
    client: &mut Client,
    wire: &mut Wire,
    job: &Job,
    copy: &Result<CopyStatement>,
) -> Result<(), Halt> {
    if client.block == Block::Failed {
        return Err(aborted().into());
    }
    let copy = copy.as_ref().map_err(Clone::clone)?;
    let _limit = client.limit_time(job.call().cancel());
    let rows = if copy.is_from {
        client.savepoints.note(true);
        input::run(client, wire, job, copy).await?
    } else {
        out::run(client, wire, job, copy).await?
    };
    wire.out.command_complete(&tag::copied(rows));
    Ok(())
}

//! Group commit: small appends that wait for the same table become one INSERT.
//!
//! An INSERT of one row costs DuckDB as much as one of a thousand: planning and committing are most of it. So the first
//! small append to a table starts a leader, which inserts whatever has come in the meantime, again and again until
//! nothing waits. Appends that DuckDB may refuse, or that change the table, are given back to run alone, and so are all
//! that were to share an INSERT that failed: sharing is never visible, except in speed.

use std::sync::Arc;
use std::time::Duration;

use arrow::compute::concat_batches;

use super::appended::{Append, AppendGroup};
use super::kept::{KeptInsert, insert_kept};
use super::kinds::Kinds;
use super::queue::{Gathered, Lead, WaitingAppend};
use super::spare::AppendSession;
use crate::call::Call;
use crate::clock;
use crate::error::{Error, Result};
use crate::session::Slot;
use crate::tenant::Tenant;

/// How long a leader inserts before other loads into its table have their turn.
const ROUND: Duration = Duration::from_millis(50);

impl Tenant {
    /// Adds rows to a table together with those of other requests; `None` once they are committed. An append that
    /// cannot share, or whose table does not take its rows just so, comes back unchanged: it has to run alone.
    ///
    /// # Errors
    /// Internal when the leader failed midway.
    pub async fn append_together(self: &Arc<Self>, append: Append, call: &Call) -> Result<Option<Append>> {
        if !append.is_small() {
            return Ok(Some(append));
        }
        call.check(self.name())?;
        call.notes().loads_into(&append.target.table);
        let (answered, to_lead) = self.appends().enqueue(append.target.lowercase(), append);
        if let Some(to_lead) = to_lead {
            tokio::spawn(lead(Arc::clone(self), to_lead));
        }
        match answered.await {
            Ok(Gathered::Stored) => Ok(None),
            Ok(Gathered::Alone(append)) => Ok(Some(append)),
            Err(_) => {
                Err(Error::internal("the rows may or may not have been stored; the server's log says why"))
            }
        }
    }
}

impl Tenant {
    /// A session for shared appends, which is one of the tenant's until it is given [back](Self::end_appends).
    async fn append_session(self: &Arc<Self>) -> Result<AppendSession> {
        match self.appends().spare().take() {
            Some(kept) if !kept.is_over() => match self.readmit(&kept.session).await {
                Ok(()) => Ok(kept),
                Err(fault) => {
                    kept.close().await;
                    Err(fault)
                }
            },
            over => {
                if let Some(over) = over {
                    over.close().await;
                }
                Ok(AppendSession { session: self.open_session().await?, insert: None })
            }
        }
    }

    /// Gives it back; what is not kept has to be closed.
    fn end_appends(&self, ended: AppendSession) -> Option<AppendSession> {
        self.sessions().remove(ended.session.id());
        self.appends().spare().keep(ended)
    }
}

/// Stores what waits for a table, in a session that appends keep.
async fn lead(tenant: Arc<Tenant>, mut lead: Lead) {
    let mut own = match tenant.append_session().await {
        Ok(own) => own,
        // Those that wait meet the fault themselves.
        Err(fault) => return tracing::debug!(%fault, "appends cannot share a session"),
    };
    let table = lead.table.table_ref();
    let round_of = Call::of_server("shared appends");
    loop {
        let session = Arc::clone(&own.session);
        // Between two rounds a load that wants the table for itself has its turn.
        let guard = session.instance().loads().share(&table).await;
        let (of, timed) = (Arc::clone(&tenant), Arc::clone(&session));
        let round = move |slot: &mut Slot| {
            let _guard = guard;
            let begun = clock::moment();
            while begun.elapsed() < ROUND {
                let Some(waiting) = lead.next() else { return Ok(Round::Over(of.end_appends(own))) };
                // What has come since the round began may have come after the clock was set (CX-4).
                timed.keep_time(slot)?;
                store(slot, waiting, &mut own.insert);
            }
            Ok(Round::Left(lead, own))
        };
        match session.in_turn(&round_of, round).await {
            Ok(Round::Left(left, again)) => (lead, own) = (left, again),
            Ok(Round::Over(None)) => return,
            Ok(Round::Over(Some(unkept))) => return unkept.close().await,
            Err(fault) => {
                tracing::debug!(%fault, "a session of shared appends ended early");
                tenant.sessions().remove(session.id());
                return session.close().await;
            }
        }
    }
}

/// What a round leaves.
enum Round {
    /// Appends that wait, and the session.
    Left(Lead, AppendSession),
    /// Nothing but, perhaps, a session to be closed.
    Over(Option<AppendSession>),
}

/// Stores appends, those of one shape in one INSERT.
fn store(slot: &mut Slot, waiting: Vec<WaitingAppend>, kept: &mut Option<KeptInsert>) {
    let mut shapes: Vec<Vec<WaitingAppend>> = Vec::new();
    // A request that its client has left is not begun.
    for waiting in waiting.into_iter().filter(|waiting| !waiting.is_left()) {
        match shapes.iter_mut().find(|alike| alike[0].append.has_shape_of(&waiting.append)) {
            Some(alike) => alike.push(waiting),
            None => shapes.push(vec![waiting]),
        }
    }
    for alike in shapes {
        let appends: Vec<&Append> = alike.iter().map(|waiting| &waiting.append).collect();
        let stored = match appends.as_slice() {
            [one] => insert_kept(slot, one, kept),
            several => merge(several).and_then(|append| insert_kept(slot, &append, kept)),
        };
        match stored {
            Ok(true) => alike.into_iter().for_each(WaitingAppend::stored),
            Ok(false) | Err(_) => alike.into_iter().for_each(WaitingAppend::give_back),
        }
    }
}

/// One append with the rows of several of the same shape.
fn merge(appends: &[&Append]) -> Result<Append> {
    let groups: Vec<&AppendGroup> = appends.iter().flat_map(|append| &append.groups).collect();
    let rows = concat_batches(&groups[0].rows.schema(), groups.iter().map(|group| &group.rows))
        .map_err(|fault| Error::internal(format!("rows cannot be put together: {fault}")))?;
    let mut merged = appends[0].clone();
    for (at, column) in merged.columns.iter_mut().enumerate() {
        column.kinds =
            appends.iter().map(|append| &append.columns[at].kinds).fold(Kinds::default(), Kinds::with);
    }
    merged.groups = vec![AppendGroup { columns: groups[0].columns.clone(), rows }];
    Ok(merged)
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;

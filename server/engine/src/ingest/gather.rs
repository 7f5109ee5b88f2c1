//! Group commit: small appends that wait for the same table become one INSERT.
//!
//! An INSERT of one row costs DuckDB as much as one of a thousand: planning and committing are most of it. So the first
//! small append to a table starts a leader, which inserts whatever has come in the meantime, again and again until
//! nothing waits. Appends that DuckDB may refuse, or that change the table, are given back to run alone, and so are all
//! that were to share an INSERT that failed: sharing is never visible, except in speed.

use std::sync::Arc;
use std::time::Duration;

use arrow::compute::concat_batches;

use super::append::insert_fitting;
use super::appended::{Append, AppendGroup};
use super::kinds::Kinds;
use super::queue::{Gathered, Lead, WaitingAppend};
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

/// Stores what waits for a table, in a session of its own.
async fn lead(tenant: Arc<Tenant>, mut lead: Lead) {
    let session = match tenant.open_session().await {
        Ok(session) => session,
        // Those that wait meet the fault themselves.
        Err(fault) => return tracing::debug!(%fault, "appends cannot share a session"),
    };
    let table = lead.table.table_ref();
    let round_of = Call::of_server("shared appends");
    loop {
        // Between two rounds a load that wants the table for itself has its turn.
        let guard = session.instance().loads().share(&table).await;
        let round = move |slot: &mut Slot| {
            let _guard = guard;
            let begun = clock::moment();
            while begun.elapsed() < ROUND {
                let Some(waiting) = lead.next() else { return Ok(None) };
                store(slot, waiting);
            }
            Ok(Some(lead))
        };
        match session.in_turn(&round_of, round).await {
            Ok(Some(left)) => lead = left,
            Ok(None) => break,
            Err(fault) => {
                tracing::debug!(%fault, "a session of shared appends ended early");
                break;
            }
        }
    }
    tenant.sessions().remove(session.id());
    session.close().await;
}

/// Stores appends, those of one shape in one INSERT.
fn store(slot: &mut Slot, waiting: Vec<WaitingAppend>) {
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
            [one] => insert_fitting(slot, one),
            several => merge(several).and_then(|append| insert_fitting(slot, &append)),
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
mod tests {
    use arrow::array::{ArrayRef, Int8Array, StringArray};
    use arrow::record_batch::RecordBatch;

    use super::super::{AppendColumn, IngestTarget};
    use super::*;
    use crate::{Account, Engine, EngineConfig};

    /// An append of one integer to column `id` of table `t`.
    fn one(id: i128) -> Append {
        let target = IngestTarget {
            catalog: Some("memory".to_owned()),
            schema: Some("main".to_owned()),
            table: "t".to_owned(),
            temporary: false,
        };
        let kinds = Kinds { integers: Some((id, id)), ..Kinds::default() };
        let columns: [(&str, ArrayRef); 2] = [
            ("c0", Arc::new(StringArray::from(vec![id.to_string()]))),
            ("c1", Arc::new(Int8Array::from(vec![0]))),
        ];
        Append {
            target,
            columns: vec![AppendColumn { name: "id".to_owned(), kinds, ty: None }],
            groups: vec![AppendGroup {
                columns: vec![0],
                rows: RecordBatch::try_from_iter(columns).unwrap(),
            }],
        }
    }

    /// Appends each of `ids` at the same time, and gives back those that have to run alone.
    async fn append_all(table: &str, ids: &[i128]) -> (Vec<i128>, Vec<String>) {
        let account = Account { name: "alice".to_owned(), password: "secret".to_owned() };
        let engine = Engine::new(EngineConfig { users: vec![account], ..EngineConfig::default() });
        let tenant = engine.authenticate("alice", "secret").unwrap();
        let session = tenant.open_session().await.unwrap();
        let table = table.to_owned();
        let call = Call::of_server("test");
        session.in_turn(&call, move |slot| Ok(slot.connection()?.run(&table)?)).await.unwrap();
        let appends = ids.iter().map(|id| tenant.append_together(one(*id), &call));
        let answers = futures::future::join_all(appends).await;
        let refused = ids.iter().zip(answers).filter(|(_, answer)| answer.as_ref().unwrap().is_some());
        let refused = refused.map(|(id, _)| *id).collect();
        // The leader answers first and leaves then.
        while !tenant.appends().is_empty() {
            tokio::task::yield_now().await;
        }
        let read = |slot: &mut Slot| {
            Ok(slot.connection()?.query("SELECT id::VARCHAR FROM t ORDER BY t.id")?.text_rows()?)
        };
        let stored = session.in_turn(&call, read).await.unwrap();
        (refused, stored.into_iter().flatten().flatten().collect())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn appends_at_the_same_time_are_all_stored() {
        let ids: Vec<i128> = (100..300).collect();
        let (refused, stored) = append_all("CREATE TABLE t (id BIGINT)", &ids).await;
        assert_eq!(refused, []);
        assert_eq!(stored, ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_table_does_not_take_just_so_comes_back() {
        // The first is alone in its INSERT, the others share theirs: one that fails gives all of them back.
        let (refused, stored) = append_all("CREATE TABLE t (id TINYINT)", &[1, 2, 1000, 4]).await;
        assert!(refused.contains(&1000) && !stored.contains(&"1000".to_owned()));
        assert_eq!(refused.len() + stored.len(), 4, "{refused:?} {stored:?}");
        let (refused, stored) = append_all("CREATE TABLE t (id BIGINT CHECK (id < 10))", &[50, 60]).await;
        assert_eq!((refused, stored.len()), (vec![50, 60], 0));
    }

    #[test]
    fn a_merged_append_has_the_rows_and_kinds_of_all() {
        let (first, second) = (one(5), one(-7));
        let merged = merge(&[&first, &second]).unwrap();
        assert_eq!(merged.groups[0].rows.num_rows(), 2);
        assert_eq!(merged.columns[0].kinds.integers, Some((-7, 5)));
    }
}

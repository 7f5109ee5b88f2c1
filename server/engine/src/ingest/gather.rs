//! Group commit: small appends that wait for the same table become one INSERT.
//!
//! An INSERT of one row costs DuckDB as much as one of a thousand: planning and committing are most of it. So the first
//! small append to a table starts a leader, which inserts whatever has come in the meantime, again and again until
//! nothing waits. Appends that DuckDB may refuse, or that change the table, are given back to run alone, and so are all
//! that were to share an INSERT that failed: sharing is never visible, except in speed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use arrow::compute::concat_batches;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::append::{Append, AppendGroup, insert_fitting};
use super::{IngestTarget, Kinds};
use crate::clock;
use crate::error::{Error, Result};
use crate::session::{CancelToken, Slot};
use crate::sql::TableRef;
use crate::tenant::Tenant;

/// The most rows of an append that shares an INSERT; a larger one is worth one of its own.
const SMALL_ROWS: usize = 1024;

/// How long a leader inserts before other loads into its table have their turn.
const ROUND: Duration = Duration::from_millis(50);

/// A tenant's small appends by table. A table is here as long as it has a leader.
#[derive(Debug, Default)]
pub(crate) struct AppendQueues(Mutex<HashMap<IngestTarget, Vec<Waiting>>>);

/// An append that waits for its leader.
#[derive(Debug)]
struct Waiting {
    append: Append,
    answer: oneshot::Sender<Answer>,
}

/// What a leader did with an append.
#[derive(Debug)]
enum Answer {
    /// Its rows are committed.
    Stored,
    /// Nothing: it has to run alone.
    Alone(Append),
}

impl Tenant {
    /// Adds rows to a table together with those of other requests; `None` once they are committed. An append that
    /// cannot share, or whose table does not take its rows just so, comes back unchanged: it has to run alone.
    ///
    /// # Errors
    /// Internal when the leader failed midway.
    pub async fn append_together(self: &Arc<Self>, append: Append) -> Result<Option<Append>> {
        if !append.is_small() {
            return Ok(Some(append));
        }
        let table = append.target.lowercase();
        let noted = append.noted();
        let (answer, answered) = oneshot::channel();
        if self.appends().enqueue(&table, Waiting { append, answer }) {
            tokio::spawn(lead(Turn { tenant: Arc::clone(self), table, over: false }));
        }
        match answered.await {
            Ok(Answer::Stored) => {
                self.journal().begin(&noted);
                Ok(None)
            }
            Ok(Answer::Alone(append)) => Ok(Some(append)),
            Err(_) => {
                Err(Error::internal("the rows may or may not have been stored; the server's log says why"))
            }
        }
    }
}

impl AppendQueues {
    /// Adds an append to its table's queue; true if that needs a leader.
    fn enqueue(&self, table: &IngestTarget, waiting: Waiting) -> bool {
        match self.0.lock().entry(table.clone()) {
            Entry::Occupied(mut queue) => {
                queue.get_mut().push(waiting);
                false
            }
            Entry::Vacant(place) => {
                place.insert(vec![waiting]);
                true
            }
        }
    }
}

/// A leader's right to a table's queue.
struct Turn {
    tenant: Arc<Tenant>,
    table: IngestTarget,
    over: bool,
}

impl Turn {
    /// Everything that waits; with nothing the turn is over.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queues = self.tenant.appends().0.lock();
        let waiting = queues.get_mut(&self.table).map(std::mem::take).unwrap_or_default();
        if waiting.is_empty() {
            queues.remove(&self.table);
            self.over = true;
            return None;
        }
        Some(waiting)
    }
}

impl Drop for Turn {
    /// A leader that ends early leaves nobody waiting.
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let left = self.tenant.appends().0.lock().remove(&self.table);
        left.into_iter().flatten().for_each(Waiting::give_back);
    }
}

impl Waiting {
    // A request that has gone takes no answer.

    fn stored(self) {
        let _ = self.answer.send(Answer::Stored);
    }

    fn give_back(self) {
        let _ = self.answer.send(Answer::Alone(self.append));
    }
}

/// Stores what waits for a table, in a session of its own.
async fn lead(mut turn: Turn) {
    let tenant = Arc::clone(&turn.tenant);
    let session = match tenant.open_session().await {
        Ok(session) => session,
        // Those that wait meet the fault themselves.
        Err(fault) => return tracing::debug!(%fault, "appends cannot share a session"),
    };
    let table = turn.table.table_ref();
    loop {
        // Between two rounds a load that wants the table for itself has its turn.
        let guard = session.instance().loads().share(&table).await;
        let round = move |slot: &mut Slot| {
            let _guard = guard;
            let begun = clock::moment();
            while begun.elapsed() < ROUND {
                let Some(waiting) = turn.next() else { return Ok(None) };
                store(slot, waiting);
            }
            Ok(Some(turn))
        };
        match session.call(&CancelToken::new(), round).await {
            Ok(Some(left)) => turn = left,
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
fn store(slot: &mut Slot, waiting: Vec<Waiting>) {
    let mut shapes: Vec<Vec<Waiting>> = Vec::new();
    // A request that its client has left is not begun.
    for waiting in waiting.into_iter().filter(|waiting| !waiting.answer.is_closed()) {
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
            Ok(true) => alike.into_iter().for_each(Waiting::stored),
            Ok(false) | Err(_) => alike.into_iter().for_each(Waiting::give_back),
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

impl Append {
    /// Whether it may share an INSERT: few rows, all with the same keys.
    fn is_small(&self) -> bool {
        matches!(self.groups.as_slice(), [group] if group.rows.num_rows() <= SMALL_ROWS && !group.columns.is_empty())
    }

    /// Whether two small appends to a table have the same columns in the same order.
    fn has_shape_of(&self, other: &Self) -> bool {
        let mut pairs = self.columns.iter().zip(&other.columns);
        self.columns.len() == other.columns.len()
            && pairs.all(|(own, theirs)| own.name == theirs.name && own.ty == theirs.ty)
            && self.groups[0].columns == other.groups[0].columns
            && self.groups[0].rows.schema() == other.groups[0].rows.schema()
    }
}

impl IngestTarget {
    /// The same table by the one name that all its spellings share.
    fn lowercase(&self) -> Self {
        Self {
            catalog: self.catalog.as_deref().map(str::to_lowercase),
            schema: self.schema.as_deref().map(str::to_lowercase),
            table: self.table.to_lowercase(),
            temporary: self.temporary,
        }
    }

    /// The table, by names that REST always gives.
    fn table_ref(&self) -> TableRef {
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        TableRef { catalog: name(&self.catalog), schema: name(&self.schema), table: self.table.clone() }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int8Array, StringArray};
    use arrow::record_batch::RecordBatch;

    use super::super::AppendColumn;
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
        let cancel = CancelToken::new();
        session.call(&cancel, move |slot| Ok(slot.connection()?.run(&table)?)).await.unwrap();
        let appends = ids.iter().map(|id| tenant.append_together(one(*id)));
        let answers = futures::future::join_all(appends).await;
        let refused = ids.iter().zip(answers).filter(|(_, answer)| answer.as_ref().unwrap().is_some());
        let refused = refused.map(|(id, _)| *id).collect();
        // The leader answers first and leaves then.
        while !tenant.appends().0.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        let read = |slot: &mut Slot| {
            Ok(slot.connection()?.query("SELECT id::VARCHAR FROM t ORDER BY t.id")?.text_rows()?)
        };
        let stored = session.call(&cancel, read).await.unwrap();
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

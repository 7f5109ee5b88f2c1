//! Shared appends, and what they must not show.

use arrow::array::{ArrayRef, Int8Array, StringArray};
use arrow::record_batch::RecordBatch;

use super::super::{AppendColumn, IngestTarget};
use super::*;
use crate::{Account, Engine, EngineConfig, Execute, Limits, Session, Statement};
use duck::types::Fidelity;

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
        groups: vec![AppendGroup { columns: vec![0], rows: RecordBatch::try_from_iter(columns).unwrap() }],
    }
}

fn engine(limits: Limits) -> Arc<Engine> {
    let account = Account { name: "alice".to_owned(), password: "secret".to_owned() };
    Engine::new(EngineConfig { users: vec![account], limits, ..EngineConfig::default() })
}

fn alice(engine: &Arc<Engine>) -> Arc<Tenant> {
    engine.authenticate("alice", "secret").unwrap()
}

async fn run(session: &Arc<Session>, sql: &str) {
    let sql = sql.to_owned();
    let work = move |slot: &mut Slot| slot.change(|slot| Ok(slot.connection()?.run(&sql)?));
    session.in_turn(&Call::of_server("test"), work).await.unwrap();
}

async fn texts(session: &Arc<Session>, sql: &str) -> Vec<String> {
    let sql = sql.to_owned();
    let work = move |slot: &mut Slot| Ok(slot.connection()?.query(&sql)?.text_rows()?);
    let rows = session.in_turn(&Call::of_server("test"), work).await.unwrap();
    rows.into_iter().flatten().flatten().collect()
}

/// The leader answers first and leaves then.
async fn leave(tenant: &Tenant) {
    while !tenant.appends().is_empty() {
        tokio::task::yield_now().await;
    }
}

/// Appends one row; false if it has to run alone.
async fn append(tenant: &Arc<Tenant>, id: i128) -> bool {
    let stored = tenant.append_together(one(id), &Call::of_server("test")).await.unwrap().is_none();
    leave(tenant).await;
    stored
}

/// Appends each of `ids` at the same time, and gives back those that have to run alone.
async fn append_all(table: &str, ids: &[i128]) -> (Vec<i128>, Vec<String>) {
    let engine = engine(Limits::default());
    let tenant = alice(&engine);
    let session = tenant.open_session().await.unwrap();
    run(&session, table).await;
    let call = Call::of_server("test");
    let appends = ids.iter().map(|id| tenant.append_together(one(*id), &call));
    let answers = futures::future::join_all(appends).await;
    let refused = ids.iter().zip(answers).filter(|(_, answer)| answer.as_ref().unwrap().is_some());
    let refused = refused.map(|(id, _)| *id).collect();
    leave(&tenant).await;
    (refused, texts(&session, "SELECT id::VARCHAR FROM t ORDER BY t.id").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_change_is_seen_by_the_next_append() {
    let engine = engine(Limits::default());
    let tenant = alice(&engine);
    let session = tenant.open_session().await.unwrap();
    run(&session, "CREATE TABLE t (id BIGINT)").await;
    assert!(append(&tenant, 1).await && append(&tenant, 2).await);
    for (change, fits) in [
        ("ALTER TABLE t ADD COLUMN x VARCHAR DEFAULT 'added'", true),
        ("ALTER TABLE t ALTER id SET DATA TYPE VARCHAR", true),
        ("ALTER TABLE t RENAME id TO other", false),
        ("ALTER TABLE t RENAME other TO id", true),
        ("ALTER TABLE t RENAME TO u", false),
        ("CREATE TABLE t AS SELECT 'first' AS x, 0::HUGEINT AS id", true),
        ("CREATE OR REPLACE VIEW v AS FROM t", true),
        ("DROP TABLE t", false),
    ] {
        run(&session, change).await;
        assert_eq!(append(&tenant, 3).await, fits, "{change}");
        if fits {
            assert!(append(&tenant, 4).await, "{change}");
        }
    }
    let rows = texts(&session, "SELECT concat_ws(' ', id, x) FROM u ORDER BY rowid").await;
    assert_eq!(
        rows,
        ["1 added", "2 added", "3 added", "4 added", "3 added", "4 added", "3 added", "4 added"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_was_made_before_an_append_is_made_anew() {
    let engine = engine(Limits::default());
    let tenant = alice(&engine);
    let session = tenant.open_session().await.unwrap();
    run(&session, "CREATE TABLE t AS SELECT 1::BIGINT AS id").await;
    let call = Call::of_server("test");
    let sql = "SELECT id FROM t WHERE id > 100".to_owned();
    let statement = session.prepare(sql, Fidelity::Exact, &call).await.unwrap();
    for found in 0..3 {
        let request = Execute::new(Statement::Prepared(Arc::clone(&statement)), Fidelity::Exact);
        let mut rows = session.execute(request, &call).await.unwrap();
        let mut count = 0;
        while let Some(batch) = rows.next().await {
            count += batch.unwrap().num_rows();
        }
        assert_eq!(count, found);
        assert!(append(&tenant, 500).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_appends_is_kept_and_is_none_of_the_tenants() {
    let engine = engine(Limits { tenant_sessions: 2, ..Limits::default() });
    let tenant = alice(&engine);
    let session = tenant.open_session().await.unwrap();
    run(&session, "CREATE TABLE t (id BIGINT)").await;
    assert!(append(&tenant, 1).await);
    let kept = || tenant.appends().spare().id();
    let first = kept();
    assert!(first.is_some() && tenant.sessions().len() == 1);
    assert!(append(&tenant, 2).await);
    assert_eq!(kept(), first);
    tenant.appends().close_spare(false).await;
    assert_eq!(kept(), first);
    let second = tenant.open_session().await.unwrap();
    assert!(!append(&tenant, 3).await, "there is no room for one more session");
    assert_eq!((kept(), tenant.sessions().len()), (None, 2));
    tenant.sessions().remove(second.id());
    assert!(append(&tenant, 4).await && kept().is_some());
    tenant.close().await;
    assert_eq!((kept(), tenant.sessions().len()), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_session_goes_with_its_database() {
    let engine = engine(Limits::default());
    let tenant = alice(&engine);
    let session = tenant.open_session().await.unwrap();
    run(&session, "CREATE TABLE t (id BIGINT)").await;
    assert!(append(&tenant, 1).await);
    session.break_database();
    let next = tenant.open_session().await.unwrap();
    run(&next, "CREATE TABLE t (id BIGINT)").await;
    assert!(append(&tenant, 2).await);
    assert_eq!(texts(&next, "SELECT id::VARCHAR FROM t").await, ["2"]);
    next.break_database();
    tenant.appends().close_spare(false).await;
    assert_eq!(tenant.appends().spare().id(), None);
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

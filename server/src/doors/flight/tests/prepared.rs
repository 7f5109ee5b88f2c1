use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Schema};
use arrow_flight::IpcMessage;
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, CommandPreparedStatementQuery,
    CommandPreparedStatementUpdate, DoPutPreparedStatementResult, DoPutUpdateResult,
};
use bytes::Bytes;
use prost::Message;
use tonic::Code;

use super::client::{Client, Door, refused, text};
use crate::doors::flight::messages::PreparedStatementResult;

async fn prepare(client: &mut Client, sql: &str) -> PreparedStatementResult {
    let request = ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
    let answer = client.action_in_any("CreatePreparedStatement", &request).await.unwrap();
    assert!(answer[0].type_url.ends_with("arrow.flight.protocol.sql.ActionCreatePreparedStatementResult"));
    PreparedStatementResult::decode(answer[0].value.clone()).unwrap()
}

fn run(handle: &Bytes) -> CommandPreparedStatementQuery {
    CommandPreparedStatementQuery { prepared_statement_handle: handle.clone() }
}

fn change(handle: &Bytes) -> CommandPreparedStatementUpdate {
    CommandPreparedStatementUpdate { prepared_statement_handle: handle.clone() }
}

fn rows(columns: &[(&str, ArrayRef)]) -> Vec<RecordBatch> {
    vec![
        RecordBatch::try_from_iter_with_nullable(
            columns.iter().map(|(name, c)| (*name, Arc::clone(c), true)),
        )
        .unwrap(),
    ]
}

fn ints(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn count(answer: Bytes) -> i64 {
    DoPutUpdateResult::decode(answer).unwrap().record_count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bind_counts_when_its_ticket_is_redeemed() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let prepared = prepare(&mut client, "SELECT $a::BIGINT + 1 AS x, $b::VARCHAR AS y").await;
    assert_eq!(prepared.is_update, Some(false));
    let parameters = Schema::try_from(IpcMessage(prepared.parameter_schema.clone())).unwrap();
    let names: Vec<_> =
        parameters.fields().iter().map(|f| (f.name().as_str(), f.data_type().clone())).collect();
    assert_eq!(names, [("a", DataType::Int64), ("b", DataType::Utf8)]);
    let handle = prepared.prepared_statement_handle;
    let info = client.info(&run(&handle)).await.unwrap();
    for by in [["B", "A"], ["0", "1"]] {
        let (first, second): (ArrayRef, ArrayRef) = match by {
            ["B", _] => (Arc::new(StringArray::from(vec!["s"])), ints(&[Some(1)])),
            _ => (ints(&[Some(1)]), Arc::new(StringArray::from(vec!["s"]))),
        };
        let answer = client.upload(&run(&handle), rows(&[(by[0], first), (by[1], second)])).await.unwrap();
        let bound = DoPutPreparedStatementResult::decode(answer).unwrap();
        assert_eq!(bound.prepared_statement_handle, Some(handle.clone()));
        assert_eq!(text(&client.redeem(super::client::ticket(&info)).await.unwrap()), "2|s");
    }
    refused(
        client.upload(&run(&handle), rows(&[("a", ints(&[None]))])).await,
        Code::InvalidArgument,
        "2 parameters",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_is_an_execution_and_all_are_one() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE TABLE t (i BIGINT PRIMARY KEY)").await.unwrap();
    let prepared = prepare(&mut client, "INSERT INTO t VALUES (?)").await;
    assert!(prepared.is_update == Some(true) && prepared.dataset_schema.is_empty());
    let handle = prepared.prepared_statement_handle;
    let answer =
        client.upload(&change(&handle), rows(&[("0", ints(&[Some(1), Some(2), Some(3)]))])).await.unwrap();
    assert_eq!(count(answer), 3);
    let twice = client.upload(&change(&handle), rows(&[("0", ints(&[Some(4), Some(1)]))])).await;
    refused(twice, Code::Internal, "Constraint Error");
    let none = client.upload(&change(&handle), rows(&[("0", ints(&[]))])).await.unwrap();
    assert_eq!(count(none), 0);
    assert_eq!(client.query("SELECT list(i ORDER BY i) FROM t").await.unwrap(), "[1, 2, 3]");
    let select = prepare(&mut client, "SELECT i FROM t WHERE i >= ? ORDER BY i").await;
    let handle = select.prepared_statement_handle;
    client.upload(&run(&handle), rows(&[("0", ints(&[Some(3), Some(2)]))])).await.unwrap();
    assert_eq!(text(&client.fetch(&run(&handle)).await.unwrap()), "3\n2\n3");
}

#[tokio::test(flavor = "multi_thread")]
async fn dml_also_runs_by_do_get() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let handle = prepare(&mut client, "CREATE TABLE t AS SELECT 1 AS i").await.prepared_statement_handle;
    let info = client.info(&run(&handle)).await.unwrap();
    assert!(info.schema.is_empty());
    assert_eq!(text(&client.redeem(super::client::ticket(&info)).await.unwrap()), "1");
    assert_eq!(client.query("FROM t").await.unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_handle_is_unknown() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let handle = prepare(&mut client, "SELECT 1").await.prepared_statement_handle;
    let close = ActionClosePreparedStatementRequest { prepared_statement_handle: handle.clone() };
    for _ in 0..2 {
        assert!(client.action_in_any("ClosePreparedStatement", &close).await.unwrap().is_empty());
    }
    refused(client.info(&run(&handle)).await, Code::NotFound, "Prepared statement not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn unresolved_types_are_text() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let prepared = prepare(&mut client, "SELECT ? AS x").await;
    for schema in [prepared.parameter_schema, prepared.dataset_schema] {
        let schema = Schema::try_from(IpcMessage(schema)).unwrap();
        assert_eq!(*schema.field(0).data_type(), DataType::Utf8);
    }
    let handle = prepared.prepared_statement_handle;
    assert!(client.info(&run(&handle)).await.unwrap().schema.is_empty());
    client.upload(&run(&handle), rows(&[("1", ints(&[Some(5)]))])).await.unwrap();
    let batches = client.fetch(&run(&handle)).await.unwrap();
    assert_eq!((text(&batches).as_str(), batches[0].schema().field(0).data_type()), ("5", &DataType::Int64));
}

use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionBeginTransactionResult, ActionEndTransactionRequest, Any,
};
use bytes::Bytes;
use prost::Message;
use tonic::Code;

use super::client::{Client, Door, Outcome, refused, statement};

const ACTIVE: &str = "a transaction is already active; commit or rollback it first";

async fn begin(client: &mut Client) -> Outcome<Bytes> {
    let results = client.action_in_any("BeginTransaction", &ActionBeginTransactionRequest {}).await?;
    Ok(ActionBeginTransactionResult::decode(results[0].value.clone()).unwrap().transaction_id)
}

async fn end(client: &mut Client, id: &Bytes, action: i32) -> Outcome<Vec<Any>> {
    let request = ActionEndTransactionRequest { transaction_id: id.clone(), action };
    client.action_in_any("EndTransaction", &request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_commits_or_rolls_back() {
    let door = Door::open();
    let (mut client, mut other) = (door.client("alice").await, door.client("alice").await);
    client.query("CREATE TABLE t (i INT)").await.unwrap();
    for (action, rows) in [(2, "0"), (1, "1")] {
        let id = begin(&mut client).await.unwrap();
        client.update_in("INSERT INTO t VALUES (1)", Some(&id)).await.unwrap();
        assert_eq!(client.query_in("SELECT count(*) FROM t", Some(&id)).await.unwrap(), "1");
        assert_eq!(other.query("SELECT count(*) FROM t").await.unwrap(), "0");
        assert!(end(&mut client, &id, action).await.unwrap().is_empty());
        assert_eq!(other.query("SELECT count(*) FROM t").await.unwrap(), rows);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_outside_the_transaction_are_refused() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let late = client.info(&statement("SELECT 1", None)).await.unwrap();
    let id = begin(&mut client).await.unwrap();
    refused(begin(&mut client).await, Code::FailedPrecondition, ACTIVE);
    refused(client.query("SELECT 1").await, Code::FailedPrecondition, ACTIVE);
    refused(client.query_in("SELECT 1", Some(&Bytes::new())).await, Code::FailedPrecondition, ACTIVE);
    refused(client.update("SELECT 1").await, Code::FailedPrecondition, ACTIVE);
    refused(client.redeem(super::client::ticket(&late)).await, Code::FailedPrecondition, ACTIVE);
    let control = "use EndTransaction to end a Flight transaction";
    refused(client.query_in("COMMIT", Some(&id)).await, Code::FailedPrecondition, control);
    let other = Bytes::from_static(b"other");
    refused(client.query_in("SELECT 1", Some(&other)).await, Code::NotFound, "transaction not found");
    refused(end(&mut client, &other, 1).await, Code::NotFound, "Transaction not found");
    refused(end(&mut client, &id, 0).await, Code::InvalidArgument, "");
    end(&mut client, &id, 1).await.unwrap();
    refused(end(&mut client, &id, 1).await, Code::NotFound, "Transaction not found");
    assert_eq!(client.redeem(super::client::ticket(&late)).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sql_transaction_takes_statements_without_id() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("BEGIN").await.unwrap();
    assert_eq!(client.query("SELECT 1").await.unwrap(), "1");
    refused(begin(&mut client).await, Code::FailedPrecondition, ACTIVE);
    client.query("COMMIT").await.unwrap();
    let id = begin(&mut client).await.unwrap();
    end(&mut client, &id, 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_transaction_ends_by_commit() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE TABLE t (i INT PRIMARY KEY)").await.unwrap();
    let id = begin(&mut client).await.unwrap();
    client.update_in("INSERT INTO t VALUES (1)", Some(&id)).await.unwrap();
    refused(
        client.update_in("INSERT INTO t VALUES (1)", Some(&id)).await,
        Code::Internal,
        "Constraint Error",
    );
    refused(client.query_in("SELECT 1", Some(&id)).await, Code::Internal, "Current transaction is aborted");
    end(&mut client, &id, 1).await.unwrap();
    assert_eq!(client.query("SELECT count(*) FROM t").await.unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn write_conflicts_are_aborted() {
    let door = Door::open();
    let (mut one, mut two) = (door.client("alice").await, door.client("alice").await);
    one.query("CREATE TABLE t AS SELECT 1 AS i").await.unwrap();
    let (a, b) = (begin(&mut one).await.unwrap(), begin(&mut two).await.unwrap());
    one.update_in("UPDATE t SET i = 2", Some(&a)).await.unwrap();
    refused(two.update_in("UPDATE t SET i = 3", Some(&b)).await, Code::Aborted, "TransactionContext Error: ");
    end(&mut one, &a, 1).await.unwrap();
    end(&mut two, &b, 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_end_of_a_result_leaves_the_transaction_usable() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE TABLE t (i INT)").await.unwrap();
    let id = begin(&mut client).await.unwrap();
    client.update_in("INSERT INTO t VALUES (1)", Some(&id)).await.unwrap();
    let info = client.info(&statement("SELECT range FROM range(10000000000)", Some(&id))).await.unwrap();
    let request = client.request(arrow_flight::Ticket { ticket: super::client::ticket(&info) });
    let mut rows = client.inner.do_get(request).await.unwrap().into_inner();
    for _ in 0..3 {
        rows.message().await.unwrap();
    }
    drop(rows);
    assert_eq!(client.query_in("SELECT count(*) FROM t", Some(&id)).await.unwrap(), "1");
    end(&mut client, &id, 1).await.unwrap();
    assert_eq!(client.query("SELECT count(*) FROM t").await.unwrap(), "1");
}

use arrow_flight::sql::{ActionCancelQueryRequest, CommandGetCatalogs};
use arrow_flight::{CancelFlightInfoRequest, CancelFlightInfoResult, SchemaResult};
use futures::StreamExt;
use prost::Message;
use tonic::Code;

use super::client::{Door, descriptor, refused, statement, ticket};

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_planned_and_then_read() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let command = statement("SELECT 1 AS a, 'x' AS b -- comment;", None);
    let info = client.info(&command).await.unwrap();
    assert_eq!((info.total_records, info.total_bytes, info.endpoint.len()), (-1, -1, 1));
    assert_eq!(info.flight_descriptor, Some(descriptor(&command)));
    assert!(info.endpoint[0].location.is_empty());
    let batches = client.redeem(ticket(&info)).await.unwrap();
    assert_eq!(super::client::text(&batches), "1|x");
    let promised = info.try_decode_schema().unwrap();
    assert_eq!(promised, *batches[0].schema());
    assert_eq!(promised.field(1).metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "VARCHAR");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_do_get_executes() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE TABLE t (i INT)").await.unwrap();
    let info = client.info(&statement("INSERT INTO t VALUES (1), (2)", None)).await.unwrap();
    assert!(info.schema.is_empty());
    assert_eq!(client.query("SELECT count(*) FROM t").await.unwrap(), "0");
    assert_eq!(super::client::text(&client.redeem(ticket(&info)).await.unwrap()), "2");
    assert_eq!(client.query("SELECT count(*) FROM t").await.unwrap(), "2");
    refused(client.redeem(ticket(&info)).await, Code::FailedPrecondition, "Ticket already used");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_ends_even_if_nobody_reads_its_result() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE TABLE t (i BIGINT)").await.unwrap();
    let insert = "INSERT INTO t SELECT i FROM range(3000000) r(i) RETURNING i";
    let info = client.info(&statement(insert, None)).await.unwrap();
    assert!(!info.schema.is_empty());
    let request = client.request(arrow_flight::Ticket { ticket: ticket(&info) });
    let mut abandoned = client.clone();
    let call = abandoned.inner.do_get(request);
    let _ = tokio::time::timeout(std::time::Duration::from_millis(50), call).await;
    assert_eq!(client.query("SELECT count(*) FROM t").await.unwrap(), "3000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn transaction_control_runs_in_get_flight_info() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    client.query("CREATE TABLE t (i INT)").await.unwrap();
    client.info(&statement("BEGIN", None)).await.unwrap();
    client.update("INSERT INTO t VALUES (1)").await.unwrap();
    let rollback = client.info(&statement("ROLLBACK", None)).await.unwrap();
    assert_eq!(client.query("SELECT count(*) FROM t").await.unwrap(), "0");
    assert_eq!(client.redeem(ticket(&rollback)).await.unwrap().len(), 0);
    refused(client.info(&statement("COMMIT", None)).await, Code::Internal, "no transaction is active");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_live_streams_of_one_session_both_complete() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let command = statement("SELECT i, 'row ' || i AS s FROM range(2000000) r(i)", None);
    let info = client.info(&command).await.unwrap();
    let request = client.request(arrow_flight::Ticket { ticket: ticket(&info) });
    let mut first = client.inner.do_get(request).await.unwrap().into_inner();
    assert!(first.next().await.unwrap().is_ok());
    assert_eq!(client.query("SELECT sum(i) FROM range(2000000) r(i)").await.unwrap(), "1999999000000");
    let mut messages = 1;
    while let Some(message) = first.next().await {
        message.unwrap();
        messages += 1;
    }
    assert!(messages > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn get_schema_tells_what_the_stream_will_be() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    for (sql, field) in [("SELECT 1 AS a", "a"), ("CREATE TABLE never (i INT)", "Count")] {
        let request = client.request(descriptor(&statement(sql, None)));
        let result: SchemaResult = client.inner.get_schema(request).await.unwrap().into_inner();
        let schema = arrow::datatypes::Schema::try_from(&result).unwrap();
        assert_eq!(schema.field(0).name(), field);
    }
    refused(
        client.query("FROM never").await,
        Code::Internal,
        "Catalog Error: Table with name never does not exist",
    );
    let request = client.request(descriptor(&CommandGetCatalogs {}));
    assert!(client.inner.get_schema(request).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_have_their_codes() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    for sql in ["", "  -- nothing", "SELECT 1; SELECT 2"] {
        refused(client.query(sql).await, Code::InvalidArgument, "Expected exactly one SQL statement");
    }
    refused(client.query("SELEC 1").await, Code::Internal, "Parser Error: syntax error at or near \"SELEC\"");
    let late = "SELECT CASE WHEN i = 1999999 THEN error('late') ELSE i END FROM range(2000000) r(i)";
    refused(client.query(late).await, Code::Internal, "Invalid Input Error: late");
    refused(client.redeem("nope".into()).await, Code::NotFound, "Ticket not found");
    refused(
        client.query("SET threads = 1").await,
        Code::Internal,
        "Permission Error: \"threads\" is managed by the server",
    );
    assert_eq!(client.query("SELECT 42").await.unwrap(), "42");
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_belong_to_their_user_and_those_that_change_something_to_their_session() {
    let door = Door::open();
    let (mut one, mut other) = (door.client("alice").await, door.client("alice").await);
    let info = one.info(&statement("SELECT 1", None)).await.unwrap();
    let mut stranger = door.client("bob").await;
    refused(stranger.redeem(ticket(&info)).await, Code::NotFound, "Ticket not found");
    assert_eq!(other.redeem(ticket(&info)).await.unwrap().len(), 1);
    let change = one.info(&statement("CREATE TABLE t (i INT)", None)).await.unwrap();
    refused(other.redeem(ticket(&change)).await, Code::NotFound, "Ticket not found");
    for _ in 0..2 {
        assert_eq!(one.redeem(ticket(&info)).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_stops_a_running_query() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let slow = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range + b.range = 7";
    let info = client.info(&statement(slow, None)).await.unwrap();
    let running = {
        let (mut client, ticket) = (client.clone(), ticket(&info));
        tokio::spawn(async move { client.redeem(ticket).await })
    };
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let request = CancelFlightInfoRequest { info: Some(info.clone()) };
    let answer = client.action("CancelFlightInfo", request.encode_to_vec()).await.unwrap();
    assert_eq!(CancelFlightInfoResult::decode(answer[0].clone()).unwrap().status, 1);
    refused(running.await.unwrap(), Code::Cancelled, "");
    refused(client.redeem(ticket(&info)).await, Code::Cancelled, "");
    let again = ActionCancelQueryRequest { info: info.encode_to_vec().into() };
    assert_eq!(client.action_in_any("CancelQuery", &again).await.unwrap()[0].value.as_ref(), [8, 1]);
    assert_eq!(client.query("SELECT 42").await.unwrap(), "42");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_stream_stops_the_query() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let endless = "SELECT a.range FROM range(10000000000) a";
    let info = client.info(&statement(endless, None)).await.unwrap();
    let request = client.request(arrow_flight::Ticket { ticket: ticket(&info) });
    let mut stream = client.inner.do_get(request).await.unwrap().into_inner();
    assert!(stream.next().await.unwrap().is_ok());
    drop(stream);
    let next = client.query("SELECT 42");
    assert_eq!(tokio::time::timeout(std::time::Duration::from_secs(2), next).await.unwrap().unwrap(), "42");
}

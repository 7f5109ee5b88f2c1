use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::sql::{CommandStatementIngest, DoPutUpdateResult, TableDefinitionOptions};
use futures::StreamExt;
use prost::Message;
use tonic::Code;

use super::client::{Client, Door, Outcome, descriptor, refused};
use crate::config::FlightOptions;
use crate::doors::flight::messages::{OptionValue, SessionOptionValue, SetSessionOptionsRequest};
use engine::EngineConfig;

fn command(table: &str, if_not_exist: i32, if_exists: i32) -> CommandStatementIngest {
    CommandStatementIngest {
        table: table.to_owned(),
        table_definition_options: Some(TableDefinitionOptions { if_not_exist, if_exists }),
        ..Default::default()
    }
}

fn batch(ids: &[i64]) -> RecordBatch {
    let names = ids.iter().map(|id| format!("name {id}"));
    let columns: [(&str, ArrayRef); 2] = [
        ("id", Arc::new(Int64Array::from(ids.to_vec()))),
        ("name", Arc::new(StringArray::from_iter_values(names))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

async fn ingest(
    client: &mut Client,
    command: &CommandStatementIngest,
    batches: Vec<RecordBatch>,
) -> Outcome<i64> {
    let answer = client.upload(command, batches).await?;
    Ok(DoPutUpdateResult::decode(answer).unwrap().record_count)
}

#[tokio::test(flavor = "multi_thread")]
async fn modes_decide_by_what_is_there() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let (create, append, replace) = (command("t", 1, 1), command("t", 2, 2), command("t", 1, 3));
    refused(
        ingest(&mut client, &append, vec![batch(&[1])]).await,
        Code::FailedPrecondition,
        "Table \"memory\".\"main\".\"t\" does not exist",
    );
    assert_eq!(ingest(&mut client, &create, vec![batch(&[1]), batch(&[2, 3])]).await.unwrap(), 3);
    refused(
        ingest(&mut client, &create, vec![batch(&[1])]).await,
        Code::AlreadyExists,
        "Table \"memory\".\"main\".\"t\" already exists",
    );
    assert_eq!(ingest(&mut client, &append, vec![batch(&[4])]).await.unwrap(), 1);
    assert_eq!(client.query("SELECT count(*), max(name) FROM t").await.unwrap(), "4|name 4");
    assert_eq!(ingest(&mut client, &replace, vec![batch(&[9])]).await.unwrap(), 1);
    assert_eq!(client.query("FROM t").await.unwrap(), "9|name 9");
    assert_eq!(ingest(&mut client, &command("u", 1, 2), vec![batch(&[])]).await.unwrap(), 0);
    assert_eq!(client.query("SELECT count(*) FROM u").await.unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_created_or_refused() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let place = |catalog: &str, schema: &str| CommandStatementIngest {
        catalog: Some(catalog.to_owned()),
        schema: Some(schema.to_owned()),
        ..command("t", 1, 2)
    };
    assert_eq!(ingest(&mut client, &place("", "new \"one\""), vec![batch(&[1])]).await.unwrap(), 1);
    assert_eq!(client.query("SELECT id FROM \"new \"\"one\"\"\".t").await.unwrap(), "1");
    refused(
        ingest(&mut client, &place("c", ""), vec![batch(&[1])]).await,
        Code::NotFound,
        "Catalog \"c\" does not exist",
    );
    let temporary = CommandStatementIngest { temporary: true, ..command("tt", 1, 1) };
    ingest(&mut client, &temporary, vec![batch(&[1])]).await.unwrap();
    assert_eq!(client.query("SELECT id FROM temp.main.tt").await.unwrap(), "1");
    let nowhere = CommandStatementIngest { schema: Some("s".to_owned()), ..temporary };
    refused(ingest(&mut client, &nowhere, vec![batch(&[1])]).await, Code::InvalidArgument, "");
    refused(ingest(&mut client, &command("", 1, 1), vec![batch(&[1])]).await, Code::InvalidArgument, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_creates_the_schema_that_the_session_chose() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let value = SessionOptionValue { value: Some(OptionValue::Text("later".to_owned())) };
    let request = SetSessionOptionsRequest { session_options: HashMap::from([("schema".to_owned(), value)]) };
    client.action("SetSessionOptions", request.encode_to_vec()).await.unwrap();
    ingest(&mut client, &command("t", 1, 2), vec![batch(&[1])]).await.unwrap();
    assert_eq!(client.query("SELECT id FROM memory.later.t").await.unwrap(), "1");
    assert_eq!(client.query("SELECT current_schema()").await.unwrap(), "later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_ingest_upserts() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let options = HashMap::from([("primary_key".to_owned(), "[\"id\"]".to_owned())]);
    let upsert = CommandStatementIngest { options, ..command("t", 1, 2) };
    ingest(&mut client, &upsert, vec![batch(&[1, 2])]).await.unwrap();
    client.query("UPDATE t SET name = 'old'").await.unwrap();
    assert_eq!(ingest(&mut client, &upsert, vec![batch(&[2, 3])]).await.unwrap(), 2);
    assert_eq!(client.query("FROM t ORDER BY id").await.unwrap(), "1|old\n2|name 2\n3|name 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_upload_leaves_nothing() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let messages = FlightDataEncoderBuilder::new()
        .with_flight_descriptor(Some(descriptor(&command("t", 1, 1))))
        .build(futures::stream::iter([Ok(batch(&[1])), Ok(batch(&[2]))]))
        .map(Result::unwrap);
    let mut messages: Vec<_> = messages.collect().await;
    let body = messages[2].data_body.clone();
    messages[2].data_body = body.slice(..body.len() / 2);
    refused(client.put(futures::stream::iter(messages)).await, Code::InvalidArgument, "truncated");
    refused(client.query("FROM t").await, Code::Internal, "t does not exist");

    for _ in 0..20 {
        let hanging = FlightDataEncoderBuilder::new()
            .with_flight_descriptor(Some(descriptor(&command("t", 1, 1))))
            .build(futures::stream::iter([Ok(batch(&[1]))]).chain(futures::stream::pending()))
            .map(Result::unwrap);
        let mut dropped = client.clone();
        let call = dropped.put(hanging);
        assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
        refused(client.query("FROM t").await, Code::Internal, "t does not exist");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_run_while_a_small_upload_is_gathered() {
    let door = Door::open();
    let mut client = door.client("alice").await;
    let (sender, rows) = futures::channel::mpsc::unbounded();
    let messages = FlightDataEncoderBuilder::new()
        .with_flight_descriptor(Some(descriptor(&command("t", 1, 1))))
        .build(rows.map(Ok))
        .map(Result::unwrap);
    let mut writer = client.clone();
    let upload = tokio::spawn(async move { writer.put(messages).await });
    for id in [1, 2] {
        sender.unbounded_send(batch(&[id])).unwrap();
        let query = tokio::time::timeout(Duration::from_secs(5), client.query("SELECT 42"));
        assert_eq!(query.await.unwrap().unwrap(), "42");
    }
    drop(sender);
    upload.await.unwrap().unwrap();
    assert_eq!(client.query("SELECT count(*) FROM t").await.unwrap(), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_not_idle_while_an_upload_waits_for_its_client() {
    let limit = Duration::from_millis(300);
    let engine = EngineConfig { session_idle_timeout: limit, ..EngineConfig::default() };
    let door = Door::open_with(engine, &FlightOptions::default());
    let mut client = door.client("alice").await;
    let batches = futures::stream::iter([batch(&[1]), batch(&[2])]);
    let slowly = batches.then(move |batch| async move {
        tokio::time::sleep(limit * 3).await;
        Ok(batch)
    });
    let messages = FlightDataEncoderBuilder::new()
        .with_schema(batch(&[]).schema())
        .with_flight_descriptor(Some(descriptor(&command("t", 1, 1))))
        .build(slowly.boxed())
        .map(Result::unwrap);
    let answer = client.put(messages).await.unwrap();
    assert_eq!(DoPutUpdateResult::decode(answer).unwrap().record_count, 2);
    assert_eq!(client.query("SELECT count(*) FROM t").await.unwrap(), "2");
}

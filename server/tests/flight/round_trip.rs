//! What goes in as Arrow comes out as the same values: by ingest (FI, FY-7) and as bound parameters (FP-5).

use std::io::Cursor;
use std::sync::Arc;

use altertable_mock::MockServer;
use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{
    CompressionContext, DictionaryTracker, IpcDataGenerator, IpcWriteOptions, StreamWriter,
};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, Any, CommandPreparedStatementQuery, CommandStatementIngest,
    DoPutUpdateResult, ProstMessageExt, TableDefinitionOptions, TableExistsOption, TableNotExistOption,
};
use arrow_flight::{Action, FlightData, FlightDescriptor, PutResult};
use futures::{TryStreamExt, stream};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use prost::Message;
use tokio::runtime::Runtime;
use tonic::Request;

use super::cells::{Cell, cells};
use super::door::{self, Client, fetch};
use super::generate::{column, field};

/// Generated rows of some columns, in batches that are slices of a larger one; some are empty.
#[derive(Debug, Clone)]
struct Rows {
    fields: Vec<Field>,
    sizes: Vec<usize>,
    seed: u64,
}

fn rows() -> impl Strategy<Value = Rows> {
    let fields = proptest::collection::vec(field(), 1..4);
    let sizes = proptest::collection::vec(0_usize..30, 0..4);
    (fields, sizes, any::<u64>()).prop_map(|(fields, sizes, seed)| Rows { fields, sizes, seed })
}

impl Rows {
    fn schema(&self) -> SchemaRef {
        let named = self.fields.iter().zip(1..).map(|(field, at)| field.clone().with_name(format!("{at}")));
        Arc::new(Schema::new(named.collect::<Vec<_>>()))
    }

    /// Slices of one batch, the first row of which is never sent, so that every slice has an offset; or batches of
    /// their own where Arrow's writer gets such slices wrong.
    fn batches(&self) -> Option<Vec<RecordBatch>> {
        let own = || (1..).zip(&self.sizes).map(|(nth, size)| self.batch(*size, nth)).collect::<Vec<_>>();
        [self.slices(), own()].into_iter().find(|batches| survives(&self.schema(), batches))
    }

    fn slices(&self) -> Vec<RecordBatch> {
        let whole = self.batch(1 + self.sizes.iter().sum::<usize>(), 0);
        let starts = self.sizes.iter().scan(1, |next, size| Some(std::mem::replace(next, *next + size)));
        starts.zip(&self.sizes).map(|(start, size)| whole.slice(start, *size)).collect()
    }

    fn batch(&self, size: usize, nth: u64) -> RecordBatch {
        let (schema, seed) = (self.schema(), self.seed.wrapping_add(nth << 32));
        let columns =
            (0..).zip(schema.fields()).map(|(at, field)| column(field, size, seed.wrapping_add(at)));
        let columns = columns.collect();
        RecordBatch::try_new(schema, columns).unwrap()
    }
}

/// Whether Arrow's own writer and reader keep the rows: unions and runs they lose at times, when sliced or empty.
fn survives(schema: &SchemaRef, batches: &[RecordBatch]) -> bool {
    let back = || {
        let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        StreamReader::try_new(Cursor::new(writer.into_inner()?), None)?.collect::<Result<Vec<_>, _>>()
    };
    back().is_ok_and(|back: Vec<RecordBatch>| values(schema, &back) == values(schema, batches))
}

/// The values of each column.
fn values(schema: &Schema, batches: &[RecordBatch]) -> Vec<Vec<Cell>> {
    let of = |at: usize| batches.iter().flat_map(|batch| cells(schema.field(at), batch.column(at))).collect();
    (0..schema.fields().len()).map(of).collect()
}

/// The messages of an upload, by Arrow's own writer: dictionaries stay dictionaries.
fn messages(schema: &Schema, batches: &[RecordBatch], command: &impl ProstMessageExt) -> Vec<FlightData> {
    let (options, generator) = (IpcWriteOptions::default(), IpcDataGenerator::default());
    let mut tracker = DictionaryTracker::new(false);
    let mut compression = CompressionContext::default();
    let head = generator.schema_to_bytes_with_dictionary_tracker(schema, &mut tracker, &options);
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let mut messages = vec![FlightData::from(head).with_descriptor(descriptor)];
    for batch in batches {
        let (values, rows) = generator.encode(batch, &mut tracker, &options, &mut compression).unwrap();
        messages.extend(values.into_iter().map(FlightData::from));
        messages.push(rows.into());
    }
    messages
}

async fn put(client: &mut Client, messages: Vec<FlightData>) -> PutResult {
    let answers = client.do_put(Request::new(stream::iter(messages))).await.unwrap();
    answers.try_collect::<Vec<_>>().await.unwrap().remove(0)
}

async fn ingested(client: &mut Client, schema: &Schema, batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let command = CommandStatementIngest {
        table_definition_options: Some(TableDefinitionOptions {
            if_not_exist: TableNotExistOption::Create.into(),
            if_exists: TableExistsOption::Replace.into(),
        }),
        table: "t".to_owned(),
        ..CommandStatementIngest::default()
    };
    let answer = put(client, messages(schema, batches, &command)).await;
    let count = DoPutUpdateResult::decode(answer.app_metadata).unwrap().record_count;
    assert_eq!(count, batches.iter().map(|batch| batch.num_rows() as i64).sum::<i64>());
    let info = client.execute("FROM t".to_owned(), None).await.unwrap();
    fetch(client, info).await
}

/// With the messages themselves: the client binds one batch at most, and its encoder sends no dictionaries.
async fn bound(client: &mut Client, schema: &Schema, batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let list: Vec<_> = (1..=schema.fields().len()).map(|at| format!("${at} AS \"{at}\"")).collect();
    let create = ActionCreatePreparedStatementRequest {
        query: format!("SELECT {}", list.join(", ")),
        transaction_id: None,
    };
    let created = act(client, "CreatePreparedStatement", &create).await.remove(0);
    let created: ActionCreatePreparedStatementResult =
        Any::decode(created.body).unwrap().unpack().unwrap().unwrap();
    let handle = created.prepared_statement_handle;
    let command = CommandPreparedStatementQuery { prepared_statement_handle: handle.clone() };
    put(client, messages(schema, batches, &command)).await;
    let mut request = Request::new(FlightDescriptor::new_cmd(command.as_any().encode_to_vec()));
    let authorization = format!("Bearer {}", client.token().unwrap()).parse().unwrap();
    request.metadata_mut().insert("authorization", authorization);
    let info = client.inner_mut().get_flight_info(request).await.unwrap().into_inner();
    let rows = fetch(client, info).await;
    let close = ActionClosePreparedStatementRequest { prepared_statement_handle: handle };
    act(client, "ClosePreparedStatement", &close).await;
    rows
}

async fn act(client: &mut Client, name: &str, message: &impl ProstMessageExt) -> Vec<arrow_flight::Result> {
    let action = Action { r#type: name.to_owned(), body: message.as_any().encode_to_vec().into() };
    client.do_action(Request::new(action)).await.unwrap().try_collect().await.unwrap()
}

fn check(way: &impl AsyncFn(&mut Client, &Schema, &[RecordBatch]) -> Vec<RecordBatch>) {
    let runtime = Runtime::new().unwrap();
    let (server, client): (MockServer, Client) = runtime.block_on(async {
        let server = door::server().await;
        let client = door::client(&server).await;
        (server, client)
    });
    let config = ProptestConfig {
        cases: 150,
        max_global_rejects: 50,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&rows(), |rows| {
        let schema = rows.schema();
        let batches = rows.batches().ok_or_else(|| TestCaseError::reject("Arrow's writer loses these"))?;
        let seen = runtime.block_on(way(&mut client.clone(), &schema, &batches));
        let expected = values(&schema, &batches);
        match seen.first() {
            Some(first) => prop_assert_eq!(values(&first.schema(), &seen), expected),
            None => prop_assert!(expected.iter().all(Vec::is_empty)),
        }
        Ok(())
    });
    drop(server);
    outcome.unwrap();
}

#[test]
fn generated_batches_are_ingested_and_selected() {
    check(&ingested);
}

#[test]
fn generated_rows_are_bound_and_selected() {
    check(&bound);
}

//! DoPut: updates, binds and ingest.

use super::answers;
use super::flight::outcome;
use super::messages::base64;
use super::rpc::{Call, Wire, client};
use crate::arrow_data::input;
use crate::fault::{During, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::{CompressionContext, DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use arrow_flight::sql::{DoPutPreparedStatementResult, DoPutUpdateResult};
use arrow_flight::{FlightData, FlightDescriptor, PutResult};
use bytes::Bytes;
use futures::stream;
use futures::{StreamExt as _, TryStreamExt as _};
use prost::Message as _;
use serde_json::{Value, json};
use std::time::Duration;
use tonic::Status;
use tonic::transport::Channel;

/// What a DoPut carries after its descriptor.
#[derive(Debug)]
pub struct Upload {
    schema: Option<SchemaRef>,
    batches: Vec<RecordBatch>,
    break_after: Option<usize>,
}

impl Upload {
    /// The data of a step. Without `columns` the stream is the descriptor alone.
    ///
    /// # Errors
    /// Values that do not fit their columns.
    pub fn new(
        columns: Option<&[String]>,
        rows: &[Vec<Value>],
        batch_rows: Option<usize>,
        break_after: Option<usize>,
    ) -> Result<Self> {
        let Some(columns) = columns else { return Ok(Self { schema: None, batches: vec![], break_after }) };
        let schema = input::schema(columns)?;
        let whole = input::batch(&schema, rows)?;
        let batches =
            if rows.is_empty() { vec![] } else { input::pieces(&whole, batch_rows.unwrap_or(usize::MAX))? };
        Ok(Self { schema: Some(schema), batches, break_after })
    }

    /// The messages, the first one with the descriptor.
    fn messages(self, command: Bytes) -> Result<Vec<FlightData>> {
        let descriptor = FlightDescriptor::new_cmd(command);
        let Some(schema) = self.schema else {
            return Ok(vec![FlightData::new().with_descriptor(descriptor)]);
        };
        let mut messages = encode(&schema, &self.batches).during("encoding the upload")?;
        if let Some(first) = messages.first_mut() {
            first.flight_descriptor = Some(descriptor);
        }
        Ok(messages)
    }
}

/// The schema message and those of the batches, written with Arrow's IPC writer: the encoder of the Flight crate
/// announces LargeList columns as List.
fn encode(schema: &SchemaRef, batches: &[RecordBatch]) -> std::result::Result<Vec<FlightData>, ArrowError> {
    let (options, generator) = (IpcWriteOptions::default(), IpcDataGenerator::default());
    let mut dictionaries = DictionaryTracker::new(false);
    let mut compression = CompressionContext::default();
    let head = generator.schema_to_bytes_with_dictionary_tracker(schema, &mut dictionaries, &options);
    let mut messages = vec![FlightData::from(head)];
    for batch in batches {
        let (values, rows) = generator.encode(batch, &mut dictionaries, &options, &mut compression)?;
        messages.extend(values.into_iter().map(FlightData::from));
        messages.push(rows.into());
    }
    Ok(messages)
}

impl Call {
    /// DoPut of an update or an ingest.
    ///
    /// # Errors
    /// Data that cannot be encoded.
    pub async fn update(self, command: Bytes, upload: Upload) -> Result<Value> {
        let answer = self.put(command, upload).await?.and_then(|results| {
            let [result] = results.as_slice() else {
                return Err(Status::unknown(format!("{} PutResults instead of one", results.len())));
            };
            DoPutUpdateResult::decode(result.app_metadata.clone())
                .map_err(|error| Status::unknown(format!("an undecodable PutResult: {error}")))
        });
        Ok(outcome(
            answer.map(|result| json!({"count": result.record_count})).map_err(|status| (status, "DoPut")),
        ))
    }

    /// DoPut of parameters.
    ///
    /// # Errors
    /// Data that cannot be encoded.
    pub async fn bind(self, command: Bytes, upload: Upload, handle: Bytes) -> Result<Value> {
        let answer = self.put(command, upload).await?.and_then(|results| {
            let Some(result) = results.first() else { return Ok(json!({"results": 0})) };
            let decoded = DoPutPreparedStatementResult::decode(result.app_metadata.clone());
            let returned = decoded.map_err(|error| Status::unknown(format!("an undecodable PutResult: {error}")))?.prepared_statement_handle;
            let same = returned.as_ref().is_some_and(|returned| *returned == handle);
            Ok(json!({"results": results.len(), "same_handle": same, "handle": returned.map(|returned| base64(&returned))}))
        });
        Ok(outcome(answer.map_err(|status| (status, "DoPut"))))
    }

    async fn put(self, command: Bytes, upload: Upload) -> Result<Result<Vec<PutResult>, Status>> {
        match &self.wire {
            Wire::Grpc(channel) => self.put_over(channel, command, upload).await,
            Wire::Driver(driver, url) => {
                let mut fields = json!({"command": base64(&command), "break_after": upload.break_after});
                if let Some(schema) = &upload.schema {
                    fields["arrow"] =
                        answers::stream(schema, &upload.batches).during("encoding the upload")?;
                }
                let answer = driver.rpc("put", self.addressed(url, fields)).await;
                let results = answer.and_then(|answer| answers::list(&answer, "results"));
                let result = |app_metadata| PutResult { app_metadata };
                Ok(results.map(|results| results.into_iter().map(result).collect()))
            }
        }
    }

    async fn put_over(
        &self,
        channel: &Channel,
        command: Bytes,
        upload: Upload,
    ) -> Result<Result<Vec<PutResult>, Status>> {
        let break_after = upload.break_after;
        let messages = upload.messages(command)?;
        let Some(batches) = break_after else { return Ok(self.send(channel, messages, false).await) };
        // The schema message comes before the batches.
        let cut = messages.into_iter().take(batches + 1).collect();
        const GRACE: Duration = Duration::from_millis(200);
        Ok(match tokio::time::timeout(GRACE, self.send(channel, cut, true)).await {
            Ok(answer) => answer,
            Err(_) => Err(Status::cancelled("the runner broke the upload off")),
        })
    }

    /// Sends the messages; an endless stream neither ends nor goes on after them.
    async fn send(
        &self,
        channel: &Channel,
        messages: Vec<FlightData>,
        endless: bool,
    ) -> Result<Vec<PutResult>, Status> {
        let messages = stream::iter(messages).chain(stream::pending().take(usize::from(endless)));
        client(channel).do_put(self.request(messages)).await?.into_inner().try_collect().await
    }
}

//! Flight SQL calls and their answers as outcomes.

use super::answers;
use super::messages::{self, Prepared, base64, bytes};
use super::rpc::{Call, Wire, client};
use crate::arrow_data::{notation, values};
use crate::driver;
use crate::fault::{During, Result};
use crate::gate::Gate;
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Schema;
use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use arrow_flight::{FlightInfo, SchemaResult, Ticket};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value, json};
use tonic::Status;
use tonic::transport::Channel;

/// Either an outcome or the status that takes its place, with the RPC that gave it.
pub(super) type Answer = Result<Value, (Status, &'static str)>;

/// The outcome of a call, failed or not.
pub(super) fn outcome(answer: Answer) -> Value {
    match answer {
        Ok(mut value) => {
            value["status"] = "OK".into();
            value
        }
        Err((status, rpc)) => json!({"status": code(&status), "message": status.message(), "at": rpc}),
    }
}

fn code(status: &Status) -> String {
    let mut text = String::new();
    for letter in format!("{:?}", status.code()).chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

/// Reads an encapsulated IPC schema; no bytes at all are no columns.
pub(super) fn ipc_schema(bytes: Bytes) -> Result<Schema, Status> {
    if bytes.is_empty() {
        return Ok(Schema::empty());
    }
    SchemaResult { schema: bytes }
        .try_into()
        .map_err(|error| Status::unknown(format!("the server sent an unreadable schema: {error}")))
}

fn metadata_of(schema: &Schema) -> Value {
    schema.fields().iter().map(|field| json!(field.metadata())).collect()
}

impl Call {
    /// Handshake with so many requests.
    pub async fn handshake(self, requests: usize) -> Value {
        outcome(self.shake_hands(requests).await.map_err(|status| (status, "Handshake")))
    }

    /// GetFlightInfo.
    pub async fn info(self, command: Bytes) -> Value {
        outcome(
            self.try_info(command).await.map(|(value, _)| value).map_err(|status| (status, "GetFlightInfo")),
        )
    }

    async fn try_info(&self, command: Bytes) -> Result<(Value, Option<Ticket>), Status> {
        let (info, headers) = self.get_flight_info(command).await?;
        let ticket = info.endpoint.first().and_then(|endpoint| endpoint.ticket.clone());
        Ok((json!({"info": info_shown(info)?, "headers": headers}), ticket))
    }

    /// GetFlightInfo, then DoGet of the first endpoint.
    pub async fn query(self, command: Bytes, gate: Gate) -> Result<Value> {
        let (info, ticket) = match self.try_info(command).await {
            Ok(found) => found,
            Err(status) => return Ok(outcome(Err((status, "GetFlightInfo")))),
        };
        let ticket = ticket.unwrap_or_default();
        self.try_fetch(ticket, info.as_object().cloned().unwrap_or_default(), gate).await
    }

    /// DoGet of a ticket in base64.
    pub async fn fetch(self, ticket: &str, gate: Gate) -> Result<Value> {
        let ticket = Ticket { ticket: bytes(ticket)? };
        self.try_fetch(ticket, Map::new(), gate).await
    }

    async fn try_fetch(&self, ticket: Ticket, start: Map<String, Value>, mut gate: Gate) -> Result<Value> {
        match &self.wire {
            Wire::Grpc(channel) => self.stream(channel, ticket, start, gate).await,
            Wire::Driver(driver, url) => {
                let fields = self.addressed(url, json!({"ticket": base64(&ticket.ticket)}));
                let so_far = |answer: &Value| fetched(start.clone(), answer);
                Ok(so_far(&driver.call("get", fields, &mut gate, so_far).await?.unwrap_or_default()))
            }
        }
    }

    async fn stream(
        &self,
        channel: &Channel,
        ticket: Ticket,
        start: Map<String, Value>,
        mut gate: Gate,
    ) -> Result<Value> {
        let stream = match client(channel).do_get(self.request(ticket)).await {
            Ok(response) => response.into_inner(),
            Err(status) => return Ok(failed(start, status)),
        };
        let mut decoder =
            FlightDataDecoder::new(stream.map_err(|status| FlightError::Tonic(Box::new(status))));
        let (mut found, mut batches) = (start, 0_usize);
        found.insert("rows".to_owned(), json!([]));
        found.insert("row_count".to_owned(), json!(0));
        loop {
            match decoder.next().await {
                None => break,
                Some(Ok(data)) => match data.payload {
                    DecodedPayload::None => continue,
                    DecodedPayload::Schema(schema) => {
                        announce(&mut found, &schema);
                        continue;
                    }
                    DecodedPayload::RecordBatch(batch) => {
                        batches += 1;
                        add_rows(&mut found, rows_of(&batch)?);
                    }
                },
                Some(Err(FlightError::Tonic(status))) => return Ok(failed(found, *status)),
                Some(Err(error)) => {
                    return Ok(failed(found, Status::unknown(format!("an undecodable stream: {error}"))));
                }
            }
            gate.pass(batches, || Value::Object(found.clone())).await;
        }
        found.insert("batches".to_owned(), json!(batches));
        Ok(outcome(Ok(Value::Object(found))))
    }

    /// PollFlightInfo.
    pub async fn poll(self, command: Bytes) -> Value {
        let answer = async {
            let poll = self.poll_flight_info(command).await?;
            let info = poll.info.map(info_shown).transpose()?;
            Ok(
                json!({"info": info, "progress": poll.progress, "descriptor": poll.flight_descriptor.map(|_| "present")}),
            )
        };
        outcome(answer.await.map_err(|status: Status| (status, "PollFlightInfo")))
    }

    /// GetSchema.
    pub async fn schema(self, command: Bytes) -> Value {
        let answer = async {
            let schema = ipc_schema(self.get_schema(command).await?)?;
            Ok(json!({"schema": notation::schema(&schema), "metadata": metadata_of(&schema)}))
        };
        outcome(answer.await.map_err(|status: Status| (status, "GetSchema")))
    }

    /// DoAction as it stands.
    pub async fn action(self, kind: &str, body: Bytes) -> Value {
        let shown = |results: Vec<Bytes>| json!({"results": results.iter().map(|body| base64(body)).collect::<Vec<_>>()});
        outcome(self.act(kind, body).await.map(shown).map_err(|status| (status, "DoAction")))
    }

    /// ListActions.
    pub async fn actions(self) -> Value {
        let answer = self.list_actions().await.map(|actions| json!({"actions": actions}));
        outcome(answer.map_err(|status| (status, "ListActions")))
    }

    /// CreatePreparedStatement.
    pub async fn prepare(self, request: Bytes) -> Value {
        let answer = async {
            let prepared: Prepared =
                messages::unpacked(&self.act("CreatePreparedStatement", request).await?)?;
            let (schema, parameters) =
                (ipc_schema(prepared.dataset_schema)?, ipc_schema(prepared.parameter_schema)?);
            Ok(json!({
                "handle": base64(&prepared.handle), "schema": notation::schema(&schema), "metadata": metadata_of(&schema),
                "parameters": notation::schema(&parameters), "is_update": prepared.is_update,
            }))
        };
        outcome(answer.await.map_err(|status: Status| (status, "DoAction")))
    }
}

/// The outcome of a DoGet that a driver made.
fn fetched(mut found: Map<String, Value>, answer: &Value) -> Value {
    match (answers::schema_and_rows(answer, &mut found), driver::status(answer)) {
        (Err(status), _) | (Ok(_), Some(status)) => failed(found, status),
        (Ok(batches), None) => {
            found.insert("batches".to_owned(), json!(batches));
            outcome(Ok(Value::Object(found)))
        }
    }
}

/// The schema of a stream that begins, in an outcome.
pub(crate) fn announce(found: &mut Map<String, Value>, schema: &Schema) {
    found.insert("schema".to_owned(), notation::schema(schema).into());
    found.insert("metadata".to_owned(), metadata_of(schema));
    found.insert("rows".to_owned(), json!([]));
    found.insert("row_count".to_owned(), json!(0));
}

fn failed(mut so_far: Map<String, Value>, status: Status) -> Value {
    if let Value::Object(error) = outcome(Err((status, "DoGet"))) {
        so_far.extend(error);
    }
    Value::Object(so_far)
}

/// Adds rows to an outcome.
pub(crate) fn add_rows(found: &mut Map<String, Value>, rows: Vec<Value>) {
    if let Some(Value::Array(all)) = found.get_mut("rows") {
        all.extend(rows);
        let count = all.len();
        found.insert("row_count".to_owned(), json!(count));
    }
}

/// The rows of a batch; the encapsulated schemas that GetTables returns are opened.
pub(crate) fn rows_of(batch: &RecordBatch) -> Result<Vec<Value>> {
    let mut rows = values::rows(batch)?;
    let schemas = batch.column_by_name("table_schema").and_then(|column| column.as_binary_opt::<i32>());
    let Some((schemas, at)) = schemas.zip(batch.schema().index_of("table_schema").ok()) else {
        return Ok(rows);
    };
    for (row, bytes) in rows.iter_mut().zip(schemas.iter().flatten()) {
        if let Ok(schema) = ipc_schema(Bytes::copy_from_slice(bytes)) {
            row[at] = json!({"schema": notation::schema(&schema), "metadata": metadata_of(&schema)});
        }
    }
    Ok(rows)
}

fn info_shown(info: FlightInfo) -> Result<Value, Status> {
    let locations: Vec<Vec<String>> = info
        .endpoint
        .iter()
        .map(|end| end.location.iter().map(|place| place.uri.clone()).collect())
        .collect();
    let ticket = info
        .endpoint
        .first()
        .and_then(|endpoint| endpoint.ticket.as_ref())
        .map(|ticket| base64(&ticket.ticket));
    let command = info.flight_descriptor.as_ref().map(|descriptor| base64(&descriptor.cmd));
    let (records, bytes) = (info.total_records, info.total_bytes);
    let schema = ipc_schema(info.schema)?;
    Ok(json!({
        "schema": notation::schema(&schema), "metadata": metadata_of(&schema), "records": records, "bytes": bytes,
        "locations": locations, "ticket": ticket, "descriptor": command,
    }))
}

/// A connection with room enough that a paused stream never holds up another call.
///
/// # Errors
/// A malformed address.
pub fn channel(address: &str) -> Result<Channel> {
    const STREAM_WINDOW: u32 = 1 << 20;
    const CONNECTION_WINDOW: u32 = 1 << 30;
    let endpoint = Channel::from_shared(address.to_owned()).during(address)?;
    Ok(endpoint
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect_lazy())
}

//! Flight SQL calls and their answers as outcomes.

use super::gate::Gate;
use super::messages::{self, Prepared, base64, bytes};
use crate::arrow_data::{notation, values};
use crate::fault::{During, Result};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Schema;
use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{Action, Empty, FlightDescriptor, FlightInfo, HandshakeRequest, SchemaResult, Ticket};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value, json};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// A call about to be made: where to, and with which metadata.
#[derive(Debug, Clone)]
pub struct Call {
    /// The connection.
    pub channel: Channel,
    /// Credentials and whatever else the step adds.
    pub metadata: MetadataMap,
}

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
    pub(super) fn client(&self) -> FlightServiceClient<Channel> {
        FlightServiceClient::new(self.channel.clone())
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX)
    }

    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        request
    }

    /// Handshake with so many requests.
    pub async fn handshake(self, requests: usize) -> Value {
        outcome(self.try_handshake(requests).await.map_err(|status| (status, "Handshake")))
    }

    async fn try_handshake(&self, requests: usize) -> Result<Value, Status> {
        let stream = futures::stream::iter(std::iter::repeat_n(HandshakeRequest::default(), requests));
        let response = self.client().handshake(self.request(stream)).await?;
        let headers = shown(response.metadata());
        let answers: Vec<_> = response.into_inner().try_collect().await?;
        let first = answers.first();
        Ok(json!({
            "header": headers.get("authorization"), "answers": answers.len(),
            "token": first.map(|answer| String::from_utf8_lossy(&answer.payload).into_owned()),
            "protocol_version": first.map(|answer| answer.protocol_version),
        }))
    }

    /// GetFlightInfo.
    pub async fn info(self, command: Bytes) -> Value {
        outcome(
            self.try_info(command).await.map(|(value, _)| value).map_err(|status| (status, "GetFlightInfo")),
        )
    }

    async fn try_info(&self, command: Bytes) -> Result<(Value, Option<Ticket>), Status> {
        let response =
            self.client().get_flight_info(self.request(FlightDescriptor::new_cmd(command))).await?;
        let headers = shown(response.metadata());
        let info = response.into_inner();
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
        let stream = match self.client().do_get(self.request(ticket)).await {
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
                        found.insert("schema".to_owned(), notation::schema(&schema).into());
                        found.insert("metadata".to_owned(), metadata_of(&schema));
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
            let poll = self
                .client()
                .poll_flight_info(self.request(FlightDescriptor::new_cmd(command)))
                .await?
                .into_inner();
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
            let result = self
                .client()
                .get_schema(self.request(FlightDescriptor::new_cmd(command)))
                .await?
                .into_inner();
            let schema = ipc_schema(result.schema)?;
            Ok(json!({"schema": notation::schema(&schema), "metadata": metadata_of(&schema)}))
        };
        outcome(answer.await.map_err(|status: Status| (status, "GetSchema")))
    }

    /// DoAction; the bodies of the results, or the status.
    pub(super) async fn act(&self, kind: &str, body: Bytes) -> Result<Vec<Bytes>, Status> {
        let action = Action { r#type: kind.to_owned(), body };
        let results: Vec<_> =
            self.client().do_action(self.request(action)).await?.into_inner().try_collect().await?;
        Ok(results.into_iter().map(|result| result.body).collect())
    }

    /// DoAction as it stands.
    pub async fn action(self, kind: &str, body: Bytes) -> Value {
        let shown = |results: Vec<Bytes>| json!({"results": results.iter().map(|body| base64(body)).collect::<Vec<_>>()});
        outcome(self.act(kind, body).await.map(shown).map_err(|status| (status, "DoAction")))
    }

    /// ListActions.
    pub async fn actions(self) -> Value {
        let answer = async {
            let actions: Vec<_> =
                self.client().list_actions(self.request(Empty {})).await?.into_inner().try_collect().await?;
            Ok(json!({"actions": actions.iter().map(|action| action.r#type.as_str()).collect::<Vec<_>>()}))
        };
        outcome(answer.await.map_err(|status: Status| (status, "ListActions")))
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

fn failed(mut so_far: Map<String, Value>, status: Status) -> Value {
    if let Value::Object(error) = outcome(Err((status, "DoGet"))) {
        so_far.extend(error);
    }
    Value::Object(so_far)
}

fn add_rows(found: &mut Map<String, Value>, rows: Vec<Value>) {
    if let Some(Value::Array(all)) = found.get_mut("rows") {
        all.extend(rows);
        let count = all.len();
        found.insert("row_count".to_owned(), json!(count));
    }
}

/// The rows of a batch; the encapsulated schemas that GetTables returns are opened.
fn rows_of(batch: &RecordBatch) -> Result<Vec<Value>> {
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

/// Metadata as a map of texts.
fn shown(metadata: &MetadataMap) -> Value {
    let headers = metadata.clone().into_headers();
    Value::Object(
        headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
            .collect(),
    )
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

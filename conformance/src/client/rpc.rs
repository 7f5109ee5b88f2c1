//! The RPCs of Flight: over this crate's own gRPC connection, or made by another program.

use super::Client;
use super::answers;
use super::flight::channel;
use super::messages::base64;
use crate::driver::Connection;
use crate::fault::Fault;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{Action, Empty, FlightDescriptor, FlightInfo, HandshakeRequest, PollInfo};
use bytes::Bytes;
use futures::TryStreamExt as _;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// What carries a call.
#[derive(Debug, Clone)]
pub enum Wire {
    /// A gRPC connection.
    Grpc(Channel),
    /// Another program, and the address it is to call.
    Driver(Connection, String),
}

impl Wire {
    /// The way of a client to a Flight SQL address.
    ///
    /// # Errors
    /// A malformed address.
    pub fn of(client: &Client, address: &str) -> Result<Self, Fault> {
        Ok(match client {
            Client::Own(_) => Self::Grpc(channel(address)?),
            Client::Driven(driver) => Self::Driver(driver.clone(), address.to_owned()),
        })
    }
}

/// A call about to be made: where to, and with which metadata.
#[derive(Debug, Clone)]
pub struct Call {
    /// The connection.
    pub wire: Wire,
    /// Credentials and whatever else the step adds.
    pub metadata: MetadataMap,
}

/// A gRPC client over that connection.
pub(super) fn client(channel: &Channel) -> FlightServiceClient<Channel> {
    FlightServiceClient::new(channel.clone())
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX)
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

fn message<M: prost::Message + Default>(bytes: Bytes) -> Result<M, Status> {
    M::decode(bytes).map_err(|error| Status::unknown(format!("the driver's answer: {error}")))
}

impl Call {
    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        request
    }

    /// The fields of a driver's call: those given, and where to and with which metadata.
    pub(crate) fn addressed(&self, url: &str, mut fields: Value) -> Value {
        let headers = self.metadata.clone().into_headers();
        let pair = |(name, value): (&HeaderName, &HeaderValue)| {
            json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())])
        };
        fields["url"] = url.into();
        fields["metadata"] = headers.iter().map(pair).collect();
        fields
    }

    async fn driven(
        &self,
        driver: &Connection,
        url: &str,
        kind: &str,
        fields: Value,
    ) -> Result<Map<String, Value>, Status> {
        driver.rpc(kind, self.addressed(url, fields)).await
    }

    /// Handshake with so many requests: what it answered.
    pub(super) async fn shake_hands(&self, requests: usize) -> Result<Value, Status> {
        let channel = match &self.wire {
            Wire::Driver(driver, url) => {
                let fields = json!({"requests": requests});
                return self.driven(driver, url, "handshake", fields).await.map(Value::Object);
            }
            Wire::Grpc(channel) => channel,
        };
        let stream = futures::stream::iter(std::iter::repeat_n(HandshakeRequest::default(), requests));
        let response = client(channel).handshake(self.request(stream)).await?;
        let headers = shown(response.metadata());
        let answers: Vec<_> = response.into_inner().try_collect().await?;
        let first = answers.first();
        Ok(json!({
            "header": headers.get("authorization"), "answers": answers.len(),
            "token": first.map(|answer| String::from_utf8_lossy(&answer.payload).into_owned()),
            "protocol_version": first.map(|answer| answer.protocol_version),
        }))
    }

    /// GetFlightInfo of a command: the information and the headers.
    pub(super) async fn get_flight_info(&self, command: Bytes) -> Result<(FlightInfo, Value), Status> {
        match &self.wire {
            Wire::Grpc(channel) => {
                let request = self.request(FlightDescriptor::new_cmd(command));
                let response = client(channel).get_flight_info(request).await?;
                let headers = shown(response.metadata());
                Ok((response.into_inner(), headers))
            }
            Wire::Driver(driver, url) => {
                let fields = json!({"command": base64(&command)});
                let mut answer = self.driven(driver, url, "info", fields).await?;
                let headers = answer.remove("headers").unwrap_or_default();
                Ok((message(answers::decoded(&answer, "info")?)?, headers))
            }
        }
    }

    /// PollFlightInfo of a command.
    pub(super) async fn poll_flight_info(&self, command: Bytes) -> Result<PollInfo, Status> {
        match &self.wire {
            Wire::Grpc(channel) => {
                let request = self.request(FlightDescriptor::new_cmd(command));
                Ok(client(channel).poll_flight_info(request).await?.into_inner())
            }
            Wire::Driver(driver, url) => {
                let fields = json!({"command": base64(&command)});
                message(answers::decoded(&self.driven(driver, url, "poll", fields).await?, "poll")?)
            }
        }
    }

    /// GetSchema of a command: an encapsulated IPC schema.
    pub(super) async fn get_schema(&self, command: Bytes) -> Result<Bytes, Status> {
        match &self.wire {
            Wire::Grpc(channel) => {
                let request = self.request(FlightDescriptor::new_cmd(command));
                Ok(client(channel).get_schema(request).await?.into_inner().schema)
            }
            Wire::Driver(driver, url) => {
                let fields = json!({"command": base64(&command)});
                answers::decoded(&self.driven(driver, url, "schema", fields).await?, "schema")
            }
        }
    }

    /// DoAction: the bodies of the results.
    pub(super) async fn act(&self, kind: &str, body: Bytes) -> Result<Vec<Bytes>, Status> {
        match &self.wire {
            Wire::Grpc(channel) => {
                let request = self.request(Action { r#type: kind.to_owned(), body });
                let results: Vec<_> =
                    client(channel).do_action(request).await?.into_inner().try_collect().await?;
                Ok(results.into_iter().map(|result| result.body).collect())
            }
            Wire::Driver(driver, url) => {
                let fields = json!({"type": kind, "body": base64(&body)});
                answers::list(&self.driven(driver, url, "action", fields).await?, "results")
            }
        }
    }

    /// ListActions: their types.
    pub(super) async fn list_actions(&self) -> Result<Value, Status> {
        match &self.wire {
            Wire::Grpc(channel) => {
                let stream = client(channel).list_actions(self.request(Empty {})).await?.into_inner();
                let actions: Vec<_> = stream.try_collect().await?;
                Ok(actions.iter().map(|action| action.r#type.as_str()).collect())
            }
            Wire::Driver(driver, url) => {
                let mut answer = self.driven(driver, url, "actions", json!({})).await?;
                Ok(answer.remove("actions").unwrap_or_default())
            }
        }
    }
}

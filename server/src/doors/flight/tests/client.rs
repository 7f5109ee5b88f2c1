//! A Flight client that shows each status as it came, and a port for it to talk to.

use std::net::SocketAddr;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{
    Any, CommandStatementQuery, CommandStatementUpdate, DoPutUpdateResult, ProstMessageExt,
};
use arrow_flight::{Action, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, Ticket};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::config::{BindAddresses, ConnectionOptions, FlightOptions};
use crate::doors::connections::Connections;
use crate::doors::flight::server::FlightServer;
use crate::doors::metrics::Metrics;
use crate::doors::tls::TlsIdentity;
use crate::doors::{DOORS, Listeners};
use engine::{Account, Engine, EngineConfig};

/// A port that stops when the test ends.
pub(super) struct Door {
    pub(super) address: SocketAddr,
    pub(super) endpoint: Endpoint,
    _stop: DropGuard,
}

impl Door {
    pub(super) fn open() -> Self {
        Self::open_with(EngineConfig::default(), &FlightOptions::default())
    }

    pub(super) fn open_with(engine: EngineConfig, flight: &FlightOptions) -> Self {
        Self::open_as(engine, flight, None)
    }

    /// As [`open_with`](Self::open_with), with a certificate.
    pub(super) fn open_as(engine: EngineConfig, flight: &FlightOptions, tls: Option<&TlsIdentity>) -> Self {
        let account = |name: &str| Account { name: name.to_owned(), password: format!("{name}-pw") };
        let users = ["alice", "bob"].map(account).to_vec();
        let server = Self::server(EngineConfig { users, ..engine }, flight, tls);
        let second = std::time::Duration::from_secs(1);
        Self::open_server(server, Self::connections(None, 120 * second))
    }

    /// A server with these settings.
    pub(super) fn server(
        engine: EngineConfig,
        flight: &FlightOptions,
        tls: Option<&TlsIdentity>,
    ) -> FlightServer {
        let engine = Engine::new(engine);
        let metrics = Metrics::new(&engine).unwrap();
        FlightServer::new(engine, flight, tls, metrics).unwrap()
    }

    /// Limits of connections, and the time after which a peer is taken for lost.
    pub(super) fn connections(limit: Option<usize>, lost_after: std::time::Duration) -> ConnectionOptions {
        ConnectionOptions {
            limit,
            door_limit: limit,
            login_limit: None,
            idle_timeout: lost_after,
            lost_after,
        }
    }

    pub(super) fn open_server(server: FlightServer, connections: ConnectionOptions) -> Self {
        let listeners = Listeners::bind(&BindAddresses::Loopback, 0, &DOORS[2]).unwrap();
        let address = listeners.addresses()[0];
        let stop = CancellationToken::new();
        let entrance = Connections::new(connections).unwrap().entrance(listeners);
        tokio::spawn(server.serve(entrance, stop.clone(), tokio::sync::watch::channel(true).1));
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self { address, endpoint, _stop: stop.drop_guard() }
    }

    /// A client that sends `authorization` with each call.
    pub(super) async fn with(&self, authorization: &str) -> Client {
        let inner = FlightServiceClient::new(self.endpoint.connect().await.unwrap())
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX);
        Client { inner, authorization: authorization.to_owned() }
    }

    /// A client with a new session of `user`.
    pub(super) async fn client(&self, user: &str) -> Client {
        let mut client = self.with(&basic(user, &format!("{user}-pw"))).await;
        client.authorization = client.handshake().await.unwrap();
        client
    }
}

pub(super) fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {encoded}")
}

#[derive(Clone)]
pub(super) struct Client {
    pub(super) inner: FlightServiceClient<Channel>,
    pub(super) authorization: String,
}

pub(super) type Outcome<T> = Result<T, Status>;

impl Client {
    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Ok(value) = MetadataValue::try_from(&self.authorization) {
            request.metadata_mut().insert("authorization", value);
        }
        request
    }

    /// The `authorization` that a Handshake answers.
    pub(super) async fn handshake(&mut self) -> Outcome<String> {
        let request = self.request(stream::empty::<HandshakeRequest>());
        let response = self.inner.handshake(request).await?;
        let header = response.metadata().get("authorization").unwrap().to_str().unwrap().to_owned();
        let payloads: Vec<_> = response.into_inner().try_collect().await?;
        assert_eq!(payloads.len(), 1);
        assert_eq!(header, format!("Bearer {}", str::from_utf8(&payloads[0].payload).unwrap()));
        Ok(header)
    }

    pub(super) async fn info(&mut self, command: &impl ProstMessageExt) -> Outcome<FlightInfo> {
        let request = self.request(descriptor(command));
        self.inner.get_flight_info(request).await.map(tonic::Response::into_inner)
    }

    pub(super) async fn redeem(&mut self, ticket: Bytes) -> Outcome<Vec<RecordBatch>> {
        let request = self.request(Ticket { ticket });
        let messages = self.inner.do_get(request).await?.into_inner().map_err(FlightError::from);
        FlightRecordBatchStream::new_from_flight_data(messages).try_collect().await.map_err(status_of)
    }

    pub(super) async fn fetch(&mut self, command: &impl ProstMessageExt) -> Outcome<Vec<RecordBatch>> {
        let info = self.info(command).await?;
        self.redeem(ticket(&info)).await
    }

    /// The result of a query, one line per row.
    pub(super) async fn query(&mut self, sql: &str) -> Outcome<String> {
        self.query_in(sql, None).await
    }

    pub(super) async fn query_in(&mut self, sql: &str, transaction: Option<&Bytes>) -> Outcome<String> {
        self.fetch(&statement(sql, transaction)).await.map(|batches| text(&batches))
    }

    pub(super) async fn update(&mut self, sql: &str) -> Outcome<i64> {
        self.update_in(sql, None).await
    }

    pub(super) async fn update_in(&mut self, sql: &str, transaction: Option<&Bytes>) -> Outcome<i64> {
        let command = CommandStatementUpdate { query: sql.to_owned(), transaction_id: transaction.cloned() };
        let only = FlightData { flight_descriptor: Some(descriptor(&command)), ..FlightData::default() };
        let answer = self.put(stream::iter([only])).await?;
        Ok(DoPutUpdateResult::decode(answer).unwrap().record_count)
    }

    /// Uploads batches under a command; the answer's message.
    pub(super) async fn upload(
        &mut self,
        command: &impl ProstMessageExt,
        batches: Vec<RecordBatch>,
    ) -> Outcome<Bytes> {
        let schema = batches[0].schema();
        let messages = FlightDataEncoderBuilder::new()
            .with_schema(schema)
            .with_flight_descriptor(Some(descriptor(command)))
            .build(stream::iter(batches.into_iter().map(Ok)))
            .map(Result::unwrap);
        self.put(messages).await
    }

    pub(super) async fn put(
        &mut self,
        messages: impl futures::Stream<Item = FlightData> + Send + 'static,
    ) -> Outcome<Bytes> {
        let request = self.request(messages);
        let answers: Vec<_> = self.inner.do_put(request).await?.into_inner().try_collect().await?;
        assert_eq!(answers.len(), 1);
        Ok(answers[0].app_metadata.clone())
    }

    pub(super) async fn action(&mut self, name: &str, body: impl Into<Bytes>) -> Outcome<Vec<Bytes>> {
        let request = self.request(Action { r#type: name.to_owned(), body: body.into() });
        let results = self.inner.do_action(request).await?.into_inner();
        results.map_ok(|result| result.body).try_collect().await
    }

    /// An action whose messages are wrapped in `Any`.
    pub(super) async fn action_in_any(
        &mut self,
        name: &str,
        message: &impl ProstMessageExt,
    ) -> Outcome<Vec<Any>> {
        let results = self.action(name, message.as_any().encode_to_vec()).await?;
        Ok(results.into_iter().map(|body| Any::decode(body).unwrap()).collect())
    }
}

pub(super) fn statement(sql: &str, transaction: Option<&Bytes>) -> CommandStatementQuery {
    CommandStatementQuery { query: sql.to_owned(), transaction_id: transaction.cloned() }
}

pub(super) fn descriptor(command: &impl ProstMessageExt) -> FlightDescriptor {
    FlightDescriptor::new_cmd(command.as_any().encode_to_vec())
}

pub(super) fn ticket(info: &FlightInfo) -> Bytes {
    info.endpoint[0].ticket.clone().unwrap().ticket
}

/// Rows as `a|b`, one line each.
pub(super) fn text(batches: &[RecordBatch]) -> String {
    let options = FormatOptions::default();
    let rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
    let line = |(batch, row): (&RecordBatch, usize)| {
        let cells = batch.columns().iter().map(|column| {
            let cells = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
            cells.value(row).to_string()
        });
        cells.collect::<Vec<_>>().join("|")
    };
    rows.map(line).collect::<Vec<_>>().join("\n")
}

fn status_of(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => panic!("not a status: {other}"),
    }
}

/// Asserts a refusal by code and text.
#[track_caller]
pub(super) fn refused<T: std::fmt::Debug>(outcome: Outcome<T>, code: Code, text: &str) {
    let status = outcome.unwrap_err();
    assert!(status.code() == code && status.message().contains(text), "{status:?}");
}

//! A proxy in front of Flight SQL that is as wrong as its fault says.

use crate::HELD;
use crate::fault::Flight;
use altertable_mock_conformance::client::flight::channel;
use altertable_mock_conformance::fault::{During as _, Result};
use arrow::array::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest,
    HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::net::TcpListener;
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

struct Proxy {
    channel: Channel,
    wrong: Flight,
}

type Answer<T> = Result<Response<T>, Status>;
type Items<T> = BoxStream<'static, Result<T, Status>>;

/// Starts a proxy in front of `server`; its address.
pub async fn start(server: &str, wrong: Flight) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.during("a port for the proxy")?;
    let address = listener.local_addr().during("the proxy's address")?;
    let service = FlightServiceServer::new(Proxy { channel: channel(server)?, wrong })
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX);
    let serving = tonic::transport::Server::builder()
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(1 << 30)
        .add_service(service);
    tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
    Ok(format!("http://{address}"))
}

impl Proxy {
    fn client(&self) -> FlightServiceClient<Channel> {
        FlightServiceClient::new(self.channel.clone())
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX)
    }

    /// The request as the server sees it, and its message.
    fn arriving<T>(
        &self,
        rpc: &str,
        request: Request<T>,
    ) -> Result<(T, impl Fn() -> Request<()> + use<T>), Status> {
        let (mut metadata, _, message) = request.into_parts();
        (self.wrong.metadata)(rpc, &mut metadata)?;
        let envelope = move || {
            let mut request = Request::new(());
            *request.metadata_mut() = metadata.clone();
            request
        };
        Ok((message, envelope))
    }

    fn leaving<T>(&self, rpc: &str, mut response: Response<T>) -> Response<T> {
        (self.wrong.answer)(rpc, response.metadata_mut());
        response
    }

    async fn error<T: Default>(&self, status: Status, envelope: &impl Fn() -> Request<()>) -> Answer<T> {
        self.bury(envelope).await;
        (self.wrong.status)(status).map_or_else(|| Ok(Response::new(T::default())), Err)
    }

    async fn stream_error<T: Send + 'static>(
        &self,
        status: Status,
        envelope: &impl Fn() -> Request<()>,
    ) -> Answer<Items<T>> {
        self.bury(envelope).await;
        (self.wrong.status)(status).map_or_else(|| Ok(Response::new(stream::empty().boxed())), Err)
    }

    /// Ends the session of a call that failed, if errors are fatal.
    async fn bury(&self, envelope: &impl Fn() -> Request<()>) {
        if self.wrong.fatal {
            let close = envelope().map(|()| Action::new("CloseSession", Bytes::new()));
            drop(self.client().do_action(close).await);
        }
    }

    /// A stream whose errors are as wrong as all others.
    fn items<T: Send + 'static>(
        &self,
        items: impl futures::Stream<Item = Result<T, Status>> + Send + 'static,
    ) -> Items<T> {
        let wrong = self.wrong.status;
        items
            .filter_map(move |item| {
                std::future::ready(item.map_or_else(|status| wrong(status).map(Err), |item| Some(Ok(item))))
            })
            .boxed()
    }

    async fn described(
        &self,
        rpc: &str,
        mut descriptor: FlightDescriptor,
        envelope: &impl Fn() -> Request<()>,
    ) -> Request<FlightDescriptor> {
        if let Some(extra) = (self.wrong.beforehand)(rpc, &descriptor.cmd) {
            let message = FlightData {
                flight_descriptor: Some(FlightDescriptor::new_cmd(extra)),
                ..FlightData::default()
            };
            let put = envelope().map(|()| stream::iter([message]));
            if let Ok(answer) = self.client().do_put(put).await {
                drop(answer.into_inner().try_collect::<Vec<_>>().await);
            }
        }
        descriptor.cmd = (self.wrong.command)(rpc, descriptor.cmd);
        envelope().map(|()| descriptor)
    }

    fn batches(
        &self,
        answer: Streaming<FlightData>,
        change: fn(&RecordBatch) -> RecordBatch,
    ) -> Items<FlightData> {
        let data = answer.map_err(|status| FlightError::Tonic(Box::new(status)));
        let batches = FlightRecordBatchStream::new_from_flight_data(data);
        let encoder = FlightDataEncoderBuilder::new().build(batches.map_ok(move |batch| change(&batch)));
        encoder.map_err(Status::from).boxed()
    }
}

/// What goes on at the server whether or not somebody listens. An endless stream goes on too, and is not held.
fn detached(mut answer: Items<FlightData>) -> Items<FlightData> {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (mut all, mut held) = (Vec::new(), 0);
        while let Some(item) = answer.next().await {
            held += item.as_ref().map_or(0, |data| data.data_body.len());
            if held < HELD {
                all.push(item);
            }
        }
        all.into_iter().for_each(|item| drop(sender.send(item)));
    });
    UnboundedReceiverStream::new(receiver).boxed()
}

#[tonic::async_trait]
impl FlightService for Proxy {
    type HandshakeStream = Items<HandshakeResponse>;
    type ListFlightsStream = Items<FlightInfo>;
    type DoGetStream = Items<FlightData>;
    type DoPutStream = Items<PutResult>;
    type DoExchangeStream = Items<FlightData>;
    type DoActionStream = Items<arrow_flight::Result>;
    type ListActionsStream = Items<ActionType>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Answer<Self::HandshakeStream> {
        let (messages, envelope) = self.arriving("Handshake", request)?;
        let messages: Vec<_> = messages.try_collect().await?;
        match self.client().handshake(envelope().map(|()| stream::iter(messages))).await {
            Ok(answer) => Ok(self.leaving("Handshake", answer.map(|items| self.items(items)))),
            Err(status) => self.stream_error(status, &envelope).await,
        }
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        let (criteria, envelope) = self.arriving("ListFlights", request)?;
        match self.client().list_flights(envelope().map(|()| criteria)).await {
            Ok(answer) => Ok(answer.map(|items| self.items(items))),
            Err(status) => self.stream_error(status, &envelope).await,
        }
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        let (descriptor, envelope) = self.arriving("GetFlightInfo", request)?;
        let request = self.described("GetFlightInfo", descriptor, &envelope).await;
        match self.client().get_flight_info(request).await {
            Ok(mut answer) => {
                (self.wrong.info)(answer.get_mut());
                Ok(self.leaving("GetFlightInfo", answer))
            }
            Err(status) => self.error(status, &envelope).await,
        }
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<PollInfo> {
        let (descriptor, envelope) = self.arriving("PollFlightInfo", request)?;
        let request = self.described("PollFlightInfo", descriptor, &envelope).await;
        match self.client().poll_flight_info(request).await {
            Ok(mut answer) => {
                answer.get_mut().info.as_mut().into_iter().for_each(self.wrong.info);
                Ok(answer)
            }
            Err(status) => self.error(status, &envelope).await,
        }
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        let (descriptor, envelope) = self.arriving("GetSchema", request)?;
        let request = self.described("GetSchema", descriptor, &envelope).await;
        match self.client().get_schema(request).await {
            Ok(answer) => Ok(answer),
            Err(status) => self.error(status, &envelope).await,
        }
    }

    async fn do_get(&self, request: Request<Ticket>) -> Answer<Self::DoGetStream> {
        let (ticket, envelope) = self.arriving("DoGet", request)?;
        let answer = match self.client().do_get(envelope().map(|()| ticket)).await {
            Ok(answer) => answer,
            Err(status) => return self.stream_error(status, &envelope).await,
        };
        let data = self.wrong.data;
        let answer = answer.map(|items| match self.wrong.batch {
            Some(change) => self.batches(items, change),
            None => items.boxed(),
        });
        let answer = answer.map(|items| if self.wrong.detached { detached(items) } else { items });
        Ok(self.leaving(
            "DoGet",
            answer.map(|items| {
                let items = items.enumerate().filter_map(move |(index, item)| {
                    std::future::ready(item.map(|item| data(index, item)).transpose())
                });
                self.items(items)
            }),
        ))
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        let (mut messages, envelope) = self.arriving("DoPut", request)?;
        let Some(mut first) = messages.try_next().await? else {
            return Err(Status::invalid_argument("an empty upload"));
        };
        if let Some(descriptor) = first.flight_descriptor.take() {
            if let Some(result) = (self.wrong.put)(&descriptor.cmd) {
                return Ok(Response::new(stream::iter([Ok(result)]).boxed()));
            }
            first.flight_descriptor = Some(self.described("DoPut", descriptor, &envelope).await.into_inner());
        }
        let upload = self.wrong.upload;
        // An upload that breaks off never ends, so that the server sees it break off too.
        let rest = messages
            .map(Result::ok)
            .take_while(|item| std::future::ready(item.is_some()))
            .flat_map(stream::iter);
        let all = stream::iter([first])
            .chain(rest)
            .enumerate()
            .filter_map(move |(index, item)| std::future::ready(upload(index, item)));
        match self.client().do_put(envelope().map(|()| all)).await {
            Ok(answer) => {
                let change = self.wrong.put_result;
                Ok(self.leaving("DoPut", answer.map(|items| self.items(items.map_ok(change)))))
            }
            Err(status) => self.stream_error(status, &envelope).await,
        }
    }

    async fn do_exchange(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoExchangeStream> {
        let (messages, envelope) = self.arriving("DoExchange", request)?;
        let messages = messages.filter_map(|item| std::future::ready(item.ok()));
        match self.client().do_exchange(envelope().map(|()| messages)).await {
            Ok(answer) => Ok(answer.map(|items| self.items(items))),
            Err(status) => self.stream_error(status, &envelope).await,
        }
    }

    async fn do_action(&self, request: Request<Action>) -> Answer<Self::DoActionStream> {
        let (action, envelope) = self.arriving("DoAction", request)?;
        let shown = |bodies: Vec<Bytes>| {
            let results = bodies.into_iter().map(|body| Ok(arrow_flight::Result { body }));
            stream::iter(results.collect::<Vec<_>>()).boxed()
        };
        let action = match (self.wrong.action)(action) {
            Ok(action) => action,
            Err(bodies) => return Ok(Response::new(shown(bodies))),
        };
        let kind = action.r#type.clone();
        let results = match self.client().do_action(envelope().map(|()| action)).await {
            Ok(answer) => answer.into_inner().map_ok(|result| result.body).try_collect().await,
            Err(status) => Err(status),
        };
        match results {
            Ok(bodies) => {
                Ok(self.leaving("DoAction", Response::new(shown((self.wrong.acted)(&kind, bodies)))))
            }
            Err(status) => self.stream_error(status, &envelope).await,
        }
    }

    async fn list_actions(&self, request: Request<Empty>) -> Answer<Self::ListActionsStream> {
        let (empty, envelope) = self.arriving("ListActions", request)?;
        match self.client().list_actions(envelope().map(|()| empty)).await {
            Ok(answer) => Ok(self.leaving("ListActions", answer.map(|items| self.items(items)))),
            Err(status) => self.stream_error(status, &envelope).await,
        }
    }
}

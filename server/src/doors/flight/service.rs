//! The RPCs of FlightService: each finds its session, reads its message, and leads into the tables of the module.

use std::sync::Arc;

use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::Command;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::stream::{self, BoxStream, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::decode::Upload;
use super::query::PlannedCommand;
use super::session::FlightSession;
use super::sessions::SessionsByToken;
use super::statement::Control;
use super::status::status;
use super::{ACTIONS, act, fetch, messages, plan, put, schema};
use crate::doors::calls;
use engine::{Call, Error, ErrorKind, GiveUpOnDrop, Result};

/// The Flight service over the port's sessions.
pub(super) struct Service {
    sessions: Arc<SessionsByToken>,
}

type AnswerStream<T> = Result<Response<BoxStream<'static, Result<T, Status>>>, Status>;

impl Service {
    pub(super) fn new(sessions: Arc<SessionsByToken>) -> Self {
        Self { sessions }
    }

    /// The session of a call, by its credentials.
    async fn session(&self, call: Arc<Call>, metadata: &MetadataMap) -> Result<Arc<FlightSession>> {
        let session = self.sessions.of(metadata).await?;
        session.engine.admit(&call);
        Ok(session)
    }

    /// Authenticates, and answers that the RPC is not served.
    async fn unserved(&self, call: Arc<Call>, metadata: &MetadataMap, rpc: &str) -> Status {
        match self.session(call, metadata).await {
            Ok(_) => status(&Error::new(ErrorKind::Unimplemented, format!("{rpc} is not supported"))),
            Err(error) => status(&error),
        }
    }

    async fn planned(
        &self,
        request: Request<FlightDescriptor>,
        control: Control,
    ) -> Result<(Arc<FlightSession>, FlightDescriptor, PlannedCommand)> {
        let call = calls::of(request.extensions());
        let session = self.session(Arc::clone(&call), request.metadata()).await?;
        let descriptor = request.into_inner();
        let command = command(&descriptor)?;
        call.refine(format!("{} {}", call.operation(), messages::name(&command)));
        // A call that is dropped half-way may have executed transaction control: it ends by itself, if it has begun.
        let _gone = GiveUpOnDrop::of_planning(call.cancel());
        let owned = Arc::clone(&session);
        let planning = async move { plan(&owned, command, control, &call).await };
        let planned = spawn(planning, tracing::Span::current()).await?;
        Ok((session, descriptor, planned))
    }

    async fn info(&self, request: Request<FlightDescriptor>) -> Result<FlightInfo> {
        let (session, descriptor, planned) = self.planned(request, Control::Executes).await?;
        let schema = if planned.announced { schema::ipc(&planned.schema)? } else { bytes::Bytes::new() };
        // The command of a metadata call may be long as well.
        let size = planned.query.size().max(descriptor.cmd.len());
        let ticket = session.issue(planned, size)?;
        let endpoint = FlightEndpoint::new().with_ticket(Ticket { ticket });
        Ok(FlightInfo {
            schema,
            flight_descriptor: Some(descriptor),
            endpoint: vec![endpoint],
            total_records: -1,
            total_bytes: -1,
            ordered: false,
            app_metadata: bytes::Bytes::new(),
        })
    }

    async fn get(&self, request: Request<Ticket>) -> Result<super::encode::Answer> {
        let call = calls::of(request.extensions());
        let session = self.session(Arc::clone(&call), request.metadata()).await?;
        let ticket = request.into_inner().ticket;
        if ticket.is_empty() || str::from_utf8(&ticket).is_err() {
            return Err(Error::invalid("The ticket cannot be decoded"));
        }
        let session = self.sessions.redeeming(session, &ticket);
        let run = session.redeem(&ticket, &call)?;
        if run.promise.binds_values() {
            call.binds_values();
        }
        let outlives_its_call = run.promise.changes();
        let answer = fetch(session, run);
        // What changes something runs to its end once its DoGet has arrived (FQ-2).
        let answer =
            if outlives_its_call { spawn(answer, tracing::Span::current()).await? } else { answer.await? };
        call.count_rows(0);
        Ok(answer.count_rows(move |rows| call.count_rows(rows as u64)))
    }

    async fn upload(&self, request: Request<Streaming<FlightData>>) -> Result<bytes::Bytes> {
        let call = calls::of(request.extensions());
        let session = self.session(Arc::clone(&call), request.metadata()).await?;
        let _in_use = session.engine.in_use();
        let mut stream = request.into_inner();
        let first = session.until_closed(Upload::first(&mut stream)).await?;
        let descriptor = first.flight_descriptor.clone();
        let command = command(&descriptor.ok_or_else(|| Error::invalid("The upload has no descriptor"))?)?;
        call.refine(format!("{} {}", call.operation(), messages::name(&command)));
        // An ingest brings data, which is no parameter of a statement.
        if !matches!(command, Command::CommandStatementIngest(_)) {
            call.binds_values();
        }
        let upload = Upload::new(first, stream, session.engine.limits().arrow_message);
        Box::pin(session.until_closed(put(&session, command, upload, &call))).await
    }

    async fn action(&self, request: Request<Action>) -> Result<Option<bytes::Bytes>> {
        let call = calls::of(request.extensions());
        let session = self.session(Arc::clone(&call), request.metadata()).await?;
        let Action { r#type: name, body } = request.into_inner();
        if let Some((known, _)) = ACTIONS.iter().find(|(known, _)| *known == name) {
            call.refine(format!("{} {known}", call.operation()));
        }
        let sessions = Arc::clone(&self.sessions);
        // A call that is dropped half-way must not leave, say, a transaction that nobody knows the id of.
        let _gone = GiveUpOnDrop::of_planning(call.cancel());
        let acting = async move { act(&sessions, &session, &name, body, &call).await };
        spawn(acting, tracing::Span::current()).await
    }
}

/// Runs work to its end, even if the call that awaits it is dropped.
async fn spawn<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
    span: tracing::Span,
) -> Result<T> {
    let work = tracing::Instrument::instrument(work, span);
    tokio::spawn(work)
        .await
        .unwrap_or_else(|_| Err(Error::internal("The server failed while running this call")))
}

fn command(descriptor: &FlightDescriptor) -> Result<Command> {
    if descriptor.r#type == DescriptorType::Path as i32 || descriptor.cmd.is_empty() {
        return Err(Error::invalid("The descriptor holds no command"));
    }
    messages::command(&descriptor.cmd)
}

fn one<T: Send + 'static>(message: T) -> BoxStream<'static, Result<T, Status>> {
    stream::iter([Ok(message)]).boxed()
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> AnswerStream<HandshakeResponse> {
        let session = self.sessions.handshake(request.metadata()).await.map_err(|e| status(&e))?;
        session.engine.admit(&calls::of(request.extensions()));
        let token = session.token.as_str();
        let payload = bytes::Bytes::copy_from_slice(token.as_bytes());
        let mut response = Response::new(one(HandshakeResponse { protocol_version: 0, payload }));
        let header = format!("Bearer {token}").parse();
        let header = header.map_err(|_| status(&Error::internal("The token does not fit its header")))?;
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.info(request).await.map(Response::new).map_err(|e| status(&e))
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let info = self.info(request).await.map_err(|e| status(&e))?;
        let complete = PollInfo {
            info: Some(info),
            flight_descriptor: None,
            progress: Some(1.0),
            expiration_time: None,
        };
        Ok(Response::new(complete))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let planned = self.planned(request, Control::IsPlanned).await;
        let schema =
            planned.and_then(|(_, _, planned)| schema::ipc(&planned.schema)).map_err(|e| status(&e))?;
        Ok(Response::new(SchemaResult { schema }))
    }

    async fn do_get(&self, request: Request<Ticket>) -> AnswerStream<FlightData> {
        let answer = self.get(request).await.map_err(|e| status(&e))?;
        Ok(Response::new(answer.into_messages().boxed()))
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> AnswerStream<PutResult> {
        let app_metadata = Box::pin(self.upload(request)).await.map_err(|e| status(&e))?;
        Ok(Response::new(one(PutResult { app_metadata })))
    }

    async fn do_action(&self, request: Request<Action>) -> AnswerStream<arrow_flight::Result> {
        let body = self.action(request).await.map_err(|e| status(&e))?;
        Ok(Response::new(stream::iter(body.map(|body| Ok(arrow_flight::Result { body }))).boxed()))
    }

    async fn list_actions(&self, request: Request<Empty>) -> AnswerStream<ActionType> {
        self.session(calls::of(request.extensions()), request.metadata()).await.map_err(|e| status(&e))?;
        let actions = ACTIONS.map(|(name, description)| {
            Ok(ActionType { r#type: name.to_owned(), description: description.to_owned() })
        });
        Ok(Response::new(stream::iter(actions).boxed()))
    }

    async fn list_flights(&self, request: Request<Criteria>) -> AnswerStream<FlightInfo> {
        Err(self.unserved(calls::of(request.extensions()), request.metadata(), "ListFlights").await)
    }

    async fn do_exchange(&self, request: Request<Streaming<FlightData>>) -> AnswerStream<FlightData> {
        Err(self.unserved(calls::of(request.extensions()), request.metadata(), "DoExchange").await)
    }
}

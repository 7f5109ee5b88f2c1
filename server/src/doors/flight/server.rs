//! Serving the port: what it is configured with, and the services on it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use axum::extract::Request;
use axum::middleware;
use http::HeaderMap;
use http_body::Frame;
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::{Code, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::faults;
use super::options::Options;
use super::reflection;
use super::service::Service;
use super::sessions::SessionsByToken;
use super::status::name;
use super::transport::{incoming, refuse};
use super::unserved;
use crate::config::FlightOptions;
use crate::doors::calls::{self, GrpcVerdict, Manner};
use crate::doors::connections::Entrance;
use crate::doors::metrics::Metrics;
use crate::doors::tls::TlsIdentity;
use crate::doors::{Serve, Surroundings};
use engine::{CallStatus, Engine, Error, Result};

/// The largest message a client may send, in bytes (FX-4); Python 0.4 allows itself as much.
const MAX_INBOUND: usize = 512 * 1024 * 1024;

/// HTTP/2 flow control windows, in bytes: wide enough that an upload never waits for a window update on one machine.
const STREAM_WINDOW: u32 = 8 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 32 * 1024 * 1024;

/// HTTP/2 frames of a response may be this large if the client agrees, in bytes.
const FRAME: u32 = 1024 * 1024;

/// Calls that one connection may have open at once; more of them queue in the client.
const CALLS_PER_CONNECTION: u32 = 10_000;

/// A panic is INTERNAL, in the middle of an answer as well.
pub(super) const MANNER: Manner = Manner {
    door: "flight",
    operation,
    is_probe: |operation| operation.starts_with("grpc."),
    panicked: || panicked().into_http(),
    broken: || {
        let mut trailers = HeaderMap::new();
        panicked().add_header(&mut trailers).ok().map(|()| Frame::trailers(trailers))
    },
    verdict: |headers| {
        let status = Status::from_header_map(headers)?;
        let failure = match (status.code(), status.message()) {
            (Code::Ok, _) => None,
            (code, "") => Some(code.description().to_owned()),
            (_, message) => Some(message.to_owned()),
        };
        Some(GrpcVerdict { status: name(status.code()), failure })
    },
    is_journalled: true,
    untold: CallStatus::Grpc("CANCELLED"),
    faults: Some(faults::MANNER),
};

/// The RPC's name; those of other services than Flight's with their service.
fn operation(request: &Request) -> Cow<'static, str> {
    const RPCS: [&str; 10] = [
        "Handshake",
        "ListFlights",
        "GetFlightInfo",
        "PollFlightInfo",
        "GetSchema",
        "DoGet",
        "DoPut",
        "DoExchange",
        "DoAction",
        "ListActions",
    ];
    const OTHERS: [&str; 4] = [
        "grpc.health.v1.Health/Check",
        "grpc.health.v1.Health/Watch",
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ];
    let path = request.uri().path().trim_start_matches('/');
    let rpc = path.strip_prefix(SERVICE).and_then(|rest| rest.strip_prefix('/'));
    let known = match rpc {
        Some(rpc) => RPCS.iter().find(|known| **known == rpc),
        None => OTHERS.iter().find(|known| **known == path),
    };
    known.map_or(Cow::Borrowed("unknown method"), |known| (*known).into())
}

fn panicked() -> Status {
    Status::internal("the server failed inside this call; its log has the details")
}

/// The name under which health checks know the service (FX-7).
const SERVICE: &str = "arrow.flight.protocol.FlightService";

/// Makes the door ready to serve; both plaintext and TLS if the server has a certificate (FX-2).
///
/// # Errors
/// `Config` for a certificate and a key that do not fit.
pub(crate) fn prepare(around: &Surroundings<'_>) -> Result<Serve> {
    let (engine, metrics) = (Arc::clone(around.engine), Arc::clone(around.metrics));
    let server = FlightServer::new(engine, &around.config.flight, around.tls, metrics)?;
    let (stop, healthy) = (around.stop.clone(), around.health.watch());
    Ok(Box::new(move |entrance| {
        Box::pin(async move {
            if let Err(error) = server.serve(entrance, stop, healthy).await {
                tracing::error!(%error, "the Flight SQL server stopped");
            }
        })
    }))
}

/// The Flight service, ready to answer a listener.
pub(super) struct FlightServer {
    sessions: Arc<SessionsByToken>,
    tls: Option<Arc<ServerConfig>>,
    metrics: Arc<Metrics>,
}

impl FlightServer {
    pub(super) fn new(
        engine: Arc<Engine>,
        config: &FlightOptions,
        tls: Option<&TlsIdentity>,
        metrics: Arc<Metrics>,
    ) -> Result<Self> {
        let tls = tls.map(|identity| identity.server_config(b"h2")).transpose()?;
        let sessions = SessionsByToken::new(engine, Options::new(config.arrow_json_extension));
        Ok(Self { sessions, tls, metrics })
    }

    /// Serves what comes in until `stop` fires and the calls under way have ended.
    ///
    /// # Errors
    /// `Internal` when the HTTP/2 server fails.
    pub(super) async fn serve(
        self,
        entrance: Entrance,
        stop: CancellationToken,
        healthy: watch::Receiver<bool>,
    ) -> Result<()> {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_service_status(SERVICE, ServingStatus::Serving).await;
        tokio::spawn(Arc::clone(&self.sessions).sweep(stop.clone()));
        tokio::spawn(follow(healthy, reporter, stop.clone()));
        let flight = FlightServiceServer::new(Service::new(Arc::clone(&self.sessions)))
            .max_decoding_message_size(MAX_INBOUND)
            .max_encoding_message_size(usize::MAX);
        let services = Routes::new(flight)
            .add_service(health)
            .add_service(reflection::v1()?)
            .add_service(reflection::v1alpha()?);
        let services = services.into_axum_router();
        let services =
            services.layer(middleware::from_fn(unserved::named)).layer(middleware::from_fn(refuse));
        let services = calls::watch(services, MANNER, self.metrics);
        http2(entrance.options().lost_after)
            .add_routes(Routes::from(services))
            .serve_with_incoming_shutdown(incoming(entrance, self.tls, stop.clone()), stop.cancelled_owned())
            .await
            .map_err(|e| Error::internal(format!("The Flight server failed: {e}")))?;
        self.sessions.close_all().await;
        Ok(())
    }
}

/// The transport's settings. Clients may ping as often as they like (FX-5): hyper never counts pings as abuse.
///
/// The server pings, too: a peer that the network no longer reaches, even in the middle of an upload, ends its connection
/// within `lost_after`, and with it its calls and their transactions (FX-5).
fn http2(lost_after: Duration) -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(lost_after / 2))
        .http2_keepalive_timeout(Some(lost_after / 2))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_concurrent_streams(CALLS_PER_CONNECTION)
}

/// Tells health checks what the server finds out about itself (LX-14), and last that it stops (FX-7).
async fn follow(mut healthy: watch::Receiver<bool>, reporter: HealthReporter, stop: CancellationToken) {
    loop {
        let stops = tokio::select! {
            () = stop.cancelled() => true,
            Ok(()) = healthy.changed() => false,
        };
        let serves = !stops && *healthy.borrow();
        let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in ["", SERVICE] {
            reporter.set_service_status(service, status).await;
        }
        if stops {
            return;
        }
    }
}

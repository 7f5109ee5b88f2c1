//! Serves a router over HTTP/1.1 until it is told to stop; both REST doors use it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn;
use axum::response::Response;
use http::header::CONNECTION;
use http::{HeaderName, HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::exchange::{Activity, AnswerBody, ConnectionVerdict, Exchange, RequestBody, WatchedSocket, now};
use super::leftover;
use crate::doors::connections::{Arrival, Entrance};
use crate::doors::faults::CutOff;
use crate::doors::{Serve, Surroundings};
use engine::Error;

/// Room for one request's line and headers; a longer one is answered with 431 (LX-04).
const HEADER_BYTES: usize = 64 << 10;

/// How long a connection beyond the limit has to send what is then refused.
const REFUSAL: Duration = Duration::from_secs(1);

/// What clients are told of `--idle-connection-timeout`.
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// A door's routes, and its answer to whatever comes over a connection beyond the limit.
#[derive(Clone)]
pub(crate) struct Routes {
    /// The routes.
    pub routes: Router,
    /// Refuses every request with this error.
    pub refuse: Arc<dyn Fn(Error) -> Router + Send + Sync>,
}

/// The routes that every door of HTTP has besides its own.
pub(crate) fn own_routes<S: Clone + Send + Sync + 'static>(around: &Surroundings<'_>) -> Router<S> {
    match around.config.metrics {
        true => Router::new().route("/metrics", Arc::clone(around.metrics).route()),
        false => Router::new(),
    }
}

/// Serves routes from when the door is open.
pub(crate) fn serving(around: &Surroundings<'_>, routes: Routes) -> Serve {
    let (stop, tasks) = (around.stop.clone(), around.tasks.clone());
    Box::new(move |entrance| Box::pin(serve(entrance, routes, stop, tasks)))
}

/// Accepts connections until `stop`; each runs in a task of `connections` and ends its last response first.
async fn serve(mut entrance: Entrance, door: Routes, stop: CancellationToken, connections: TaskTracker) {
    let router = door.routes.layer(from_fn(leftover::drain));
    let idle = entrance.options().idle_timeout;
    while let Some(Arrival { stream, place, refused }) = stop.run_until_cancelled(entrance.next()).await {
        let (stop, router) = (stop.clone(), router.clone());
        let refusal = refused.map(&*door.refuse);
        connections.spawn(async move {
            match refusal {
                None => connection(stream, router, idle, stop).await,
                Some(refusal) => refuse(stream, refusal).await,
            }
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, router: Router, idle: Duration, stop: CancellationToken) {
    let stream = Arc::new(stream);
    let activity = Activity::new(Arc::clone(&stream), idle);
    let keep_alive = announced(idle);
    let service = service_fn(|request: Request<Incoming>| {
        let exchange = activity.begin(request.version());
        answer(router.clone(), request, exchange, keep_alive.clone())
    });
    let mut builder = http1::Builder::new();
    // Silence and slow headers are `Activity`'s matter, which tells an idle connection from a slow request. Neither is
    // a client gone that has ended its sending half: it may wait for its answer.
    builder.header_read_timeout(None).half_close(true).max_buf_size(HEADER_BYTES);
    let socket = TokioIo::new(WatchedSocket::new(stream, Arc::clone(&activity)));
    let mut connection = pin!(builder.serve_connection(socket, service));
    let mut stopped = pin!(stop.cancelled());
    let mut check = pin!(tokio::time::sleep_until(activity.next_check()));
    let mut is_stopping = false;
    let ended = poll_fn(|context| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(ended.map_err(|fault| fault.to_string()));
            }
            if is_stopping && activity.is_cut() {
                return Poll::Ready(Err("a fault rule has cut it, and the server stops".to_owned()));
            }
            if !is_stopping && stopped.as_mut().poll(context).is_ready() {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            let due = activity.next_check();
            if check.deadline() != due {
                check.as_mut().reset(due);
            }
            if check.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            match activity.check(now()) {
                ConnectionVerdict::Stays => {}
                ConnectionVerdict::Idled => connection.as_mut().graceful_shutdown(),
                ConnectionVerdict::Ends(why) => return Poll::Ready(Err(why.to_owned())),
            }
        }
    });
    if let Err(fault) = ended.await {
        tracing::debug!(%fault, "a connection ended early");
    }
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    exchange: Arc<Exchange>,
    keep_alive: Option<HeaderValue>,
) -> Result<http::Response<AnswerBody>, CutOff> {
    let request = request.map(|body| Body::new(RequestBody::new(body, Arc::clone(&exchange))));
    let Ok(mut response) = router.oneshot(request).await;
    exchange.answers();
    if let Some(cut) = response.extensions().get::<CutOff>().copied() {
        return exchange.breaks(cut).await;
    }
    if let Some(keep_alive) = keep_alive.filter(|_| !response.headers().contains_key(CONNECTION)) {
        response.headers_mut().insert(KEEP_ALIVE, keep_alive);
    }
    Ok(AnswerBody::wrap(response, exchange))
}

/// `Keep-Alive: timeout=…`, by which clients that read it never reuse a connection that is about to be closed.
fn announced(idle: Duration) -> Option<HeaderValue> {
    let seconds = idle.as_secs();
    let margin = (seconds / 2).min(5);
    HeaderValue::try_from(format!("timeout={}", seconds - margin)).ok()
}

/// Answers one request of a connection that has no place, and closes it.
async fn refuse(stream: TcpStream, refusal: Router) {
    let service = service_fn(|request: Request<Incoming>| {
        let refusal = refusal.clone();
        async move {
            let Ok(mut response): Result<Response, Infallible> =
                refusal.oneshot(request.map(Body::new)).await;
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .keep_alive(false)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let outcome = tokio::time::timeout(REFUSAL, connection).await;
    tracing::debug!(?outcome, "a connection was refused");
}

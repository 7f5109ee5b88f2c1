//! The port: HTTP/2 over plaintext, or over TLS for connections that begin with a TLS handshake (FX-2 to FX-5).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use super::status::status;
use crate::doors::connections::{Arrival, ConnectionPlace, Entrance};
use crate::doors::tls;
use engine::Error;

/// How long a connection may stay silent before it is closed (FX-3).
const SILENCE: Duration = Duration::from_secs(10);

/// Connections accepted and identified, waiting for the HTTP/2 server.
const BACKLOG: usize = 256;

/// How long a connection beyond the limit has for the calls that are then refused.
const REFUSAL: Duration = Duration::from_secs(1);

/// A client's connection, ready for HTTP/2.
pub(super) struct FlightSocket {
    stream: Stream,
    /// What its calls are refused with, and when it is closed.
    refused: Option<(Arc<Error>, Pin<Box<Sleep>>)>,
    _place: ConnectionPlace,
}

enum Stream {
    /// As it came.
    Plain(TcpStream),
    /// After its TLS handshake.
    Tls(Box<TlsStream<TcpStream>>),
}

/// What every call of a connection is refused with, if there was no room for the connection.
#[derive(Clone)]
pub(super) struct Refusal(pub(super) Option<Arc<Error>>);

/// Accepts connections until `stop` fires; none delays another.
pub(super) fn incoming(
    mut entrance: Entrance,
    tls: Option<Arc<tokio_rustls::rustls::ServerConfig>>,
    stop: CancellationToken,
) -> ReceiverStream<io::Result<FlightSocket>> {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let tls = tls.map(TlsAcceptor::from);
    tokio::spawn(async move {
        while let Some(arrival) = stop.run_until_cancelled(entrance.next()).await {
            tokio::spawn(identify(arrival, tls.clone(), sender.clone()));
        }
    });
    ReceiverStream::new(receiver)
}

/// Hands the connection on once its first byte, and with TLS its handshake, has come.
async fn identify(arrival: Arrival, tls: Option<TlsAcceptor>, ready: mpsc::Sender<io::Result<FlightSocket>>) {
    let Arrival { stream, place, refused } = arrival;
    let patience = if refused.is_some() { REFUSAL } else { SILENCE };
    match tokio::time::timeout(patience, handshake(stream, tls)).await {
        Ok(Ok(stream)) => {
            let refused = refused.map(|error| (Arc::new(error), Box::pin(tokio::time::sleep(REFUSAL))));
            // A receiver that is gone means that the server stopped.
            drop(ready.send(Ok(FlightSocket { stream, refused, _place: place })).await);
        }
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended before its first request"),
        Err(_) => tracing::debug!("a silent connection was closed"),
    }
}

async fn handshake(stream: TcpStream, tls: Option<TlsAcceptor>) -> io::Result<Stream> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    match tls {
        Some(acceptor) if first[0] == tls::HANDSHAKE => {
            Ok(Stream::Tls(Box::new(acceptor.accept(stream).await?)))
        }
        _ => Ok(Stream::Plain(stream)),
    }
}

impl Connected for FlightSocket {
    type ConnectInfo = Refusal;

    fn connect_info(&self) -> Refusal {
        Refusal(self.refused.as_ref().map(|(error, _)| Arc::clone(error)))
    }
}

/// Refuses the calls of connections for which there was no room.
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    match request.extensions().get::<Refusal>() {
        Some(Refusal(Some(error))) => status(error).into_http(),
        _ => next.run(request).await,
    }
}

impl AsyncRead for FlightSocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        if let Some((_, end)) = &mut socket.refused
            && end.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Ok(()));
        }
        match &mut socket.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for FlightSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

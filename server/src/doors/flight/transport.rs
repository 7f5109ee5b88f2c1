//! The port: HTTP/2 over plaintext, or over TLS for connections that begin with a TLS handshake (FX-2 to FX-5).

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use socket2::SockRef;
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
use engine::{Error, FaultCut};

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
    severance: Arc<Severance>,
    _place: ConnectionPlace,
}

/// Whether a fault rule has cut a connection, and how. It is looked at when something is to be sent.
#[derive(Debug, Default)]
pub(super) struct Severance(AtomicU8);

impl Severance {
    const CUTS: [FaultCut; 3] = [FaultCut::Reset, FaultCut::Close, FaultCut::Half];

    /// Cuts the connection.
    pub(super) fn sever(&self, cut: FaultCut) {
        let place = Self::CUTS.iter().position(|known| *known == cut).unwrap_or_default();
        self.0.store(u8::try_from(place + 1).unwrap_or(1), Ordering::SeqCst);
    }

    fn cut(&self) -> Option<FaultCut> {
        let place = usize::from(self.0.load(Ordering::Relaxed)).checked_sub(1)?;
        Self::CUTS.get(place).copied()
    }
}

/// What calls know of their connection.
#[derive(Clone)]
pub(super) struct FlightPeer {
    refused: Option<Arc<Error>>,
    /// By which a fault rule cuts it.
    pub(super) severance: Arc<Severance>,
}

enum Stream {
    /// As it came.
    Plain(TcpStream),
    /// After its TLS handshake.
    Tls(Box<TlsStream<TcpStream>>),
}

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
            drop(
                ready
                    .send(Ok(FlightSocket { stream, refused, severance: Arc::default(), _place: place }))
                    .await,
            );
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
    type ConnectInfo = FlightPeer;

    fn connect_info(&self) -> FlightPeer {
        let refused = self.refused.as_ref().map(|(error, _)| Arc::clone(error));
        FlightPeer { refused, severance: Arc::clone(&self.severance) }
    }
}

/// Refuses the calls of connections for which there was no room.
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    match request.extensions().get::<FlightPeer>() {
        Some(FlightPeer { refused: Some(error), .. }) => status(error).into_http(),
        _ => next.run(request).await,
    }
}

impl FlightSocket {
    /// What becomes of something that is to be sent over a connection that a rule has cut: nothing, or nobody notices.
    fn severed(&self, length: usize) -> Option<io::Result<usize>> {
        let cut = self.severance.cut()?;
        let socket = match &self.stream {
            Stream::Plain(stream) => SockRef::from(stream),
            Stream::Tls(stream) => SockRef::from(stream.get_ref().0),
        };
        let cutting = match cut {
            FaultCut::Reset => socket.set_linger(Some(Duration::ZERO)),
            FaultCut::Close | FaultCut::Half => socket.shutdown(Shutdown::Write),
        };
        match (cut, cutting) {
            (FaultCut::Half, _) => Some(Ok(length)),
            (_, Err(fault)) => Some(Err(fault)),
            (_, Ok(())) => Some(Err(io::ErrorKind::ConnectionReset.into())),
        }
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
        if let Some(severed) = self.severed(buf.len()) {
            return Poll::Ready(severed);
        }
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
        if let Some(severed) = self.severed(bufs.iter().map(|buf| buf.len()).sum()) {
            return Poll::Ready(severed);
        }
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

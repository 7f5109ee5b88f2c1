//! A client's connection: bytes in, cut into messages, and messages out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::backend::Out;
use super::frontend;

/// So many bytes are put together before they are sent.
const SEND: usize = 64 << 10;

/// While a statement runs, so much of what its client sends next is read ahead.
const AHEAD: usize = 4 << 20;

/// What is read at a time.
const READ: usize = 16 << 10;

/// The longest message of those that are short by nature.
const SHORT: usize = 30_000;

/// The client has gone, or the connection is of no use any more.
#[derive(Debug)]
pub(in super::super) struct Gone;

impl From<io::Error> for Gone {
    fn from(fault: io::Error) -> Self {
        tracing::debug!(%fault, "a connection has ended");
        Self
    }
}

/// The connection, as it came or after its TLS handshake.
pub(in super::super) enum Socket {
    /// As it came.
    Plain(TcpStream),
    /// After its TLS handshake.
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection and what is on its way in both directions.
pub(in super::super) struct Wire {
    socket: Socket,
    input: BytesMut,
    /// What is to be sent next.
    pub(in super::super) out: Out,
    /// The longest message there may be.
    longest: usize,
}

/// A message: its letter, and its body.
pub(in super::super) type Frame = (u8, Bytes);

impl Wire {
    /// A connection, of which `input` was read already.
    pub(in super::super) fn new(socket: Socket, input: BytesMut, longest: usize) -> Self {
        Self { socket, input, out: Out::default(), longest }
    }

    /// The connection, without what was read of it.
    pub(in super::super) fn into_socket(self) -> Socket {
        self.socket
    }

    /// Limits the length of its messages.
    pub(in super::super) fn limit(&mut self, longest: usize) {
        self.longest = longest;
    }

    /// Reads more.
    pub(in super::super) async fn fill(&mut self) -> Result<(), Gone> {
        self.input.reserve(READ);
        match self.socket.read_buf(&mut self.input).await? {
            0 => Err(Gone),
            _ => Ok(()),
        }
    }

    /// What was read and not used yet.
    pub(in super::super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// The next message. One of an impossible length ends the connection, for nobody knows where the next one begins.
    pub(in super::super) async fn message(&mut self) -> Result<Frame, Gone> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(frame);
            }
            self.fill().await?;
        }
    }

    /// The letter of the next message, if it has come.
    pub(in super::super) fn next_tag(&self) -> Option<u8> {
        self.input.first().copied()
    }

    fn take(&mut self) -> Result<Option<Frame>, Gone> {
        let Some((&[tag, a, b, c, d], _)) = self.input.split_first_chunk::<5>() else { return Ok(None) };
        let length = usize::try_from(i32::from_be_bytes([a, b, c, d])).map_err(|_| Gone)?;
        let is_long = b"QPBdFf".contains(&tag);
        let most = if is_long || !frontend::is_known(tag) { self.longest } else { SHORT.min(self.longest) };
        if length < 4 || length > most {
            return Err(Gone);
        }
        if self.input.len() <= length {
            self.input.reserve((1 + length - self.input.len()).min(READ));
            return Ok(None);
        }
        let mut frame = self.input.split_to(1 + length).freeze();
        Ok(Some((tag, frame.split_off(5))))
    }

    /// Sends what there is.
    pub(in super::super) async fn flush(&mut self) -> Result<(), Gone> {
        if !self.out.bytes().is_empty() {
            self.socket.write_all(self.out.bytes()).await?;
            self.out.clear();
        }
        self.socket.flush().await?;
        Ok(())
    }

    /// Sends what there is, once it is worth it.
    pub(in super::super) async fn flush_if_full(&mut self) -> Result<(), Gone> {
        if self.out.bytes().len() >= SEND { self.flush().await } else { Ok(()) }
    }

    /// Waits for `work`, unless the client goes meanwhile; what it sends is kept for later.
    pub(in super::super) async fn watch<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Gone> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                filled = self.fill(), if self.input.len() < AHEAD => filled?,
            }
        }
    }

    /// Ends the connection in an orderly way: what was sent arrives.
    pub(in super::super) async fn close(mut self) {
        // Whoever does not listen any more needs no farewell.
        let _ = self.flush().await;
        let _ = self.socket.shutdown().await;
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, data),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

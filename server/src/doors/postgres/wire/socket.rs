//! A client's connection: bytes in, cut into messages, and messages out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::backend::Out;
use super::frontend;
use crate::doors::faults::pace;
use engine::{ActingFault, FaultCut, FaultEffects};

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
    /// The fault rule that says how what is sent is sent.
    obeyed: Option<Arc<ActingFault>>,
}

/// A message: its letter, and its body.
pub(in super::super) type Frame = (u8, Bytes);

impl Wire {
    /// A connection, of which `input` was read already.
    pub(in super::super) fn new(socket: Socket, input: BytesMut, longest: usize) -> Self {
        Self { socket, input, out: Out::default(), longest, obeyed: None }
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
        if let Some(acting) = self.obeyed.clone() {
            return self.send_as(&acting).await;
        }
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

    /// From now on what is sent is sent as a rule has it.
    pub(in super::super) fn obey(&mut self, acting: &Arc<ActingFault>) {
        let effects = acting.effects();
        let is_about_sending = effects.loses_answer || effects.changes_the_way();
        self.obeyed = is_about_sending.then(|| Arc::clone(acting));
    }

    /// From now on what is sent is sent as usual.
    pub(in super::super) fn obey_nobody(&mut self) {
        self.obeyed = None;
    }

    /// Throws away what was to be sent next.
    pub(in super::super) fn forget(&mut self) {
        self.out.clear();
    }

    async fn send_as(&mut self, acting: &ActingFault) -> Result<(), Gone> {
        let FaultEffects { per_batch, bytes_per_second, loses_answer, .. } = *acting.effects();
        if loses_answer {
            self.out.clear();
            return Ok(());
        }
        let bytes = self.out.take();
        let step = bytes_per_second.map_or(bytes.len().max(1), pace::piece);
        let mut pause = per_batch.filter(|_| !bytes.is_empty()).unwrap_or_default();
        for piece in bytes.chunks(step) {
            pause += bytes_per_second.map_or(Duration::ZERO, |speed| pace::time_of(piece.len(), speed));
            self.watch(acting.pauses(std::mem::take(&mut pause))).await?;
            self.socket.write_all(piece).await?;
        }
        self.socket.flush().await?;
        Ok(())
    }

    /// Breaks off the connection as a rule has it. What was sent has left before.
    pub(in super::super) async fn cut(&mut self, cut: FaultCut) {
        // Whoever has gone meanwhile has cut it already.
        let _ = match cut {
            FaultCut::Reset => self.socket.raw().set_linger(Some(Duration::ZERO)),
            FaultCut::Close | FaultCut::Half => self.socket.raw().shutdown(std::net::Shutdown::Write),
        };
        while cut == FaultCut::Half && self.fill().await.is_ok() {
            self.input.clear();
        }
    }

    /// Ends the connection in an orderly way: what was sent arrives.
    pub(in super::super) async fn close(mut self) {
        // Whoever does not listen any more needs no farewell.
        let _ = self.flush().await;
        let _ = self.socket.shutdown().await;
    }
}

impl Socket {
    fn raw(&self) -> SockRef<'_> {
        match self {
            Self::Plain(stream) => SockRef::from(stream),
            Self::Tls(stream) => SockRef::from(stream.get_ref().0),
        }
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

//! What a connection over HTTP/1.1 is busy with: it decides when the connection has idled out, when a request comes too
//! slowly, and whether a client that has ended its sending half still waits for its answer (LX-09, LQ-07).

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::connections::ask_peer;

/// How long a client may take to send a request's headers, from their first byte on.
const HEADER_TIME: Duration = Duration::from_secs(30);

/// How often a connection with a call under way looks after its client.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long an idle connection that is to be closed may take to do so.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often a client that has ended its sending half is asked whether it is there.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    stream: Arc<TcpStream>,
    idle: Duration,
    phase: Mutex<Phase>,
    has_ended_sending: AtomicBool,
    looks: AtomicU64,
}

#[derive(Debug)]
struct Phase {
    /// Calls under way: a request's body may outlive its answer for a moment.
    calls: usize,
    /// Since when a request's headers have been coming in.
    head: Option<Instant>,
    /// The last time that anything went over the connection, or that it was looked at.
    last: Instant,
    /// Whether the client has room for what it is being sent.
    is_blocked: bool,
    /// Whether it was told to end.
    is_ending: bool,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Stays,
    /// It idled for too long, and ends once nothing is under way.
    Idled,
    /// It ends at once, for this reason.
    Ends(&'static str),
}

impl Activity {
    /// The state of a new connection, which may idle for `idle`.
    pub(crate) fn new(stream: Arc<TcpStream>, idle: Duration) -> Arc<Self> {
        let phase = Phase { calls: 0, head: None, last: Instant::now(), is_blocked: false, is_ending: false };
        Arc::new(Self {
            stream,
            idle,
            phase: Mutex::new(phase),
            has_ended_sending: AtomicBool::new(false),
            looks: AtomicU64::new(0),
        })
    }

    /// A call begins; it ends when the last of the returned references is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Arc<Exchange> {
        let mut phase = self.phase.lock();
        phase.calls += 1;
        phase.head = None;
        phase.last = Instant::now();
        Arc::new(Exchange(Arc::clone(self)))
    }

    /// When the connection is to be looked at next, if nothing happens before.
    pub(crate) fn next_check(&self) -> Instant {
        let phase = self.phase.lock();
        match phase.head {
            _ if phase.calls > 0 || phase.is_blocked => phase.last + LOOK_EVERY,
            _ if phase.is_ending => phase.last + LAST_WORDS,
            Some(began) => began + HEADER_TIME,
            None => phase.last + self.idle,
        }
    }

    /// Looks at the connection.
    pub(crate) fn check(&self, now: Instant) -> Verdict {
        let mut phase = self.phase.lock();
        if phase.calls > 0 || phase.is_blocked {
            phase.last = now;
            drop(phase);
            return self.look_after_client();
        }
        if let Some(began) = phase.head {
            let is_late = now >= began + HEADER_TIME;
            return if is_late { Verdict::Ends("its headers came too slowly") } else { Verdict::Stays };
        }
        if phase.is_ending {
            return Verdict::Ends("it did not end by itself");
        }
        if now < phase.last + self.idle {
            return Verdict::Stays;
        }
        phase.is_ending = true;
        phase.last = now;
        Verdict::Idled
    }

    /// Whether the client has reset the connection, or ended its sending half. What ends with that half is all that a
    /// server sees of a client that is gone, too: such a one answers what it is sent with a reset.
    fn look_after_client(&self) -> Verdict {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let socket = SockRef::from(&*self.stream);
        if !matches!(socket.take_error(), Ok(None)) {
            return Verdict::Ends("its client has gone");
        }
        match socket.peek(&mut [MaybeUninit::uninit()]) {
            Ok(0) if !self.has_ended_sending.swap(true, Ordering::SeqCst) => {
                if let Err(fault) = ask_peer(&self.stream, ASK_EVERY, ASK_EVERY) {
                    tracing::debug!(%fault, "a client that has ended its sending half cannot be asked for a sign");
                }
                Verdict::Stays
            }
            Err(fault) if fault.kind() != io::ErrorKind::WouldBlock => Verdict::Ends("its client has gone"),
            _ => Verdict::Stays,
        }
    }

    fn note_read(&self) {
        let mut phase = self.phase.lock();
        phase.last = Instant::now();
        if phase.calls == 0 && phase.head.is_none() {
            phase.head = Some(phase.last);
        }
    }

    fn note_write(&self, is_blocked: bool) {
        let mut phase = self.phase.lock();
        if !is_blocked {
            phase.last = Instant::now();
        }
        phase.is_blocked = is_blocked;
    }
}

/// One call: its request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange(Arc<Activity>);

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut phase = self.0.phase.lock();
        phase.calls -= 1;
        phase.last = Instant::now();
    }
}

/// A request's body.
#[derive(Debug)]
pub(crate) struct Sent {
    body: Incoming,
    _exchange: Arc<Exchange>,
}

impl Sent {
    /// The body of that call's request.
    pub(crate) fn new(body: Incoming, exchange: Arc<Exchange>) -> Self {
        Self { body, _exchange: exchange }
    }
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. Between two lines of NDJSON, blanks ask a client that has ended its sending half whether it is
/// there, and mean nothing to one that is.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Body,
    exchange: Arc<Exchange>,
    may_blank: bool,
    is_between_lines: bool,
    looked: u64,
}

impl Answer {
    /// The answer of that call.
    pub(crate) fn wrap(response: Response, exchange: Arc<Exchange>) -> http::Response<Self> {
        let kind = response.headers().get(CONTENT_TYPE);
        let may_blank = kind.is_some_and(|kind| kind == "application/x-ndjson");
        response.map(|body| Self {
            may_blank: may_blank && body.size_hint().exact().is_none(),
            body,
            exchange,
            is_between_lines: false,
            looked: 0,
        })
    }

    fn is_blank_due(&mut self) -> bool {
        let activity = &self.exchange.0;
        let looks = activity.looks.load(Ordering::SeqCst);
        let ended = activity.has_ended_sending.load(Ordering::SeqCst);
        ended
            && self.may_blank
            && self.is_between_lines
            && std::mem::replace(&mut self.looked, looks) != looks
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            if self.is_blank_due() {
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))));
            }
            return Poll::Pending;
        };
        if let Some(last) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()?.last()) {
            self.is_between_lines = *last == b'\n';
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The connection itself, which tells its state what goes over it.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Arc<TcpStream>,
    activity: Arc<Activity>,
}

impl Socket {
    /// The connection whose state `activity` is.
    pub(crate) fn new(stream: Arc<TcpStream>, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn poll_send(
        &self,
        context: &mut Context<'_>,
        mut send: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let Poll::Ready(is_ready) = self.stream.poll_write_ready(context) else {
                self.activity.note_write(true);
                return Poll::Pending;
            };
            is_ready?;
            match send(&self.stream) {
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                sent => {
                    self.activity.note_write(false);
                    return Poll::Ready(sent);
                }
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.try_read_buf(buffer) {
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                Err(fault) => return Poll::Ready(Err(fault)),
                Ok(read) => {
                    if read > 0 {
                        self.activity.note_read();
                    }
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(context, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(context, |stream| stream.try_write_vectored(parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.stream).shutdown(std::net::Shutdown::Write))
    }
}

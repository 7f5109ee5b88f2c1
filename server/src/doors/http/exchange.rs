//! What a connection over HTTP/1.1 is busy with: it decides when the connection has idled out, when a request comes too
//! slowly, and whether a client that has ended its sending half still waits for its answer (LX-09, LQ-07).

mod body;
mod socket;

use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::Version;
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::Instant;

pub(crate) use self::body::{AnswerBody, RequestBody};
pub(crate) use self::socket::WatchedSocket;
use crate::doors::connections::ask_peer;
use crate::doors::faults::CutOff;
use engine::FaultCut;

/// How long a client may take to send a request's headers, from their first byte on.
const HEADER_TIME: Duration = Duration::from_secs(30);

/// How often a connection with a call under way looks after its client.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long an idle connection that is to be closed may take to do so.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often the system of a client that has ended its sending half is asked whether it is there.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What a client that has ended its sending half is sent until its answer begins. One that is there reads on, as RFC 9110
/// (15.2) has it; the system of one that is gone answers with a reset.
const STILL_HERE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// This moment, as the runtime's timers tell it.
pub(crate) fn now() -> Instant {
    engine::clock::moment().into()
}

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    stream: Arc<TcpStream>,
    idle: Duration,
    phase: Mutex<Phase>,
    has_ended_sending: AtomicBool,
    looks: AtomicU64,
    is_cut: AtomicBool,
}

#[derive(Debug)]
struct Phase {
    /// Calls under way: a request's body may outlive its answer for a moment.
    calls: usize,
    /// Whether the latest call has no answer yet, and a client that knows interim answers.
    awaits_answer: bool,
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
pub(crate) enum ConnectionVerdict {
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
        let phase = Phase {
            calls: 0,
            awaits_answer: false,
            head: None,
            last: now(),
            is_blocked: false,
            is_ending: false,
        };
        Arc::new(Self {
            stream,
            idle,
            phase: Mutex::new(phase),
            has_ended_sending: AtomicBool::new(false),
            looks: AtomicU64::new(0),
            is_cut: AtomicBool::new(false),
        })
    }

    /// A call begins, by a request of that version; it ends when the last of the returned references is dropped.
    pub(crate) fn begin(self: &Arc<Self>, version: Version) -> Arc<Exchange> {
        let mut phase = self.phase.lock();
        phase.calls += 1;
        phase.awaits_answer = version == Version::HTTP_11;
        phase.head = None;
        phase.last = now();
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
    pub(crate) fn check(&self, now: Instant) -> ConnectionVerdict {
        let mut phase = self.phase.lock();
        if phase.calls > 0 || phase.is_blocked {
            phase.last = now;
            drop(phase);
            return self.look_after_client();
        }
        if let Some(began) = phase.head {
            let is_late = now >= began + HEADER_TIME;
            return if is_late {
                ConnectionVerdict::Ends("its headers came too slowly")
            } else {
                ConnectionVerdict::Stays
            };
        }
        if phase.is_ending {
            return ConnectionVerdict::Ends("it did not end by itself");
        }
        if now < phase.last + self.idle {
            return ConnectionVerdict::Stays;
        }
        phase.is_ending = true;
        phase.last = now;
        ConnectionVerdict::Idled
    }

    /// Whether the client has reset the connection, or ended its sending half. What ends with that half is all that a
    /// server sees of a client that is gone, too: such a one answers what it is sent with a reset.
    fn look_after_client(&self) -> ConnectionVerdict {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let socket = SockRef::from(&*self.stream);
        if !matches!(socket.take_error(), Ok(None)) {
            return ConnectionVerdict::Ends("its client has gone");
        }
        match socket.peek(&mut [MaybeUninit::uninit()]) {
            Ok(0) => {
                if !self.has_ended_sending.swap(true, Ordering::SeqCst)
                    && let Err(fault) = ask_peer(&self.stream, ASK_EVERY, ASK_EVERY)
                {
                    tracing::debug!(%fault, "a client that has ended its sending half cannot be asked for a sign");
                }
                self.ask_client()
            }
            Err(fault) if fault.kind() != io::ErrorKind::WouldBlock => {
                ConnectionVerdict::Ends("its client has gone")
            }
            _ => ConnectionVerdict::Stays,
        }
    }

    /// Sends a client that has ended its sending half something that means nothing, unless it would fall into an answer.
    fn ask_client(&self) -> ConnectionVerdict {
        let phase = self.phase.lock();
        if !phase.awaits_answer || phase.calls > 1 || phase.is_blocked {
            return ConnectionVerdict::Stays;
        }
        match self.stream.try_write(STILL_HERE) {
            Ok(sent) if sent == STILL_HERE.len() => ConnectionVerdict::Stays,
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => ConnectionVerdict::Stays,
            Ok(_) | Err(_) => ConnectionVerdict::Ends("its client has gone"),
        }
    }

    /// Breaks off the connection, which ends next but for the direction to the server.
    fn breaks(&self, cut: FaultCut) {
        let socket = SockRef::from(&*self.stream);
        let done = match cut {
            FaultCut::Reset => socket.set_linger(Some(Duration::ZERO)),
            FaultCut::Close | FaultCut::Half => socket.shutdown(std::net::Shutdown::Write),
        };
        if let Err(fault) = done {
            tracing::debug!(%fault, "a connection that a fault rule cuts has ended before");
        }
        self.is_cut.store(true, Ordering::Relaxed);
    }

    /// Whether a fault rule has broken it off: nothing more is sent over it.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    fn note_read(&self) {
        let mut phase = self.phase.lock();
        phase.last = now();
        if phase.calls == 0 && phase.head.is_none() {
            phase.head = Some(phase.last);
        }
    }

    fn note_write(&self, is_blocked: bool) {
        let mut phase = self.phase.lock();
        if !is_blocked {
            phase.last = now();
        }
        phase.is_blocked = is_blocked;
    }
}

/// One call: its request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange(Arc<Activity>);

impl Exchange {
    /// The answer begins.
    pub(crate) fn answers(&self) {
        self.0.phase.lock().awaits_answer = false;
    }

    /// The connection breaks off in the place of an answer.
    ///
    /// # Errors
    /// Always, if it ends in both directions; otherwise this waits for its client to go.
    pub(crate) async fn breaks<T>(&self, cut: CutOff) -> Result<T, CutOff> {
        self.0.breaks(cut.0);
        match cut.0 {
            FaultCut::Reset | FaultCut::Close => Err(cut),
            FaultCut::Half => std::future::pending().await,
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut phase = self.0.phase.lock();
        phase.calls -= 1;
        phase.last = now();
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn connection(idle: Duration) -> (TcpStream, Arc<Activity>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, Activity::new(Arc::new(listener.accept().await.unwrap().0), idle))
    }

    #[tokio::test]
    async fn an_idle_connection_ends_when_it_has_idled_for_as_long_as_allowed_and_no_sooner() {
        let second = Duration::from_secs(1);
        let (_client, activity) = connection(600 * second).await;
        drop(activity.begin(Version::HTTP_11));
        let now = Instant::now();
        assert_eq!(activity.check(now + 31 * second), ConnectionVerdict::Stays);
        assert_eq!(activity.check(now + 599 * second), ConnectionVerdict::Stays);
        assert_eq!(activity.check(now + 601 * second), ConnectionVerdict::Idled);
        assert!(matches!(activity.check(now + 602 * second), ConnectionVerdict::Ends(_)));
    }

    #[tokio::test]
    async fn headers_that_drip_are_cut_half_a_minute_after_their_first_byte() {
        let second = Duration::from_secs(1);
        let (_client, activity) = connection(600 * second).await;
        activity.note_read();
        let now = Instant::now();
        activity.note_read();
        assert_eq!(activity.check(now + 29 * second), ConnectionVerdict::Stays);
        assert!(matches!(activity.check(now + 31 * second), ConnectionVerdict::Ends(_)));
    }

    #[tokio::test]
    async fn neither_a_call_under_way_nor_a_slow_reader_is_idle() {
        let second = Duration::from_secs(1);
        let (_client, activity) = connection(second).await;
        let call = activity.begin(Version::HTTP_11);
        assert_eq!(activity.check(Instant::now() + 100 * second), ConnectionVerdict::Stays);
        drop(call);
        activity.note_write(true);
        assert_eq!(activity.check(Instant::now() + 100 * second), ConnectionVerdict::Stays);
    }
}

//! Connections: how many may be open at once, and how the loss of a peer is noticed; every door accepts through here.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{DOORS, Listeners};
use crate::config::ConnectionOptions;
use engine::{Error, ErrorKind, Result, limit_exceeded};

/// The most connections of a door where no flag says otherwise.
const DOOR_DEFAULT: usize = 4096;

/// Open files that the server needs whatever happens.
const OWN_FILES: usize = 32;

/// Connections beyond the limit that are told so at a time; others are closed without a word.
const REFUSALS: usize = 16;

/// How long the server takes no connection after one could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// How often a peer is asked whether it is there before it is taken for lost.
const KEEP_ALIVE_PROBES: u32 = 4;

/// Has this process open as many files as the system allows it to.
pub fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(fault) = raised {
        tracing::debug!(%fault, "the limit of open files stays as it is");
    }
}

/// What all doors share.
#[derive(Debug)]
pub(crate) struct Connections {
    all: Arc<Semaphore>,
    limit: usize,
    door_limit: usize,
    options: ConnectionOptions,
}

impl Connections {
    /// Makes the limits that hold; those that no flag sets fit what the system allows.
    ///
    /// # Errors
    /// Config when a flag asks for more than the system allows.
    pub(crate) fn new(options: ConnectionOptions) -> Result<Self> {
        let files = getrlimit(Resource::RLIMIT_NOFILE)
            .map_or(usize::MAX, |(soft, _)| usize::try_from(soft).unwrap_or(usize::MAX));
        // A quarter is left to what the calls open: databases, spools, uploads.
        let fitting = (files.saturating_sub(OWN_FILES) / (DOORS.len() + 1)).clamp(1, DOOR_DEFAULT);
        let limit =
            options.limit.unwrap_or(options.door_limit.unwrap_or(fitting).saturating_mul(DOORS.len()));
        if options.limit.or(options.door_limit).is_some() && limit > files {
            let flag = if options.limit.is_some() { "--connection-limit" } else { "--door-connection-limit" };
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{flag} asks for {limit} connections, but the system allows this process {files} open files: raise them with ulimit -n"
                ),
            ));
        }
        let door_limit = options.door_limit.unwrap_or(limit / DOORS.len()).clamp(1, limit);
        let all = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        Ok(Self { all, limit, door_limit, options })
    }

    /// Where a door takes what comes to `listeners`.
    pub(crate) fn entrance(&self, listeners: Listeners) -> Entrance {
        Entrance {
            listeners,
            places: Places {
                own: Arc::new(Semaphore::new(self.door_limit.min(Semaphore::MAX_PERMITS))),
                all: Arc::clone(&self.all),
                limit: self.limit,
                door_limit: self.door_limit,
            },
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            options: self.options,
        }
    }
}

/// Where a door's connections come in.
#[derive(Debug)]
pub(crate) struct Entrance {
    listeners: Listeners,
    places: Places,
    refusals: Arc<Semaphore>,
    options: ConnectionOptions,
}

/// The places of a door's connections.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
    limit: usize,
    /// How many the door has.
    pub door_limit: usize,
}

/// A connection that came in.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// The connection.
    pub stream: TcpStream,
    /// Its place among those that may be open; to be kept as long as it is open.
    pub place: ConnectionPlace,
    /// What to tell the client if there was no room.
    pub refused: Option<Error>,
}

/// A connection's place among those that may be open.
#[derive(Debug)]
pub(crate) struct ConnectionPlace(
    #[expect(dead_code, reason = "held, never read")] [Option<OwnedSemaphorePermit>; 2],
);

impl Entrance {
    /// How long connections may idle, and peers be silent.
    pub(crate) fn options(&self) -> ConnectionOptions {
        self.options
    }

    /// The places of its connections.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// The next connection. Whatever keeps the system from accepting one is waited out.
    pub(crate) async fn next(&mut self) -> Arrival {
        loop {
            match self.listeners.accept().await {
                Ok(stream) => {
                    if let Some(arrival) = self.admit(stream) {
                        return arrival;
                    }
                }
                Err(fault) if is_the_clients(&fault) => tracing::debug!(%fault, "a client left at the door"),
                Err(fault) => {
                    // Out of file descriptors, most likely: connections that end will free some.
                    tracing::warn!(%fault, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream) -> Option<Arrival> {
        if let Err(fault) = prepare(&stream, self.options.lost_after) {
            tracing::debug!(%fault, "a connection goes without keep-alive");
        }
        match self.places.take() {
            Ok(place) => Some(Arrival { stream, place, refused: None }),
            Err(error) => {
                tracing::debug!(%error, "a connection is refused");
                let place = Arc::clone(&self.refusals).try_acquire_owned().ok()?;
                Some(Arrival { stream, place: ConnectionPlace([Some(place), None]), refused: Some(error) })
            }
        }
    }
}

impl Places {
    /// Takes a place.
    ///
    /// # Errors
    /// LimitExceeded while there is none.
    pub(crate) fn take(&self) -> Result<ConnectionPlace> {
        let own = Arc::clone(&self.own).try_acquire_owned().map_err(|_| {
            limit_exceeded("the connections of this door", self.door_limit, "--door-connection-limit")
        })?;
        let all = Arc::clone(&self.all)
            .try_acquire_owned()
            .map_err(|_| limit_exceeded("the connections of all doors", self.limit, "--connection-limit"))?;
        Ok(ConnectionPlace([Some(own), Some(all)]))
    }

    /// Takes the next place that comes free, in the order of those who wait; none once nobody can have one.
    pub(crate) async fn wait(&self) -> Option<ConnectionPlace> {
        let own = Arc::clone(&self.own).acquire_owned().await.ok()?;
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(ConnectionPlace([Some(own), Some(all)]))
    }
}

fn is_the_clients(fault: &io::Error) -> bool {
    matches!(fault.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// Small answers do not wait for acknowledgements, and a peer that cannot be reached ends the connection `lost_after`
/// its last sign, if nothing else is under way on it.
fn prepare(stream: &TcpStream, lost_after: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    ask_peer(stream, lost_after / 2, lost_after / 2 / KEEP_ALIVE_PROBES)
}

/// Has the system ask the peer whether it is there: first after `after` without a sign of it, then `every` so often.
pub(crate) fn ask_peer(stream: &TcpStream, after: Duration, every: Duration) -> io::Result<()> {
    let second = Duration::from_secs(1);
    // The system takes no more than some nine hours.
    let most = Duration::from_secs(32_000);
    let keep_alive = TcpKeepalive::new()
        .with_time(after.clamp(second, most))
        .with_interval(every.clamp(second, most))
        .with_retries(KEEP_ALIVE_PROBES);
    SockRef::from(stream).set_tcp_keepalive(&keep_alive)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::config::BindAddresses;

    fn options(limit: Option<usize>, door_limit: Option<usize>) -> ConnectionOptions {
        let second = Duration::from_secs(1);
        ConnectionOptions {
            limit,
            door_limit,
            login_limit: None,
            idle_timeout: second,
            lost_after: 40 * second,
        }
    }

    fn entrance(connections: &Connections) -> Entrance {
        let bind = BindAddresses::Addresses(vec![Ipv4Addr::LOCALHOST.into()]);
        connections.entrance(Listeners::bind(&bind, 0, &DOORS[0]).unwrap())
    }

    async fn arrive(entrance: &mut Entrance) -> (TcpStream, Arrival) {
        let client = TcpStream::connect(entrance.listeners.addresses()[0]).await.unwrap();
        (client, entrance.next().await)
    }

    #[tokio::test]
    async fn a_full_door_refuses_and_costs_no_other_door() {
        let connections = Connections::new(options(Some(8), None)).unwrap();
        let (mut full, mut other) = (entrance(&connections), entrance(&connections));
        let first = arrive(&mut full).await;
        let second = arrive(&mut full).await;
        assert!(first.1.refused.is_none() && second.1.refused.is_none());
        let refused = arrive(&mut full).await.1.refused.unwrap();
        assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
        assert!(refused.message().contains("at most 2; raise it with --door-connection-limit"), "{refused}");
        assert!(arrive(&mut other).await.1.refused.is_none());
        drop(first);
        assert!(arrive(&mut full).await.1.refused.is_none(), "a place came free");
    }

    #[tokio::test]
    async fn all_doors_together_have_a_limit() {
        let connections = Connections::new(options(Some(2), Some(2))).unwrap();
        let (mut one, mut two) = (entrance(&connections), entrance(&connections));
        let _held = (arrive(&mut one).await, arrive(&mut one).await);
        let refused = arrive(&mut two).await.1.refused.unwrap();
        assert!(refused.message().contains("at most 2; raise it with --connection-limit"), "{refused}");
    }

    #[tokio::test]
    async fn every_connection_has_its_peer_asked_for_a_sign() {
        let connections = Connections::new(options(None, None)).unwrap();
        let (_client, arrival) = arrive(&mut entrance(&connections)).await;
        let socket = SockRef::from(&arrival.stream);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(20));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(5));
    }

    #[test]
    fn more_connections_than_files_are_a_start_up_error() {
        let fault = Connections::new(options(Some(usize::MAX), None)).unwrap_err();
        assert_eq!(fault.kind(), ErrorKind::Config);
        assert!(fault.message().contains("--connection-limit"), "{fault}");
        assert!(Connections::new(options(None, Some(usize::MAX / 2))).is_err());
    }
}

//! Serving the port: every connection from its first byte to its last.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cancels::Cancels;
use super::connection;
use super::fault::Halt;
use super::login;
use super::logins::{LoginPlace, Logins};
use super::report::SqlReport;
use super::scram::Salts;
use super::start;
use super::wire::{Gone, Wire};
use crate::doors::connections::{Arrival, Entrance};
use crate::doors::metrics::Metrics;
use crate::doors::{Serve, Surroundings};
use engine::{Engine, Error, Result};

/// How the protocol is named where a connection begins with TLS.
pub(super) const ALPN: &[u8] = b"postgresql";

/// How long a client may take to log in.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a connection beyond the limit has to say what it wants, and is refused then.
const REFUSAL: Duration = Duration::from_secs(1);

/// The bytes of a key, in the protocol's version 3.0 and in 3.2.
const KEY_BYTES: [usize; 2] = [4, 32];

/// What the connections of the door share.
pub(super) struct PostgresDoor {
    pub(super) engine: Arc<Engine>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) cancels: Arc<Cancels>,
    pub(super) salts: Salts,
    pub(super) stop: CancellationToken,
}

/// Makes the door ready to serve.
///
/// # Errors
/// `Config` for a certificate and a key that do not fit; `Internal` where there is no randomness.
pub(crate) fn prepare(around: &Surroundings<'_>) -> Result<Serve> {
    let tls = around.tls.map(|identity| identity.server_config(ALPN)).transpose()?;
    let door = Arc::new(PostgresDoor {
        engine: Arc::clone(around.engine),
        metrics: Arc::clone(around.metrics),
        tls: tls.map(TlsAcceptor::from),
        cancels: Arc::default(),
        salts: Salts::new().map_err(|report| Error::internal(report.message))?,
        stop: around.stop.clone(),
    });
    let tasks = around.tasks.clone();
    Ok(Box::new(move |entrance| Box::pin(serve(entrance, door, tasks))))
}

/// Accepts connections until the server stops; each runs in a task of `connections`.
async fn serve(mut entrance: Entrance, door: Arc<PostgresDoor>, connections: TaskTracker) {
    let stop = door.stop.clone();
    let places = entrance.places().clone();
    let logins = Logins::new(entrance.options().login_limit, places.door_limit);
    while let Some(Arrival { stream, place, refused }) = stop.run_until_cancelled(entrance.next()).await {
        let (door, logins, places) = (Arc::clone(&door), Arc::clone(&logins), places.clone());
        let login = refused.is_none().then(|| logins.begin());
        connections.spawn(async move {
            let room = match refused {
                None => Ok(None),
                Some(error) => logins.make_room(&places).await.map(Some).ok_or(error),
            };
            match &room {
                Ok(_) => serve_connection(stream, &door, login.unwrap_or_else(|| logins.begin())).await,
                Err(error) => {
                    // Whoever says nothing within that time is told nothing.
                    let _ = tokio::time::timeout(REFUSAL, refuse(stream, &door, error)).await;
                }
            }
            drop((place, room));
        });
    }
}

async fn refuse(stream: TcpStream, door: &PostgresDoor, error: &Error) {
    if let Ok(Some(mut start)) = start::begin(stream, door).await {
        start.wire.out.report(&SqlReport::fatal("53300", error.message()));
        start.wire.close().await;
    }
}

async fn serve_connection(stream: TcpStream, door: &Arc<PostgresDoor>, login: LoginPlace) {
    let beginning = tokio::time::timeout(PATIENCE, begin(stream, door));
    let beginning = login.ended.run_until_cancelled(beginning);
    let Some(Some(Ok(Ok(Some((mut wire, mut client, minor)))))) =
        door.stop.run_until_cancelled(beginning).await
    else {
        return;
    };
    drop(login);
    let running = Arc::clone(&client.running);
    let key = door.cancels.register(&running, KEY_BYTES[usize::from(minor > 0)]);
    login::welcome(&mut client, &mut wire, key.process, &key.secret);
    let ended = connection::run(&mut client, &mut wire).await;
    drop(key);
    client.close().await;
    if ended.is_ok() {
        wire.close().await;
    }
}

type Begun = (Wire, super::client::Client, i32);

/// A client that has logged in; none where there is none to serve.
async fn begin(stream: TcpStream, door: &Arc<PostgresDoor>) -> Result<Option<Begun>, Gone> {
    let Some(mut start) = start::begin(stream, door).await? else { return Ok(None) };
    match login::log_in(&mut start, door).await {
        Ok(client) => {
            let limits = client.session.limits();
            let longest = limits.statement.max(limits.tenant_held).saturating_add(64 << 10);
            start
                .wire
                .limit(usize::try_from(longest).unwrap_or(usize::MAX).min(i32::MAX.unsigned_abs() as usize));
            Ok(Some((start.wire, client, start.minor)))
        }
        Err(Halt::Told(report)) => {
            start.wire.out.report(&report);
            start.wire.close().await;
            Ok(None)
        }
        Err(Halt::Gone) => Ok(None),
    }
}

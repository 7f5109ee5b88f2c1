//! A session as Flight clients know it: the engine's, by a token, and what Flight keeps beside it (FS-2).

use std::sync::Arc;

use parking_lot::Mutex;

use super::options::Options;
use super::token::BearerToken;
use engine::{Call, Error, ErrorKind, Result, Session, Turn};

/// One session of one user, known by its token.
pub(super) struct FlightSession {
    pub(super) token: BearerToken,
    pub(super) engine: Arc<Session>,
    pub(super) options: Mutex<Options>,
}

impl FlightSession {
    /// An engine session, under a new token.
    ///
    /// # Errors
    /// `Internal` when the system's random source fails.
    pub(super) fn new(engine: Arc<Session>, options: Options) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { token: BearerToken::new()?, engine, options: Mutex::new(options) }))
    }

    /// Waits for this call's turn (FS-3).
    ///
    /// # Errors
    /// `Cancelled` when the call is cancelled or the session closes first.
    pub(super) async fn turn(&self, call: &Arc<Call>) -> Result<Turn> {
        self.engine.turn(call).await.map_err(|error| match error.kind() {
            ErrorKind::SessionUnknown => closed(),
            _ => error,
        })
    }

    /// Runs `work` unless the session closes first; for work that waits on the client, such as an upload.
    ///
    /// # Errors
    /// `Cancelled` when the session closes.
    pub(super) async fn until_closed<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.engine.closing() => Err(closed()),
            done = work => done,
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Cancelled, "The session was closed")
}

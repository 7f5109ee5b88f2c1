//! The open sessions by token, and the implicit one of each user (FA-2 to FA-6, FS-5).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;

use super::credentials::{Credentials, credentials, refused};
use super::options::Options;
use super::query::Query;
use super::session::FlightSession;
use super::token::BearerToken;
use engine::{Engine, Error, ErrorKind, Result, Tenant};

/// How many expired tokens are remembered as such; older ones count as unknown.
const REMEMBERED: usize = 65_536;

/// How often sessions that the engine has ended are cleared away.
const SWEEP: Duration = Duration::from_secs(5);

/// How long CloseSession may wait for DuckDB to stop; it goes on stopping afterwards (FS-12).
const CLOSE: Duration = Duration::from_millis(1500);

/// Every session of the port.
pub(super) struct SessionsByToken {
    engine: Arc<Engine>,
    options: Options,
    table: Mutex<TokenTable>,
}

#[derive(Default)]
struct TokenTable {
    open: HashMap<String, Arc<FlightSession>>,
    /// By the address of the tenant, which stays alive beside its session.
    implicit: HashMap<usize, (Arc<Tenant>, Arc<FlightSession>)>,
    expired: HashSet<String>,
    expired_order: VecDeque<String>,
}

impl SessionsByToken {
    /// No sessions yet; each starts with `options`.
    pub(super) fn new(engine: Arc<Engine>, options: Options) -> Arc<Self> {
        Arc::new(Self { engine, options, table: Mutex::default() })
    }

    /// The session that a Handshake is about: a new one for Basic (FA-2), the same one for Bearer (FA-3).
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(super) async fn handshake(&self, metadata: &MetadataMap) -> Result<Arc<FlightSession>> {
        match credentials(metadata)? {
            Credentials::Bearer(token) => self.by_token(&token),
            Credentials::Basic { user, password } => {
                let session = self.new_session(&self.authenticate(&user, &password)?).await?;
                let id = session.token.id().to_owned();
                self.table.lock().open.insert(id, Arc::clone(&session));
                Ok(session)
            }
        }
    }

    /// The session of any other call: the token's, or the user's implicit one (FA-5).
    ///
    /// # Errors
    /// `Unauthenticated`, `SessionUnknown` or `SessionExpired` (FA-6).
    pub(super) async fn of(&self, metadata: &MetadataMap) -> Result<Arc<FlightSession>> {
        match credentials(metadata)? {
            Credentials::Bearer(token) => self.by_token(&token),
            Credentials::Basic { user, password } => {
                let tenant = self.authenticate(&user, &password)?;
                self.implicit(tenant).await
            }
        }
    }

    /// The session that a ticket is redeemed on: that of the call, or another of its user that issued it, if all it does is
    /// read (FQ-5).
    pub(super) fn redeeming(&self, caller: Arc<FlightSession>, ticket: &Bytes) -> Arc<FlightSession> {
        let promise = |session: &FlightSession| session.engine.cursors().promise::<Query>(ticket).ok();
        if promise(&caller).is_some() {
            return caller;
        }
        let others: Vec<_> = {
            let table = self.table.lock();
            let implicit = table.implicit.values().map(|(_, session)| session);
            let all = table.open.values().chain(implicit);
            all.filter(|session| session.engine.has_the_tenant_of(&caller.engine)).cloned().collect()
        };
        let issued = |session: &Arc<FlightSession>| promise(session).is_some_and(|query| !query.changes());
        others.into_iter().find(issued).unwrap_or(caller)
    }

    /// Takes a session out and closes it.
    pub(super) async fn close(&self, session: &Arc<FlightSession>) {
        {
            let mut table = self.table.lock();
            table.open.remove(session.token.id());
            table.implicit.retain(|_, (_, implicit)| !Arc::ptr_eq(implicit, session));
        }
        let session = Arc::clone(session);
        let closing = tokio::spawn(async move { session.engine.close().await });
        if tokio::time::timeout(CLOSE, closing).await.is_err() {
            tracing::warn!("a closed session's statement has not stopped yet");
        }
    }

    /// Closes every session, as the port does when it stops.
    pub(super) async fn close_all(&self) {
        let table = std::mem::take(&mut *self.table.lock());
        let implicit = table.implicit.into_values().map(|(_, session)| session);
        let sessions: Vec<_> = table.open.into_values().chain(implicit).collect();
        futures::future::join_all(sessions.iter().map(|session| session.engine.close())).await;
    }

    /// Clears away what the engine has ended, until `stop` fires.
    pub(super) async fn sweep(self: Arc<Self>, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(SWEEP)).await.is_some() {
            let mut table = self.table.lock();
            let over = |session: &FlightSession| session.engine.is_closed() || self.has_idled_out(session);
            table.implicit.retain(|_, (_, session)| !over(session));
            table.open.retain(|_, session| !session.engine.is_retired());
            let ended: Vec<String> =
                table.open.iter().filter(|(_, session)| over(session)).map(|(id, _)| id.clone()).collect();
            ended.iter().for_each(|id| table.expire(id));
        }
    }

    /// Ends a session as if it had idled out (FA-6): why the call fails that finds it so.
    pub(super) fn expire(&self, session: &Arc<FlightSession>) -> Error {
        let mut table = self.table.lock();
        table.implicit.retain(|_, (_, implicit)| !Arc::ptr_eq(implicit, session));
        table.expire(session.token.id());
        expired()
    }

    fn authenticate(&self, user: &str, password: &str) -> Result<Arc<Tenant>> {
        self.engine.authenticate(user, password).map_err(|error| match error.kind() {
            ErrorKind::Unauthenticated => refused(),
            _ => error,
        })
    }

    async fn new_session(&self, tenant: &Arc<Tenant>) -> Result<Arc<FlightSession>> {
        FlightSession::new(tenant.open_session().await?, self.options.clone())
    }

    async fn implicit(&self, tenant: Arc<Tenant>) -> Result<Arc<FlightSession>> {
        let key = Arc::as_ptr(&tenant).addr();
        if let Some(session) = self.live_implicit(key) {
            return Ok(session);
        }
        let fresh = self.new_session(&tenant).await?;
        let mut table = self.table.lock();
        let (_, session) = table.implicit.entry(key).or_insert((tenant, Arc::clone(&fresh)));
        if self.is_gone(session) {
            *session = fresh;
        }
        Ok(Arc::clone(session))
    }

    fn live_implicit(&self, key: usize) -> Option<Arc<FlightSession>> {
        let table = self.table.lock();
        let session = table.implicit.get(&key).map(|(_, session)| session).filter(|s| !self.is_gone(s))?;
        session.engine.touch();
        Some(Arc::clone(session))
    }

    fn by_token(&self, text: &str) -> Result<Arc<FlightSession>> {
        let id = BearerToken::id_of(text).ok_or_else(unknown)?;
        let mut table = self.table.lock();
        if table.expired.contains(id) {
            return Err(expired());
        }
        let session = table.open.get(id).filter(|s| s.token.matches(text)).cloned().ok_or_else(unknown)?;
        if session.engine.is_retired() {
            table.open.remove(id);
            return Err(unknown());
        }
        if session.engine.is_closed() || self.has_idled_out(&session) {
            table.expire(id);
            return Err(expired());
        }
        session.engine.touch();
        Ok(session)
    }

    /// Whether an implicit session must be replaced: also when its database was lost, since no client can open
    /// another.
    fn is_gone(&self, session: &FlightSession) -> bool {
        session.engine.is_closed() || session.engine.is_lost() || self.has_idled_out(session)
    }

    fn has_idled_out(&self, session: &FlightSession) -> bool {
        session.engine.idle() >= self.engine.config().session_idle_timeout
    }
}

impl TokenTable {
    fn expire(&mut self, id: &str) {
        if let Some(session) = self.open.remove(id) {
            tokio::spawn(async move { session.engine.close().await });
        }
        self.expired.insert(id.to_owned());
        self.expired_order.push_back(id.to_owned());
        if self.expired_order.len() > REMEMBERED
            && let Some(oldest) = self.expired_order.pop_front()
        {
            self.expired.remove(&oldest);
        }
    }
}

/// A token that names no open session.
fn unknown() -> Error {
    Error::new(ErrorKind::SessionUnknown, "Session configuration not found or expired")
}

/// A token whose session idled out; dbt reconnects on its first words.
fn expired() -> Error {
    Error::new(ErrorKind::SessionExpired, "Session expired. Open a new session.")
}

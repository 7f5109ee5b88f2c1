//! The server as a value: bound when it starts, stopped when it is dropped.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{self, BindAddresses, Config, Options};
use crate::control;
use crate::doors::connections::Connections;
use crate::doors::health::Health;
use crate::doors::metrics::Metrics;
use crate::doors::tls::TlsIdentity;
use crate::doors::{Addresses, DOORS, Door, Listeners, PerDoor, Surroundings};
use crate::seeds;
use engine::{Account, Engine, Error, JournalEntry, Origin, Result};

/// How long interrupted calls get to tell their clients, at most: a part of `--shutdown-timeout`.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct MockServer {
    addresses: Addresses,
    engine: Arc<Engine>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    tasks: TaskTracker,
    shutdown_timeout: Duration,
}

/// Settings of a server to start; see `altertable-mock --help` for their meaning.
#[derive(Debug, Default)]
pub struct MockServerBuilder {
    options: Options,
    fault: Option<Error>,
}

impl MockServerBuilder {
    /// Declares a user.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.options.user.get_or_insert_default().push(format!("{name}:{password}"));
        self
    }

    /// Declares an API key.
    #[must_use]
    pub fn api_key(mut self, key: &str) -> Self {
        self.options.api_key.get_or_insert_default().push(key.to_owned());
        self
    }

    /// Declares an environment; `production` if none is declared.
    #[must_use]
    pub fn environment(mut self, name: &str) -> Self {
        self.options.environment.get_or_insert_default().push(name.to_owned());
        self
    }

    /// Begins each user's database with these tables and events: a .sql file or a folder; `USER=PATH` for one user alone
    /// (SD-1).
    #[must_use]
    pub fn seed(mut self, path: &str) -> Self {
        self.options.seed.get_or_insert_default().push(path.to_owned());
        self
    }

    /// Lets the system pick a free port for each door; see [`MockServer::addresses`].
    #[must_use]
    pub fn ephemeral_ports(mut self) -> Self {
        self.options.listen_on_any_port();
        self
    }

    /// Adds settings as the binary's flags; the environment is not read. A fault shows when the server is started.
    #[must_use]
    pub fn args(mut self, flags: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>) -> Self {
        match config::parse_flags(flags) {
            Ok(options) => self.options = options.or(self.options),
            Err(error) => self.fault = self.fault.or(Some(error)),
        }
        self
    }

    /// Adds settings as typed options, which win over those given so far.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options.or(self.options);
        self
    }

    /// Starts the server: its ports are bound when this returns. Runs inside a Tokio runtime with several threads.
    ///
    /// # Errors
    /// Config, in one line that names the setting, port or file and the way out.
    pub async fn start(self) -> Result<MockServer> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        MockServer::start_with(config::from_options(self.options)?).await
    }
}

impl MockServer {
    /// Begins with default settings and no user.
    pub fn builder() -> MockServerBuilder {
        MockServerBuilder::default()
    }

    /// Starts a server with checked settings.
    ///
    /// # Errors
    /// Config, naming the port, file or folder that cannot be used.
    pub async fn start_with(config: Config) -> Result<Self> {
        let started = Self::start_unless(config, std::future::pending()).await?;
        started.ok_or_else(|| Error::internal("the server was stopped before it had started"))
    }

    /// As [`start_with`](Self::start_with); none if it was told to stop first, as seeds may take long.
    pub(crate) async fn start_unless(config: Config, stop: impl Future<Output = ()>) -> Result<Option<Self>> {
        let listeners = config.ports.try_map(|door, port| Listeners::bind(&config.bind, *port, door))?;
        let connections = Connections::new(config.connections)?;
        config.engine.check_temporary_folder()?;
        let engine = Engine::new(config.engine.clone());
        let server = Self {
            addresses: listeners.try_map(|_, listeners| first(listeners))?,
            health: Health::new(),
            metrics: Metrics::new(&engine)?,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            shutdown_timeout: config.shutdown_timeout,
            engine,
        };
        let control = control::routes(&config, &server.engine, &server.metrics, server.addresses);
        let tls = config.tls.as_ref().map(TlsIdentity::new).transpose()?;
        let surroundings = server.surroundings(&config, &control, tls.as_ref());
        let serves = config.ports.try_map(|door, _| (door.prepare)(&surroundings))?;
        if config.engine.needs_check() {
            server.engine.check().await?;
        }
        tokio::select! {
            planted = seeds::plant(&server.engine, &config.seeds) => planted?,
            () = stop => {
                Engine::abandon(Arc::clone(&server.engine)).await;
                return Ok(None);
            }
        }
        server.health.start_watchdog().map_err(|fault| Error::internal(format!("no thread: {fault}")))?;
        server.announce(&config, &listeners);
        for ((door, listeners), serve) in DOORS.iter().zip(listeners.into_values()).zip(serves.into_values())
        {
            server.open(door, serve(connections.entrance(listeners)));
        }
        server.keep_house();
        Ok(Some(server))
    }

    fn surroundings<'a>(
        &'a self,
        config: &'a Config,
        control: &'a Router,
        tls: Option<&'a TlsIdentity>,
    ) -> Surroundings<'a> {
        Surroundings {
            config,
            engine: &self.engine,
            health: &self.health,
            metrics: &self.metrics,
            control,
            tls,
            stop: &self.stop,
            tasks: &self.tasks,
        }
    }

    /// Serves a door until the server stops. Health tells if it ends before (LX-14).
    fn open(&self, door: &Door, serving: impl Future<Output = ()> + Send + 'static) {
        let kept = self.health.serve(door);
        self.tasks.spawn(async move {
            serving.await;
            drop(kept);
        });
    }

    /// What goes on in the background until the server stops.
    fn keep_house(&self) {
        let background = [
            tokio::spawn(Arc::clone(&self.health).beat()),
            tokio::spawn(Engine::sweep(Arc::downgrade(&self.engine))),
            tokio::spawn(Engine::guard_memory(Arc::downgrade(&self.engine))),
        ];
        let stop = self.stop.clone();
        tokio::spawn(async move {
            stop.cancelled().await;
            background.iter().for_each(tokio::task::JoinHandle::abort);
        });
    }

    /// The lines launchers wait for (FX-1): whoever connects now is answered, for the system keeps the connection. And
    /// those that a newcomer needs.
    fn announce(&self, config: &Config, listeners: &PerDoor<Listeners>) {
        for (door, (_, listeners)) in DOORS.iter().zip(listeners.iter()) {
            for address in listeners.addresses() {
                tracing::info!("Starting {} server on {address}", door.title);
            }
        }
        if config.bind == BindAddresses::Loopback && is_in_container() {
            tracing::warn!(
                "Nothing outside of this container can connect, since the server listens on its loopback addresses: add --bind 0.0.0.0 (or ALTERTABLE_MOCK_BIND)"
            );
        }
        for name in &config.unknown_variables {
            tracing::warn!("The variable {name} is not one of this program's; --help lists them");
        }
        if config.engine.users.is_empty() && !config.engine.allow_any_user {
            tracing::warn!(
                "No user is declared, so every login is refused: add --user NAME:PASSWORD (or ALTERTABLE_MOCK_USERS), or --allow-any-user"
            );
        }
    }

    /// Where the doors are bound.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Opens databases in the background for the first tenants; for a server that is started to be used at once. Runs
    /// inside a Tokio runtime.
    pub fn warm_up(&self) {
        self.engine.warm_up();
    }

    /// Declares a user while the server runs; with `api_key` that key too, whose project in the first environment the
    /// user then sees as `product_analytics`. A test gets an empty database of its own this way in microseconds.
    ///
    /// # Errors
    /// Config when a part is empty, or the name or the key taken; nothing is declared then.
    pub fn add_user(&self, name: &str, password: &str, api_key: Option<&str>) -> Result<()> {
        self.engine.add_user(Account { name: name.to_owned(), password: password.to_owned() }, api_key)
    }

    /// Declares a user whose state begins as a copy of another's, or of one of that user's snapshots, with an API key of its
    /// own (CT-1).
    ///
    /// # Errors
    /// Config when a part is empty, or the name or the key taken; NotFound for a user or a snapshot that is not there;
    /// FailedPrecondition for what cannot be copied.
    pub async fn add_copy(
        &self,
        name: &str,
        password: &str,
        api_key: &str,
        source: &str,
        snapshot: Option<&str>,
    ) -> Result<()> {
        let account = Account { name: name.to_owned(), password: password.to_owned() };
        let origin =
            Origin { tenant: self.engine.tenant_named(source)?, snapshot: snapshot.map(str::to_owned) };
        let environments = self.engine.config().environments.clone();
        self.engine.make_copy(account, api_key, environments, origin).await.map(drop)
    }

    /// Refuses a declared user from now on, interrupts what the user runs and drops the user's database.
    ///
    /// # Errors
    /// NotFound when no user of that name is declared.
    pub async fn remove_user(&self, name: &str) -> Result<()> {
        self.engine.remove_user(name).await
    }

    /// Declares an API key while the server runs.
    ///
    /// # Errors
    /// Config when it is empty or declared already.
    pub fn add_api_key(&self, key: &str) -> Result<()> {
        self.engine.add_api_key(key)
    }

    /// Refuses an API key from now on and drops its events and identities.
    ///
    /// # Errors
    /// NotFound when it is not declared.
    pub fn remove_api_key(&self, key: &str) -> Result<()> {
        self.engine.remove_api_key(key)
    }

    /// Empties the server: databases, sessions, events and identities. What is declared stays; clients log in anew.
    pub async fn reset(&self) {
        self.engine.reset().await;
    }

    /// What a declared user ran lately through every door, oldest first; empty for an unknown one.
    pub fn journal(&self, name: &str) -> Vec<Arc<JournalEntry>> {
        self.engine.journal(name)
    }

    /// Stops within `--shutdown-timeout`: takes no new connections, lets running calls finish, interrupts the rest shortly
    /// before.
    pub async fn shutdown(self) {
        self.finish().await;
    }

    /// As [`shutdown`](Self::shutdown), for a process that ends next: temporary folders are removed, the databases are
    /// left to the operating system. It has a thousand of them gone at once, where DuckDB takes some milliseconds for
    /// each.
    ///
    /// Returns whether every call has ended. If not, threads are still inside DuckDB, and the process has to end without
    /// the usual tidying up under them.
    pub async fn shutdown_for_exit(self) -> bool {
        let ended = self.finish().await;
        Engine::abandon(Arc::clone(&self.engine)).await;
        ended
    }

    /// Whether every call and connection has ended within `--shutdown-timeout`.
    async fn finish(&self) -> bool {
        self.health.stop();
        self.stop.cancel();
        self.engine.let_go();
        self.tasks.close();
        let last_words = LAST_WORDS.min(self.shutdown_timeout / 4);
        let grace = self.shutdown_timeout - last_words;
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_ok() {
            return true;
        }
        tracing::warn!("Interrupting the calls that have not finished within --shutdown-timeout");
        let engine = Arc::clone(&self.engine);
        // In a task of its own, for a session that cannot be closed at once must not keep this one from its timeout.
        let closing = tokio::spawn(async move { engine.close().await });
        let ended = tokio::time::timeout(last_words / 4, self.tasks.wait()).await.is_ok();
        closing.abort();
        ended
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.health.stop();
        self.stop.cancel();
    }
}

/// A runtime fit for the server: a blocking thread for every statement that may run at once. Its threads, and those that
/// they start, take no signals.
///
/// # Errors
/// Internal when the system refuses threads.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("altertable-mock")
        .max_blocking_threads(4096)
        .on_thread_start(engine::leave_signals_to_others)
        .build()
        .map_err(|fault| Error::internal(format!("cannot start the runtime: {fault}")))
}

/// The address by which a door is named: the first that it listens on.
fn first(listeners: &Listeners) -> Result<std::net::SocketAddr> {
    listeners.addresses().first().copied().ok_or_else(|| Error::internal("a door listens nowhere"))
}

/// Whether this looks like the inside of a container, as Docker and Podman leave it.
fn is_in_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"].iter().any(|file| std::path::Path::new(file).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_door_that_ends_by_itself_makes_the_server_unhealthy() {
        let server = MockServer::builder().ephemeral_ports().start().await.unwrap();
        let url = format!("http://{}/health", server.addresses().lakehouse);
        assert_eq!(reqwest::get(&url).await.unwrap().status(), 200);
        server.open(&DOORS[2], async {});
        tokio::time::sleep(Duration::from_millis(200)).await;
        let answer = reqwest::get(&url).await.unwrap();
        assert_eq!(answer.status(), 503);
        assert!(answer.text().await.unwrap().contains("\"flight\":\"unavailable\""));
    }
}

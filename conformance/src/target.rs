//! What the spec is held against: servers in this process, in containers, or one at an address.

use crate::fault::{During as _, Fault, Result};
use crate::liveness::{Figures, Judge, Prober, Sample, Watch};
use crate::quirks::Quirks;
use crate::spec::{Case, DEFAULT_FLAGS};
use altertable_mock::MockServer;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OnceCell, RwLock};
use uuid::Uuid;

/// The image that `make image` builds and the registry serves.
pub const IMAGE: &str = "ghcr.io/altertable-ai/altertable-mock:latest";

/// A server to test.
#[derive(Debug)]
pub struct Target {
    kind: Kind,
    /// What it lacks and where it is known to fail.
    pub quirks: Quirks,
    front: Option<Front>,
    servers: Mutex<Servers>,
    /// None if nobody is to look whether the servers live.
    judge: Option<OnceCell<Judge>>,
    /// Held for reading by every case that runs, and for writing by one that has to run by itself.
    pub(crate) calm: RwLock<()>,
}

/// Puts something in front of a server that the runner has started, a proxy for one, and tells where that listens.
pub struct Front(Box<PutInFront>);

type PutInFront = dyn Fn(Addresses) -> BoxFuture<'static, Result<Addresses>> + Send + Sync;

impl Front {
    /// What `put` puts there, for each server anew.
    pub fn new(
        put: impl Fn(Addresses) -> BoxFuture<'static, Result<Addresses>> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(put))
    }
}

impl Debug for Front {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Front")
    }
}

/// The servers started so far, by their flags; each is started by the first case that needs it.
type Servers = HashMap<Vec<String>, Arc<OnceCell<Arc<Server>>>>;

/// The kinds of target.
#[derive(Debug, Clone)]
pub enum Kind {
    /// `MockServer` in this process, one per set of flags.
    InProcess,
    /// A container of this image, one per set of flags; needs the feature `testcontainers`.
    Container(String),
    /// Servers somewhere else, whose flags the runner cannot choose.
    Url(Addresses),
}

/// Where a server listens, and whom it knows if not everybody.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `http://host:port` of the Lakehouse REST API.
    pub lakehouse: String,
    /// `http://host:port` of Product Analytics.
    pub analytics: String,
    /// `http://host:port` of Flight SQL.
    pub flight: String,
    /// The only account, if the server makes none up.
    pub account: Option<Account>,
    /// A tenant for the liveness judge, if there is one: without it, only health is asked for.
    pub judge: Option<Account>,
}

/// A user of the server and its API key.
#[derive(Debug, Clone)]
pub struct Account {
    /// Name.
    pub user: String,
    /// Password.
    pub password: String,
    /// Key for analytics.
    pub api_key: String,
}

impl Account {
    /// A user nobody has seen before; its API key is its name (LX-13).
    pub fn fresh() -> Self {
        let user = format!("user-{}", Uuid::new_v4().simple());
        Self { api_key: user.clone(), password: format!("pw:{}", Uuid::new_v4().simple()), user }
    }

    /// `name:password`.
    pub fn pair(&self) -> String {
        format!("{}:{}", self.user, self.password)
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub addresses: Addresses,
    running: Running,
    prober: Option<Arc<Prober>>,
}

/// Keeps a server alive that the runner has started.
#[derive(Debug)]
enum Running {
    InProcess(MockServer),
    #[cfg(feature = "testcontainers")]
    Container(Box<crate::container::Running>),
    Elsewhere,
}

impl Target {
    /// A target of that kind.
    pub fn new(kind: Kind, quirks: Quirks) -> Self {
        let (servers, judge) = (Mutex::default(), Some(OnceCell::new()));
        Self { kind, quirks, front: None, servers, judge, calm: RwLock::default() }
    }

    /// The same target without anybody who looks whether its servers live: for servers that are wrong on purpose.
    #[must_use]
    pub fn unwatched(self) -> Self {
        Self { judge: None, ..self }
    }

    /// The same target with something in front of each server that the runner starts.
    #[must_use]
    pub fn behind(self, front: Front) -> Self {
        Self { front: Some(front), ..self }
    }

    /// The server with these flags, started on first use.
    ///
    /// # Errors
    /// A server that does not start.
    pub async fn server(&self, flags: &[String]) -> Result<Arc<Server>> {
        let cell = {
            let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(servers.entry(flags.to_vec()).or_default())
        };
        cell.get_or_try_init(|| self.start(flags)).await.cloned()
    }

    /// Why a case cannot run against this target; `None` if it can.
    pub fn unfit_for(&self, case: &Case) -> Option<String> {
        if let Some(reason) = self.quirks.skips(case) {
            return Some(reason.to_owned());
        }
        let Kind::Url(addresses) = &self.kind else { return None };
        if case.server != DEFAULT_FLAGS {
            return Some(format!("needs a server started with {}", case.server.join(" ")));
        }
        (addresses.account.is_some() && case.tenants.len() > 1).then(|| "needs several tenants".to_owned())
    }

    /// Stops every server that the runner has started. Containers want this: removing one takes a while, and a runtime.
    pub async fn stop(mut self) {
        self.stop_judge().await;
        futures::future::join_all(self.into_started().map(Server::stop)).await;
    }

    /// As [`stop`](Self::stop), when the process ends next.
    pub async fn stop_for_exit(mut self) {
        self.stop_judge().await;
        futures::future::join_all(self.into_started().map(Server::stop_for_exit)).await;
    }

    async fn stop_judge(&mut self) {
        if let Some(judge) = self.judge.take().and_then(OnceCell::into_inner) {
            judge.stop().await;
        }
    }

    /// Looks whether a server lives while a case runs on it.
    pub(crate) fn watch(&self, server: &Server, case: &Case) -> Option<Watch> {
        let judge = self.judge.as_ref()?.get()?;
        Some(judge.watch(server.prober.as_ref()?, &case.id))
    }

    /// How the servers have answered the liveness judge so far, and how their idle twin has; none if it asked nothing.
    pub fn liveness(&self) -> Option<[Figures; 2]> {
        let judge = self.judge.as_ref()?.get()?;
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let probers = servers.values().filter_map(|cell| cell.get()?.prober.as_ref());
        let answers: Vec<Sample> = probers.flat_map(|prober| prober.samples()).collect();
        Some([Figures::of(&answers), Figures::of(&judge.twin())])
    }

    fn into_started(self) -> impl Iterator<Item = Server> {
        let servers = self.servers.into_inner().unwrap_or_else(PoisonError::into_inner);
        servers.into_values().filter_map(|cell| Arc::into_inner(Arc::into_inner(cell)?.into_inner()?))
    }

    async fn start(&self, flags: &[String]) -> Result<Arc<Server>> {
        let mut server = match &self.kind {
            Kind::Url(addresses) => {
                Server { addresses: addresses.clone(), running: Running::Elsewhere, prober: None }
            }
            Kind::InProcess => self.fronted(in_process(flags).await?).await?,
            Kind::Container(image) => self.fronted(in_container(image, flags).await?).await?,
        };
        if let Some(judge) = &self.judge {
            let judge = judge.get_or_try_init(Judge::start).await?;
            server.prober = judge.prober(server.addresses.clone()).await?;
        }
        Ok(Arc::new(server))
    }

    async fn fronted(&self, mut server: Server) -> Result<Server> {
        if let Some(Front(put)) = &self.front {
            server.addresses = put(server.addresses).await?;
        }
        Ok(server)
    }
}

impl Server {
    /// A tenant for a case.
    pub fn account(&self) -> Account {
        self.addresses.account.clone().unwrap_or_else(Account::fresh)
    }

    async fn stop_for_exit(self) {
        match self.running {
            Running::InProcess(server) => {
                server.shutdown_for_exit().await;
            }
            running => Self { running, ..self }.stop().await,
        }
    }

    async fn stop(self) {
        match self.running {
            Running::InProcess(server) => server.shutdown().await,
            #[cfg(feature = "testcontainers")]
            Running::Container(container) => container.stop().await,
            Running::Elsewhere => {}
        }
    }
}

async fn in_process(flags: &[String]) -> Result<Server> {
    let start = MockServer::builder().args(flags).ephemeral_ports().start();
    let server = start
        .await
        .map_err(|error| Fault(format!("the server with {} does not start: {error}", flags.join(" "))))?;
    let addresses = addresses_of(server.addresses());
    if let Some(judge) = &addresses.judge {
        server.add_user(&judge.user, &judge.password, None).during("a tenant for the liveness judge")?;
    }
    Ok(Server { addresses, running: Running::InProcess(server), prober: None })
}

/// Where a server of this process listens, with a tenant of its own for the liveness judge.
pub(crate) fn addresses_of(at: altertable_mock::Addresses) -> Addresses {
    let url = |address: std::net::SocketAddr| format!("http://127.0.0.1:{}", address.port());
    Addresses {
        lakehouse: url(at.lakehouse),
        analytics: url(at.analytics),
        flight: url(at.flight),
        account: None,
        judge: Some(Account::fresh()),
    }
}

#[cfg(feature = "testcontainers")]
async fn in_container(image: &str, flags: &[String]) -> Result<Server> {
    let mut mock = crate::container::AltertableMock::default().with_image(image);
    for flag in flags.iter().cloned() {
        // A file or folder of the spec that a flag names comes along.
        let file = flag.rsplit_once('=').map(|(name, file)| (name, std::path::Path::new(file)));
        mock = match file.filter(|(_, file)| file.exists()) {
            None => mock.with_flags([flag]),
            Some((name, file)) => {
                let inside = format!("/spec/{}", file.file_name().unwrap_or_default().to_string_lossy());
                mock.with_file(file, &inside).with_flags([format!("{name}={inside}")])
            }
        };
    }
    let judge = Account::fresh();
    mock = mock.with_user(&judge.user, &judge.password);
    if flags.iter().any(|flag| flag.starts_with("--seed=")) {
        // Events of a seed need a project, which nobody else sees.
        let project = format!("{}={}:production", judge.user, judge.api_key);
        mock = mock.with_api_key(&judge.api_key).with_flags(["--product-analytics".to_owned(), project]);
    }
    let running = mock.start().await?;
    let addresses = Addresses {
        lakehouse: running.lakehouse_url().to_owned(),
        analytics: running.analytics_url().to_owned(),
        flight: running.flight_url().to_owned(),
        account: None,
        judge: Some(judge),
    };
    Ok(Server { addresses, running: Running::Container(Box::new(running)), prober: None })
}

#[cfg(not(feature = "testcontainers"))]
#[expect(clippy::unused_async, reason = "the same signature as with the feature")]
async fn in_container(_: &str, _: &[String]) -> Result<Server> {
    Err(Fault::new(
        "this program was built without the feature `testcontainers`; build it with `--features testcontainers`",
    ))
}

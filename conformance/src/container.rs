//! The image as a value in a Rust test: started on free ports, ready when it returns, removed when dropped.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use altertable_mock_conformance::container::AltertableMock;
//!
//! let mock = AltertableMock::default().with_user("alice", "secret").with_api_key("demo-key").start().await?;
//! println!("POST {}/query, {}/track; Flight SQL at {}", mock.lakehouse_url(), mock.analytics_url(), mock.flight_url());
//! # Ok(())
//! # }
//! ```

use crate::control::TenantControl;
use crate::fault::{During, Fault, Result};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use testcontainers::core::{Healthcheck, IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

pub use crate::target::IMAGE;

const LAKEHOUSE: u16 = 15000;
const ANALYTICS: u16 = 15001;
const FLIGHT: u16 = 15002;
const POSTGRES: u16 = 15003;

/// How long a started container may take until all is ready.
const PATIENCE: Duration = Duration::from_secs(30);
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// A container to start. The default one has no user: add one, or [`allow any`](Self::with_any_user).
#[derive(Debug, Clone)]
pub struct AltertableMock {
    image: String,
    flags: Vec<String>,
    files: Vec<(PathBuf, String)>,
}

impl Default for AltertableMock {
    fn default() -> Self {
        Self { image: IMAGE.to_owned(), flags: Vec::new(), files: Vec::new() }
    }
}

impl AltertableMock {
    /// Takes another image, as `name:tag`.
    #[must_use]
    pub fn with_image(mut self, image: &str) -> Self {
        image.clone_into(&mut self.image);
        self
    }

    /// Declares a user, who gets a database of their own.
    #[must_use]
    pub fn with_user(self, name: &str, password: &str) -> Self {
        self.with_flags(["--user".to_owned(), format!("{name}:{password}")])
    }

    /// Accepts any user with any password, each pair with a database of its own.
    #[must_use]
    pub fn with_any_user(self) -> Self {
        self.with_flags(["--allow-any-user"])
    }

    /// Declares a key for Product Analytics.
    #[must_use]
    pub fn with_api_key(self, key: &str) -> Self {
        self.with_flags(["--api-key", key])
    }

    /// Declares an environment for Product Analytics; `production` if none is declared.
    #[must_use]
    pub fn with_environment(self, name: &str) -> Self {
        self.with_flags(["--environment", name])
    }

    /// Adds flags of `altertable-mock`; see its `--help`.
    #[must_use]
    pub fn with_flags(mut self, flags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.flags.extend(flags.into_iter().map(Into::into));
        self
    }

    /// Copies a file of this machine into the container, for flags such as `--attach` and `--config` to name.
    #[must_use]
    pub fn with_file(mut self, file: &Path, inside: &str) -> Self {
        self.files.push((file.to_owned(), inside.to_owned()));
        self
    }

    /// Starts the container and waits until it says that it is healthy.
    ///
    /// # Errors
    /// No Docker, an unknown image, or a container that ends at once: with what it printed.
    pub async fn start(self) -> Result<Running> {
        let (name, tag) = self.image.rsplit_once(':').unwrap_or((&self.image, "latest"));
        let mut image = GenericImage::new(name, tag).with_wait_for(WaitFor::Nothing);
        for port in [LAKEHOUSE, ANALYTICS, FLIGHT, POSTGRES] {
            image = image.with_exposed_port(port.tcp());
        }
        let doing = format!("starting the image {}", self.image);
        // `start` asks by itself, and a process that Docker starts in each of many containers every second is a load.
        let mut request = image.with_cmd(self.flags).with_health_check(Healthcheck::none());
        for (file, inside) in self.files {
            request = request.with_copy_to(inside, file);
        }
        let container = request.start().await.during(&doing)?;
        let running = Running::find(container).await?;
        running.until_healthy().await.map(|()| running)
    }
}

/// A running container; it is removed when dropped.
#[derive(Debug)]
pub struct Running {
    container: ContainerAsync<GenericImage>,
    lakehouse: String,
    analytics: String,
    flight: String,
    postgres: String,
}

impl Running {
    async fn find(container: ContainerAsync<GenericImage>) -> Result<Self> {
        let host = container.get_host().await.during("finding the container's host")?;
        let mut urls = Vec::with_capacity(4);
        for port in [LAKEHOUSE, ANALYTICS, FLIGHT, POSTGRES] {
            match container.get_host_port_ipv4(port.tcp()).await {
                Ok(mapped) => urls.push((host.to_string(), mapped)),
                Err(fault) => {
                    return Err(Fault(format!("{fault}; the container said: {}", said(&container).await)));
                }
            }
        }
        let mut urls = urls.into_iter();
        let mut next = |scheme: &str| {
            let (host, port) = urls.next().unwrap_or_default();
            format!("{scheme}://{host}:{port}")
        };
        Ok(Self {
            lakehouse: next("http"),
            analytics: next("http"),
            flight: next("http"),
            postgres: next("postgresql"),
            container,
        })
    }

    async fn until_healthy(&self) -> Result<()> {
        let health = format!("{}/health", self.lakehouse);
        let client =
            reqwest::Client::builder().timeout(Duration::from_secs(2)).build().during("an HTTP client")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if client.get(&health).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            let runs = self.container.is_running().await.during("looking at the container")?;
            if !runs || Instant::now() > deadline {
                let how = if runs { "is not healthy" } else { "has ended" };
                return Err(Fault(format!("the container {how}; it said: {}", said(&self.container).await)));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// `http://host:port` of the Lakehouse REST API.
    pub fn lakehouse_url(&self) -> &str {
        &self.lakehouse
    }

    /// `http://host:port` of Product Analytics.
    pub fn analytics_url(&self) -> &str {
        &self.analytics
    }

    /// `http://host:port` of Flight SQL, without TLS.
    pub fn flight_url(&self) -> &str {
        &self.flight
    }

    /// The control plane of a tenant of the container.
    pub fn tenant(&self, user: &str, password: &str) -> TenantControl {
        TenantControl::new(&self.lakehouse, user, password)
    }

    /// `postgresql://host:port` of the PostgreSQL door, without TLS.
    pub fn postgres_url(&self) -> &str {
        &self.postgres
    }

    /// Removes the container now instead of when it is dropped, which would block the thread.
    pub async fn stop(self) {
        // A container that is gone already is as good as removed.
        drop(self.container.rm().await);
    }

    /// The container, for what this type does not offer: its logs, pausing it, its id.
    pub fn container(&self) -> &ContainerAsync<GenericImage> {
        &self.container
    }
}

async fn said(container: &ContainerAsync<GenericImage>) -> String {
    let (out, err) = (container.stdout_to_vec().await, container.stderr_to_vec().await);
    let text: Vec<u8> = [out.unwrap_or_default(), err.unwrap_or_default()].concat();
    String::from_utf8_lossy(&text).trim().to_owned()
}

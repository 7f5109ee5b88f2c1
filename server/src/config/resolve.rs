//! From what was given to what holds: defaults, and the checks that need more than one value.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::access::{ControlOptions, control, users};
use super::catalogs::FoundCatalogs;
use super::limits::{limits, tenant_memory_limit, threads};
use super::options::{LogFormat, Options, QueryStream};
use super::seeds::SeedOptions;
use super::size::ByteSize;
use crate::doors::PerDoor;
use engine::{Account, EngineConfig, Error, ErrorKind, ProjectChoice, Result};

/// The least that the analytics body limit may be (AX-08).
const LEAST_ANALYTICS_BODY: u64 = 4_000_000;

/// The server's settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where every door listens.
    pub bind: BindAddresses,
    /// The doors' ports; 0 picks a free one.
    pub ports: PerDoor<u16>,
    /// What the engine needs.
    pub engine: EngineConfig,
    /// TLS beside plaintext, on the doors that speak it (FX-2).
    pub tls: Option<TlsOptions>,
    /// What the Flight door needs beyond the engine.
    pub flight: FlightOptions,
    /// What the Lakehouse door needs beyond the engine.
    pub lakehouse: LakehouseOptions,
    /// The control plane (CX).
    pub control: ControlOptions,
    /// What tenants begin with, and what a seed may take (SD).
    pub seeds: SeedOptions,
    /// Largest body of the analytics API in bytes (AX-08).
    pub analytics_body_limit: u64,
    /// Connections, of all doors.
    pub connections: ConnectionOptions,
    /// Within which time the server stops once it is asked to.
    pub shutdown_timeout: Duration,
    /// Whether the doors of HTTP answer `/metrics` (LX-19).
    pub metrics: bool,
    /// Where spans go over OTLP, if anywhere (LX-20).
    pub otlp_endpoint: Option<String>,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Variables whose names begin as this program's do and that it does not know: misspelt ones, most likely.
    pub unknown_variables: Vec<String>,
}

/// How many connections there may be, and for how long (LX-09).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// `--connection-limit`: of all doors together; by what the system allows when `None`.
    pub limit: Option<usize>,
    /// `--door-connection-limit`: of each door; a quarter of all when `None`.
    pub door_limit: Option<usize>,
    /// `--login-limit`: of the PostgreSQL door's, those that have not logged in yet; a quarter of the door's when `None`.
    pub login_limit: Option<usize>,
    /// `--idle-connection-timeout`: how long an HTTP connection may wait for its next request.
    pub idle_timeout: Duration,
    /// `--lost-peer-timeout`: when a peer that the network no longer reaches is taken for lost.
    pub lost_after: Duration,
}

/// The addresses that every door listens on, each with the same port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindAddresses {
    /// 127.0.0.1, and ::1 on machines that have it.
    Loopback,
    /// These; at least one.
    Addresses(Vec<IpAddr>),
}

/// What the Flight door needs beyond the engine.
#[derive(Debug, Clone, Default)]
pub struct FlightOptions {
    /// Whether JSON columns carry `arrow.json` (FY-4).
    pub arrow_json_extension: bool,
}

/// What the Lakehouse door needs beyond the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LakehouseOptions {
    /// Largest JSON body in bytes (LX-08).
    pub json_body_limit: u64,
    /// The most that a compressed upload may decode to, in bytes (LX-08).
    pub decoded_body_limit: u64,
    /// The form of `/query`'s answers (LQ-22).
    pub query_stream: QueryStream,
}

impl Default for LakehouseOptions {
    fn default() -> Self {
        Self { json_body_limit: 64 << 20, decoded_body_limit: 16 << 30, query_stream: QueryStream::default() }
    }
}

/// Where the certificate comes from (FX-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsOptions {
    /// A throw-away CA, its certificate written to this file.
    Generate {
        /// The file to write.
        ca_file: PathBuf,
    },
    /// The user's own certificate chain and key, as PEM files.
    Files {
        /// The certificate chain.
        cert: PathBuf,
        /// The private key.
        key: PathBuf,
    },
}

pub(super) fn resolve(options: Options) -> Result<Config> {
    let limits = limits(&options)?;
    let connections = connections(&options)?;
    let lakehouse = lakehouse(&options)?;
    let found = FoundCatalogs::read(&options)?;
    let users = users(options.user.clone().unwrap_or_default())?;
    let seeds = SeedOptions::read(&options, &users)?;
    let (ports, bind) = (options.ports(), bind(options.bind.unwrap_or_default())?);
    let api_keys = distinct(options.api_key.unwrap_or_default(), "--api-key", false)?;
    let environments = options.environment.unwrap_or_else(|| vec!["production".to_owned()]);
    let environments = distinct(environments, "--environment", true)?;
    let choices = options.product_analytics.unwrap_or_default();
    let product_analytics = project_choices(&choices, &users, &api_keys, &environments)?;
    let seconds = |given: Option<u64>, default: u64| Duration::from_secs(given.unwrap_or(default));
    Ok(Config {
        ports,
        bind,
        engine: EngineConfig {
            users,
            allow_any_user: options.allow_any_user.unwrap_or(false),
            api_keys,
            environments,
            catalogs: found.catalogs,
            attaches: found.attaches,
            product_analytics,
            legacy_altertable_catalog: options.legacy_altertable_catalog.unwrap_or(false),
            mock_catalog: found.mock,
            tenant_memory_limit: tenant_memory_limit(options.tenant_memory_limit)?,
            tenant_threads: threads(options.tenant_threads, "--tenant-threads")?,
            limits,
            temporary_folder: std::env::temp_dir(),
            allow_external_access: options.allow_external_access.unwrap_or(false),
            session_idle_timeout: seconds(options.session_idle_timeout, 4 * 60 * 60),
            tenant_idle_timeout: seconds(options.tenant_idle_timeout, 600),
            ..EngineConfig::default()
        },
        flight: FlightOptions { arrow_json_extension: options.arrow_json_extension.unwrap_or(false) },
        tls: tls(options.tls.unwrap_or(false), options.tls_ca_file, options.tls_cert, options.tls_key)?,
        lakehouse,
        control: control(options.no_control, options.control_key, options.control_api_keys)?,
        seeds,
        analytics_body_limit: analytics_body_limit(options.analytics_body_limit)?,
        connections,
        shutdown_timeout: seconds(options.shutdown_timeout, 10),
        metrics: !options.no_metrics.unwrap_or(false),
        otlp_endpoint: otlp_endpoint(options.otlp_endpoint)?,
        log_format: options.log_format.unwrap_or_default(),
        unknown_variables: Vec::new(),
    })
}

fn bind(given: Vec<String>) -> Result<BindAddresses> {
    if given.is_empty() {
        return Ok(BindAddresses::Loopback);
    }
    let addresses = distinct(given, "--bind", true)?;
    let addresses = addresses.iter().map(|text| {
        text.parse().map_err(|_| {
            fault(format!("--bind \"{text}\" is no IP address: write 127.0.0.1, ::1, or 0.0.0.0 for all"))
        })
    });
    Ok(BindAddresses::Addresses(addresses.collect::<Result<_>>()?))
}

fn connections(options: &Options) -> Result<ConnectionOptions> {
    Ok(ConnectionOptions {
        limit: at_least_one(options.connection_limit, "--connection-limit")?,
        door_limit: at_least_one(options.door_connection_limit, "--door-connection-limit")?,
        login_limit: at_least_one(options.login_limit, "--login-limit")?,
        idle_timeout: some_seconds(options.idle_connection_timeout, 600, 1, "--idle-connection-timeout")?,
        lost_after: some_seconds(options.lost_peer_timeout, 120, 2, "--lost-peer-timeout")?,
    })
}

fn lakehouse(options: &Options) -> Result<LakehouseOptions> {
    let default = LakehouseOptions::default();
    Ok(LakehouseOptions {
        json_body_limit: options.json_body_limit.unwrap_or(default.json_body_limit),
        decoded_body_limit: options.decoded_body_limit.map_or(default.decoded_body_limit, ByteSize::bytes),
        query_stream: query_stream(options.query_stream, options.legacy_query_stream)?,
    })
}

/// `--legacy-query-stream` is another name of `--query-stream legacy`.
fn query_stream(form: Option<QueryStream>, is_legacy: Option<bool>) -> Result<QueryStream> {
    match (form, is_legacy) {
        (Some(QueryStream::Legacy) | None, Some(true)) => Ok(QueryStream::Legacy),
        (Some(_), Some(true)) => Err(fault(
            "--legacy-query-stream is --query-stream legacy, and another form is asked for: keep one of them"
                .to_owned(),
        )),
        (form, _) => Ok(form.unwrap_or_default()),
    }
}

fn otlp_endpoint(given: Option<String>) -> Result<Option<String>> {
    match given {
        Some(url) if !url.starts_with("http://") => Err(fault(format!(
            "--otlp-endpoint \"{url}\" is no URL of a collector: write http://localhost:4318"
        ))),
        given => Ok(given),
    }
}

fn analytics_body_limit(given: Option<u64>) -> Result<u64> {
    let limit = given.unwrap_or(16 << 20);
    if limit < LEAST_ANALYTICS_BODY {
        return Err(fault(format!(
            "--analytics-body-limit {limit} is below {LEAST_ANALYTICS_BODY}, which clients rely on"
        )));
    }
    Ok(limit)
}

pub(super) fn distinct(given: Vec<String>, flag: &str, may_be_shown: bool) -> Result<Vec<String>> {
    let mut seen = HashSet::new();
    for (index, value) in given.iter().enumerate() {
        // An API key is a secret, so that a fault names its place instead.
        let shown = if may_be_shown { format!("\"{value}\"") } else { format!("number {}", index + 1) };
        if value.is_empty() {
            return Err(fault(format!("{flag} {shown} is empty")));
        }
        if !seen.insert(value) {
            return Err(fault(format!("{flag} {shown} is given twice")));
        }
    }
    Ok(given)
}

fn project_choices(
    given: &[String],
    users: &[Account],
    api_keys: &[String],
    environments: &[String],
) -> Result<Vec<ProjectChoice>> {
    let choices: Vec<ProjectChoice> = given
        .iter()
        .map(|text| project_choice(text, users, api_keys, environments))
        .collect::<Result<_>>()?;
    let mut seen = HashSet::new();
    match choices.iter().find(|choice| !seen.insert(&choice.user)) {
        Some(twice) => Err(fault(format!("--product-analytics for \"{}\" is given twice", twice.user))),
        None => Ok(choices),
    }
}

fn project_choice(
    text: &str,
    users: &[Account],
    api_keys: &[String],
    environments: &[String],
) -> Result<ProjectChoice> {
    let parts = text.split_once('=').and_then(|(user, rest)| Some((user, rest.rsplit_once(':')?)));
    let Some((user, (api_key, environment))) = parts else {
        return Err(fault("--product-analytics takes USER=KEY:ENV".to_owned()));
    };
    if !users.iter().any(|account| account.name == user) {
        return Err(fault(format!("--product-analytics names the user \"{user}\", whom no --user declares")));
    }
    if !api_keys.iter().any(|key| key == api_key) {
        return Err(fault(format!(
            "--product-analytics for \"{user}\" names a key that no --api-key declares"
        )));
    }
    if !environments.iter().any(|name| name == environment) {
        return Err(fault(format!(
            "--product-analytics for \"{user}\" names the environment \"{environment}\", which no --environment declares"
        )));
    }
    Ok(ProjectChoice {
        user: user.to_owned(),
        api_key: api_key.to_owned(),
        environment: environment.to_owned(),
    })
}

fn some_seconds(given: Option<u64>, default: u64, least: u64, flag: &str) -> Result<Duration> {
    let given = given.unwrap_or(default);
    // More than a year is as good as no limit, and clocks can still add it.
    match given {
        given if given < least => Err(fault(format!("{flag} has to be at least {least}"))),
        given => Ok(Duration::from_secs(given.min(366 * 24 * 60 * 60))),
    }
}

pub(super) fn at_least_one(given: Option<usize>, flag: &str) -> Result<Option<usize>> {
    if given == Some(0) {
        return Err(fault(format!("{flag} has to be at least 1")));
    }
    Ok(given)
}

fn tls(
    generate: bool,
    ca_file: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Option<TlsOptions>> {
    match (generate, ca_file, cert, key) {
        (false, None, None, None) => Ok(None),
        (true, Some(ca_file), None, None) => Ok(Some(TlsOptions::Generate { ca_file })),
        (false, None, Some(cert), Some(key)) => Ok(Some(TlsOptions::Files { cert, key })),
        (true, None, None, None) => Err(fault(
            "--tls makes a CA that clients have to trust: say where to write it with --tls-ca-file".into(),
        )),
        (false, Some(_), None, None) => Err(fault("--tls-ca-file needs --tls".to_owned())),
        (false, None, _, _) => Err(fault("--tls-cert and --tls-key go together".to_owned())),
        _ => Err(fault("choose --tls with --tls-ca-file, or --tls-cert with --tls-key, not both".to_owned())),
    }
}

pub(super) fn fault(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

//! The only reader of flags, environment variables and the configuration file.
//!
//! Each setting is one field of [`Options`]: its flag, its line in `--help`, its variable (`ALTERTABLE_MOCK_` and the
//! flag's name) and its key in the TOML file are all derived from it. Flags win over variables, variables over the
//! file.

mod access;
mod catalogs;
mod ctl;
mod file;
mod limits;
mod options;
mod resolve;
mod seeds;
mod size;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::{ArgAction, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use access::ControlOptions;
pub use ctl::CtlOptions;
pub(crate) use ctl::{
    ClockCommand, CtlCommand, FaultsCommand, ListCommand, SnapshotsCommand, TenantsCommand,
};
pub use options::{LogFormat, Options, QueryStream};
pub use resolve::{BindAddresses, Config, ConnectionOptions, FlightOptions, LakehouseOptions, TlsOptions};
pub use seeds::{SeedBounds, SeedChoice, SeedOptions};
pub use size::ByteSize;

use engine::{Error, ErrorKind, Result};

/// What every variable's name begins with.
const VARIABLE_PREFIX: &str = "ALTERTABLE_MOCK_";

#[derive(Debug, Parser)]
#[command(name = "altertable-mock", version, about = options::ABOUT, after_help = options::AFTER_HELP, max_term_width = 100)]
#[command(subcommand_help_heading = "Instead of serving", disable_help_subcommand = true)]
struct CommandLine {
    /// Read settings from this TOML file, whose keys are the names of these flags.
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    task: Option<Mode>,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Ask the server that runs with these flags and variables whether it serves, as a container's health check does:
    /// exit code 0 if so, 1 if not.
    Healthcheck,
    /// Steer a running server: show its calls, reset a tenant, have calls fail, set the clock.
    Ctl(Box<CtlOptions>),
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Start the server.
    Serve(Box<Config>),
    /// Ask the Lakehouse door at this address for its health.
    Healthcheck(SocketAddr),
    /// Ask a control plane, beside a server with this configuration.
    Ctl(Box<CtlOptions>, Box<Config>),
    /// Print this text and end well: `--help` or `--version`.
    Print(String),
}

/// Reads the process's arguments and environment.
///
/// # Errors
/// Config, in one line that names the flag, variable, file or user and the way out.
pub fn from_process() -> Result<Invocation> {
    read(std::env::args_os(), variables())
}

/// The process's environment, as [`read`] takes it.
pub fn variables() -> impl Iterator<Item = (String, OsString)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
}

/// Reads arguments (the first is the program's name) and variables.
///
/// # Errors
/// As [`from_process`].
pub fn read(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    variables: impl IntoIterator<Item = (String, OsString)>,
) -> Result<Invocation> {
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) if !error.use_stderr() || is_help(&error) => {
            return Ok(Invocation::Print(error.render().to_string()));
        }
        Err(error) => return Err(fault(&first_line(&error))),
    };
    let variables = from_variables(variables)?;
    let from_file = match line.config.or(variables.file) {
        None => Options::default(),
        Some(path) => file::read(&path)?,
    };
    let mut config = resolve::resolve(line.options.or(variables.options).or(from_file))?;
    config.unknown_variables = variables.unknown;
    match line.task {
        None => Ok(Invocation::Serve(Box::new(config))),
        Some(Mode::Healthcheck) => config.own_address("healthcheck").map(Invocation::Healthcheck),
        Some(Mode::Ctl(ctl)) => Ok(Invocation::Ctl(ctl, Box::new(config))),
    }
}

impl Config {
    /// Where a server with this configuration has its Lakehouse door, seen from its own machine.
    ///
    /// # Errors
    /// Config, when the port is any free one.
    pub(crate) fn own_address(&self, task: &str) -> Result<SocketAddr> {
        if self.ports.lakehouse == 0 {
            return Err(fault(&format!(
                "{task} cannot know which port --lakehouse-port 0 picked; name a port"
            )));
        }
        let bound = match &self.bind {
            BindAddresses::Loopback => None,
            BindAddresses::Addresses(addresses) => addresses.first().copied(),
        };
        let host = match bound.unwrap_or(Ipv4Addr::LOCALHOST.into()) {
            IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            bound => bound,
        };
        Ok(SocketAddr::new(host, self.ports.lakehouse))
    }
}

/// Whether a task was named without anything to do.
fn is_help(error: &clap::Error) -> bool {
    error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

/// Checks options that a program has put together, without a look at the environment.
///
/// # Errors
/// As [`from_process`].
pub fn from_options(options: Options) -> Result<Config> {
    resolve::resolve(options)
}

/// Parses flags alone, as a library's caller gives them.
///
/// # Errors
/// As [`from_process`].
pub fn parse_flags(flags: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Options> {
    let program = std::iter::once(OsString::from("altertable-mock"));
    let matches = Options::augment_args(Command::new("altertable-mock").disable_help_flag(true))
        .try_get_matches_from(program.chain(flags.into_iter().map(Into::into)));
    matches
        .and_then(|matches| Options::from_arg_matches(&matches))
        .map_err(|error| fault(&first_line(&error)))
}

/// What the variables say.
#[derive(Debug, Default)]
struct Variables {
    options: Options,
    /// The file that `ALTERTABLE_MOCK_CONFIG` names.
    file: Option<std::path::PathBuf>,
    /// Those that no flag stands for.
    unknown: Vec<String>,
}

fn from_variables(variables: impl IntoIterator<Item = (String, OsString)>) -> Result<Variables> {
    let command = CommandLine::command();
    let mut flags = Vec::new();
    let mut found = Variables::default();
    let mut given: Vec<_> =
        variables.into_iter().filter(|(name, _)| name.starts_with(VARIABLE_PREFIX)).collect();
    given.sort();
    for (name, value) in given {
        let Some(value) = value.to_str().map(str::trim).map(str::to_owned) else {
            return Err(fault(&format!("the variable {name} is not valid UTF-8")));
        };
        if value.is_empty() {
            continue;
        }
        if name == "ALTERTABLE_MOCK_CONFIG" {
            found.file = Some(value.into());
            continue;
        }
        let Some(argument) = command.get_arguments().find(|argument| is_variable_of(&name, argument)) else {
            found.unknown.push(name);
            continue;
        };
        let long = argument.get_long().unwrap_or_default();
        let repeatable = matches!(argument.get_action(), ArgAction::Append);
        let values: Vec<&str> = if repeatable { value.split(',').collect() } else { vec![&value] };
        let new: Vec<String> = values
            .iter()
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
            .map(|value| format!("--{long}={value}"))
            .collect();
        // Parsed alone first, so that a fault names the variable rather than a flag nobody wrote.
        parse_flags(&new).map_err(|error| fault(&format!("{name}: {}", error.message())))?;
        flags.extend(new);
    }
    found.options = parse_flags(&flags)?;
    Ok(found)
}

/// Whether `name` is the variable of a flag: repeatable flags are plural there (LX-11).
fn is_variable_of(name: &str, argument: &clap::Arg) -> bool {
    let Some(long) = argument.get_long() else { return false };
    let Some(rest) = name.strip_prefix(VARIABLE_PREFIX) else { return false };
    let singular = long.to_ascii_uppercase().replace('-', "_");
    if !matches!(argument.get_action(), ArgAction::Append) {
        return rest == singular;
    }
    let plural = if singular.ends_with("CH") { format!("{singular}ES") } else { format!("{singular}S") };
    // `product-analytics` is its own plural; AX-03 allows the singular for one API key, LX-11 for one address.
    rest == plural || (rest == singular && ["PRODUCT_ANALYTICS", "API_KEY", "BIND"].contains(&rest))
}

/// Clap's message without its usage lines, and without what may be a password.
fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let line = text.lines().next().unwrap_or_default();
    format!("{}; --help lists the flags", without_passwords(line.trim_start_matches("error: ")))
}

/// The message with every quoted NAME:PASSWORD cut off at its colon: somebody forgot the flag before it.
fn without_passwords(message: &str) -> String {
    let quoted = message.split('\'').enumerate().map(|(index, part)| match part.split_once(':') {
        Some((name, _)) if index % 2 == 1 => format!("{name}:…"),
        _ => part.to_owned(),
    });
    quoted.collect::<Vec<_>>().join("'")
}

fn fault(message: &str) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests;

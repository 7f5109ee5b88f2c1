//! The program `altertable-mock`: read the settings, start the server, wait for a signal, stop it; or ask a running
//! server for its health. The binary and the script of the Python package are this.

use std::pin::pin;

use crate::config::{Config, Invocation};
use crate::doors::connections;
use crate::mock_server::{MockServer, runtime};
use crate::signals::{self, Signals};
use crate::{ctl, healthcheck, telemetry};
use engine::{Error, ErrorKind, Result};

/// What a server that is not well ends with.
const UNHEALTHY: u8 = 1;

/// What a `ctl` ends with whose server did not do it.
const UNDONE: u8 = 1;

/// What a fault at start-up ends with.
const BAD_START: u8 = 2;

/// Does what the command line asks for and returns the exit code; see [`crate::config`] for reading it.
pub fn run(invocation: Result<Invocation>) -> u8 {
    let outcome = invocation.and_then(|invocation| match invocation {
        Invocation::Print(text) => telemetry::print(&text).map(|()| 0),
        Invocation::Healthcheck(address) => healthcheck::ask(address).map(|()| 0).or_else(|error| {
            telemetry::print_fault(&error);
            Ok(UNHEALTHY)
        }),
        Invocation::Ctl(ctl, config) => ctl::run(*ctl, &config).map(|()| 0).or_else(|error| {
            telemetry::print_fault(&error);
            Ok(if error.kind() == ErrorKind::Config { BAD_START } else { UNDONE })
        }),
        Invocation::Serve(config) => serve(*config).map(|()| 0),
    });
    outcome.unwrap_or_else(|error| {
        telemetry::print_fault(&error);
        BAD_START
    })
}

fn serve(config: Config) -> Result<()> {
    // First of all: threads that start later must not take the signals, and a launcher may stop the server as soon as
    // its doors are open.
    let signals = Signals::hold()?;
    let logging = telemetry::init(config.log_format, config.otlp_endpoint.as_deref())?;
    connections::raise_file_limit();
    let within = config.shutdown_timeout;
    let runtime = runtime()?;
    let has_ended = runtime.block_on(async {
        let mut stop = pin!(signals.stop(within)?);
        // Threads may still be inside DuckDB, with a seed, if it was stopped before.
        let Some(server) = MockServer::start_unless(config, &mut stop).await? else { return Ok(false) };
        stop.await;
        Ok::<_, Error>(server.shutdown_for_exit().await)
    })?;
    // The last lines are written before anything can end the process.
    drop(logging);
    if !has_ended {
        signals::exit_at_once();
    }
    // What blocks a thread now belongs to nobody; the thread of the signals ends the process in time.
    drop(runtime);
    Ok(())
}

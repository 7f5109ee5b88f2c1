//! The binary: read the settings, start the server, wait for a signal, stop it; or ask a running server for its health.

use std::process::ExitCode;

use altertable_mock::config::{self, Invocation};
use altertable_mock::{MockServer, Result, healthcheck, telemetry};

/// What a fault at start-up ends with.
const BAD_START: u8 = 2;

fn main() -> ExitCode {
    let outcome = config::from_process().and_then(|invocation| match invocation {
        Invocation::Print(text) => telemetry::print(&text).map(|()| ExitCode::SUCCESS),
        Invocation::Healthcheck(address) => {
            healthcheck::ask(address).map(|()| ExitCode::SUCCESS).or_else(|error| {
                telemetry::print_fault(&error);
                Ok(ExitCode::FAILURE)
            })
        }
        Invocation::Serve(config) => {
            telemetry::init(config.log_format);
            run(*config).map(|()| ExitCode::SUCCESS)
        }
    });
    outcome.unwrap_or_else(|error| {
        telemetry::print_fault(&error);
        ExitCode::from(BAD_START)
    })
}

fn run(config: config::Config) -> Result<()> {
    altertable_mock::runtime()?.block_on(async {
        // Listening comes first: a launcher may stop the server as soon as its doors are open.
        let stop = telemetry::stop_signal()?;
        let server = MockServer::start_with(config).await?;
        stop.await;
        server.shutdown().await;
        Ok(())
    })
}

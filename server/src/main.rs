//! The binary; see [`program`].

use std::process::ExitCode;

use altertable_mock::{config, program};

fn main() -> ExitCode {
    program::run(config::from_process()).into()
}

//! `altertable_mock._native`: the server inside a Python process. The Python package around it is the public interface;
//! this module only starts, asks and stops.
//!
//! The server runs on threads of its own that never touch the interpreter, so that neither the GIL nor the end of the
//! interpreter concerns them. Every call that waits lets go of the GIL.

mod error;
mod server;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    use altertable_mock::{config, program, telemetry};
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::server::Server;

    /// Runs the program `altertable-mock` with these arguments until a signal stops it; returns its exit code.
    #[pyfunction]
    fn main(py: Python<'_>, arguments: Vec<String>) -> u8 {
        let line = std::iter::once("altertable-mock".to_owned()).chain(arguments);
        py.detach(|| program::run(config::read(line, config::variables())))
    }

    /// Logs to stderr from now on what `filter` selects, such as "info" or "altertable_mock=debug".
    #[pyfunction]
    fn log_to_stderr(filter: &str) -> PyResult<()> {
        let logging = telemetry::init_to_stderr(filter).map_err(|error| super::error::raise(&error))?;
        // It goes on until the process ends.
        std::mem::forget(logging);
        Ok(())
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

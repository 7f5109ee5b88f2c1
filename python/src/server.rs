//! A running server as a Python object.

use std::collections::HashMap;
use std::process;
use std::time::Duration;

use altertable_mock::{Addresses, MockServer, runtime};
use parking_lot::RwLock;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::error::{forked, raise, stopped};

/// How often a wait looks for Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long threads that are at work inside DuckDB get to end once the server has stopped.
const LAST_WORK: Duration = Duration::from_secs(2);

/// A server in this process: its ports are bound once it exists, and free again once it is stopped.
#[pyclass(frozen, module = "altertable_mock._native")]
pub struct Server {
    /// The process that started it. A forked child has a copy of this object, but none of the server's threads.
    owner: u32,
    addresses: Addresses,
    running: RwLock<Option<Running>>,
}

struct Running {
    runtime: Runtime,
    server: MockServer,
}

#[pymethods]
impl Server {
    /// Starts a server with flags as the program takes them.
    #[new]
    fn start(py: Python<'_>, flags: Vec<String>) -> PyResult<Self> {
        let runtime = py.detach(runtime).map_err(|error| raise(&error))?;
        let starting = runtime.spawn(async {
            let server = MockServer::builder().args(flags).start().await?;
            server.warm_up();
            Ok::<_, altertable_mock::Error>(server)
        });
        // Seeds may take long, for which nobody has to wait who presses Ctrl-C.
        let server = match wait(py, &runtime, starting) {
            Ok(started) => started.map_err(|error| raise(&error))?,
            Err(interrupted) => {
                runtime.shutdown_background();
                return Err(interrupted);
            }
        };
        let running = Running { runtime, server };
        let addresses = running.server.addresses();
        Ok(Self { owner: process::id(), addresses, running: RwLock::new(Some(running)) })
    }

    /// The process that the server runs in.
    #[getter]
    fn owner(&self) -> u32 {
        self.owner
    }

    /// Host and port of each door, by its name.
    #[getter]
    fn addresses(&self) -> HashMap<&'static str, (String, u16)> {
        self.addresses
            .iter()
            .map(|(door, address)| (door, (address.ip().to_string(), address.port())))
            .collect()
    }

    /// Declares a user, and with a key that key too.
    #[pyo3(signature = (name, password, api_key=None))]
    fn add_user(&self, py: Python<'_>, name: &str, password: &str, api_key: Option<&str>) -> PyResult<()> {
        self.ask(py, |running| running.server.add_user(name, password, api_key))
    }

    /// Declares a user whose state begins as a copy of another's, or of a snapshot of that other user's.
    fn add_copy(
        &self,
        py: Python<'_>,
        name: &str,
        password: &str,
        api_key: &str,
        source: (String, Option<String>),
    ) -> PyResult<()> {
        let (source, snapshot) = source;
        self.ask(py, |running| {
            let adding = running.server.add_copy(name, password, api_key, &source, snapshot.as_deref());
            running.runtime.block_on(adding)
        })
    }

    /// Refuses a user from now on and drops the user's database.
    fn remove_user(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        self.ask(py, |running| running.runtime.block_on(running.server.remove_user(name)))
    }

    /// Declares an API key.
    fn add_api_key(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        self.ask(py, |running| running.server.add_api_key(key))
    }

    /// Refuses an API key from now on and drops its events.
    fn remove_api_key(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        self.ask(py, |running| running.server.remove_api_key(key))
    }

    /// Empties the server; what is declared stays.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, |running| {
            running.runtime.block_on(running.server.reset());
            Ok(())
        })
    }

    /// Stops the server and waits for it; a second call changes nothing.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        self.check_owner()?;
        let Some(Running { runtime, server }) = py.detach(|| self.running.write().take()) else {
            return Ok(());
        };
        let stopping = runtime.spawn(server.shutdown());
        let outcome = wait(py, &runtime, stopping);
        py.detach(|| match outcome {
            Ok(()) => runtime.shutdown_timeout(LAST_WORK),
            Err(_) => runtime.shutdown_background(),
        });
        outcome
    }
}

impl Server {
    /// Asks the running server without the GIL.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&Running) -> altertable_mock::Result<T> + Send,
    ) -> PyResult<T> {
        self.check_owner()?;
        let answer = py.detach(|| self.running.read().as_ref().map(question));
        answer.ok_or_else(stopped)?.map_err(|error| raise(&error))
    }

    fn check_owner(&self) -> PyResult<()> {
        if process::id() == self.owner { Ok(()) } else { Err(forked()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(running) = self.running.get_mut().take() else { return };
        if process::id() == self.owner {
            // The doors close at once; waiting for what still runs is what `stop` is for.
            drop(running.server);
            running.runtime.shutdown_background();
        } else {
            // The threads that would have to end are the parent's.
            std::mem::forget(running);
        }
    }
}

/// Waits for a task without the GIL, in steps short enough for Ctrl-C.
fn wait<T: Send>(py: Python<'_>, runtime: &Runtime, mut task: JoinHandle<T>) -> PyResult<T> {
    loop {
        match py.detach(|| runtime.block_on(async { timeout(PATIENCE, &mut task).await })) {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(fault)) => return Err(PyRuntimeError::new_err(format!("the server failed: {fault}"))),
            Err(_) => py.check_signals().inspect_err(|_| task.abort())?,
        }
    }
}

//! The server's error as the package's exceptions.

use altertable_mock::{Error, ErrorKind};
use pyo3::PyErr;

pyo3::import_exception!(altertable_mock._errors, AltertableMockError);
pyo3::import_exception!(altertable_mock._errors, ConfigError);
pyo3::import_exception!(altertable_mock._errors, ForkedError);
pyo3::import_exception!(altertable_mock._errors, NotFoundError);
pyo3::import_exception!(altertable_mock._errors, NotRunningError);

/// The exception of an error.
pub fn raise(error: &Error) -> PyErr {
    let message = error.message().to_owned();
    match error.kind() {
        ErrorKind::Config => ConfigError::new_err(message),
        ErrorKind::NotFound => NotFoundError::new_err(message),
        _ => AltertableMockError::new_err(message),
    }
}

/// The exception of a server that was stopped.
pub fn stopped() -> PyErr {
    NotRunningError::new_err("the server was stopped")
}

/// The exception of a server that this process inherited from its parent.
pub fn forked() -> PyErr {
    ForkedError::new_err(
        "this server belongs to the parent process, which goes on serving it; start one of your own in the child",
    )
}

//! Server reflection, v1 and v1alpha, for every service of the port (FX-7).

use tonic_reflection::server::v1::{ServerReflection, ServerReflectionServer};
use tonic_reflection::server::v1alpha;
use tonic_reflection::server::{Builder, Error as Fault};

use engine::{Error, Result};

/// The descriptors of `proto/*.proto`, compiled by the build script.
const FLIGHT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/flight.bin"));

/// The reflection service of today.
///
/// # Errors
/// `Internal` when the descriptors do not fit together.
pub(super) fn v1() -> Result<ServerReflectionServer<impl ServerReflection>> {
    builder().build_v1().map_err(|e| fault(&e))
}

/// The reflection service that older tools ask for.
///
/// # Errors
/// As [`v1`].
pub(super) fn v1alpha() -> Result<v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>> {
    builder().build_v1alpha().map_err(|e| fault(&e))
}

fn builder() -> Builder<'static> {
    Builder::configure()
        .include_reflection_service(false)
        .register_encoded_file_descriptor_set(FLIGHT)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
}

fn fault(fault: &Fault) -> Error {
    Error::internal(format!("Server reflection cannot be served: {fault}"))
}

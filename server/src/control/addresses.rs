//! Where the caller reaches the doors (CT-1).

use std::net::SocketAddr;

use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;
use serde::Serialize;
use utoipa::ToSchema;

use super::Plane;

/// The doors as the caller can reach them: on the host that it asked. Ports that were mapped on the way are unknown here,
/// but for the one that it asked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DoorUrls {
    /// Base URL of Lakehouse REST.
    #[schema(example = "http://127.0.0.1:15000")]
    lakehouse: String,
    /// Base URL of Product Analytics.
    #[schema(example = "http://127.0.0.1:15001")]
    analytics: String,
    /// Location of Flight SQL.
    #[schema(example = "grpc://127.0.0.1:15002")]
    flight: String,
    /// Where PostgreSQL's clients connect, without a user's name.
    #[schema(example = "postgresql://127.0.0.1:15003")]
    postgres: String,
}

impl DoorUrls {
    pub(super) fn seen_from(plane: &Plane, headers: &HeaderMap) -> Self {
        let asked = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
        let at = |address: SocketAddr| match &asked {
            Some(host) => format!("{}:{}", host.host(), address.port()),
            None => address.to_string(),
        };
        let asked_port = asked.as_ref().map(|host| host.port_u16().unwrap_or(80));
        let lakehouse = SocketAddr::new(
            plane.addresses.lakehouse.ip(),
            asked_port.unwrap_or(plane.addresses.lakehouse.port()),
        );
        let scheme = if plane.flight_tls { "grpc+tls" } else { "grpc" };
        Self {
            lakehouse: format!("http://{}", at(lakehouse)),
            analytics: format!("http://{}", at(plane.addresses.analytics)),
            flight: format!("{scheme}://{}", at(plane.addresses.flight)),
            postgres: format!("postgresql://{}", at(plane.addresses.postgres)),
        }
    }
}

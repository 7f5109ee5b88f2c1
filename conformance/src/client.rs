//! How steps reach a server: plain HTTP, raw sockets, Flight SQL, and SQL over either door; by this crate's own calls, or by
//! those of another program.

mod answers;
pub mod flight;
pub mod http;
pub mod messages;
pub mod put;
pub mod raw_grpc;
pub mod rpc;
pub mod session;
pub mod socket;
pub mod sql;

use crate::driver::Connection;

/// Whose calls reach the server.
#[derive(Debug, Clone)]
pub enum Client {
    /// This crate's own.
    Own(reqwest::Client),
    /// Those of another program, for one case.
    Driven(Connection),
}

impl Client {
    /// The other program's connection.
    pub fn driven(&self) -> Option<&Connection> {
        match self {
            Self::Own(_) => None,
            Self::Driven(driver) => Some(driver),
        }
    }
}

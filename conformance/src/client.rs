//! How steps reach a server: plain HTTP, raw sockets, Flight SQL, and SQL over either door.

pub mod flight;
pub mod gate;
pub mod http;
pub mod messages;
pub mod put;
pub mod raw_grpc;
pub mod session;
pub mod socket;
pub mod sql;

//! What the doors that speak HTTP/1.1 share: serving a router, what a connection is busy with, credentials, bodies that were compressed, and
//! the rest of a body that nobody read.

pub(crate) mod credentials;
pub(crate) mod encoding;
mod exchange;
mod leftover;
pub(crate) mod receive;
mod server;

pub(crate) use server::{Routes, own_routes, serving};

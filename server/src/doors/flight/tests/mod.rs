//! The port in process: what its parts do together.

mod client;
mod ingest;
mod metadata;
mod prepared;
mod queries;
mod sessions;
mod transactions;
mod transport;

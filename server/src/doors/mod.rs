//! The doors: each speaks one protocol to clients and asks the engine for the rest. None knows another; what they share is
//! here and, for those that speak HTTP, in `http`.

pub(crate) mod analytics;
pub(crate) mod connections;
pub(crate) mod flight;
pub(crate) mod health;
pub(crate) mod http;
pub(crate) mod lakehouse;
pub(crate) mod panics;

//! The doors: each speaks one protocol to clients and asks the engine for the rest. None knows another; what they share is
//! here and, for those that speak HTTP, in `http`.
//!
//! A new door is a folder of its own and a line in [`list`].

pub(crate) mod analytics;
pub(crate) mod arrow_ipc;
pub(crate) mod calls;
pub(crate) mod connections;
pub(crate) mod faults;
pub(crate) mod flight;
pub(crate) mod health;
pub(crate) mod http;
pub(crate) mod lakehouse;
mod list;
mod listeners;
pub(crate) mod metrics;
pub(crate) mod postgres;
pub(crate) mod tls;

pub use list::{Addresses, PerDoor};
pub(crate) use list::{DOORS, Door, Serve, Surroundings, with_doors};
pub(crate) use listeners::Listeners;

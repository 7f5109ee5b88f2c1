//! The list of doors: whatever needs one of something per door is made from it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::Entrance;
use super::health::Health;
use super::metrics::Metrics;
use super::tls::TlsIdentity;
use crate::config::Config;
use engine::{Engine, Result};

/// Hands the list to another macro, before what that one is given besides.
///
/// Of each door: its name, the option of its port, that flag's short form and default, what the log calls its server
/// (FX-1), and what `--help` calls it. The door's folder has its name, and a function `prepare`.
macro_rules! with_doors {
    ($then:ident! { $($rest:tt)* }) => {
        $then! {
            {
                lakehouse, lakehouse_port, 'p', 15000, "Lakehouse HTTP", "the Lakehouse REST API";
                analytics, analytics_port, 'a', 15001, "Product Analytics HTTP", "the Product Analytics REST API";
                flight, flight_port, 'f', 15002, "Flight SQL", "Arrow Flight SQL";
                postgres, postgres_port, 'g', 15003, "PostgreSQL", "the PostgreSQL protocol";
            }
            $($rest)*
        }
    };
}

pub(crate) use with_doors;

/// A protocol on a port of its own.
#[derive(Debug)]
pub(crate) struct Door {
    /// Its name: its key in `/health` and the beginning of its port's flag.
    pub name: &'static str,
    /// What the log calls its server (FX-1).
    pub title: &'static str,
    /// Makes it ready to serve. What can fail at start-up fails here: no port is served before every door is ready.
    pub prepare: fn(&Surroundings<'_>) -> Result<Serve>,
}

/// Serves what comes in until the server stops and the calls under way have ended.
pub(crate) type Serve = Box<dyn FnOnce(Entrance) -> BoxFuture<'static, ()> + Send>;

/// What a door has around it.
pub(crate) struct Surroundings<'a> {
    /// The settings.
    pub config: &'a Config,
    /// What it asks for everything but its protocol.
    pub engine: &'a Arc<Engine>,
    /// Whether the server serves.
    pub health: &'a Arc<Health>,
    /// The counters of the server's calls.
    pub metrics: &'a Arc<Metrics>,
    /// The control plane's routes, beside those of the Lakehouse door.
    pub control: &'a Router,
    /// Who the server is over TLS, if it speaks it.
    pub tls: Option<&'a TlsIdentity>,
    /// Fires when the server stops.
    pub stop: &'a CancellationToken,
    /// The tasks that the server waits for when it stops.
    pub tasks: &'a TaskTracker,
}

/// The address of each door; where it listens on several, the first.
pub type Addresses = PerDoor<SocketAddr>;

macro_rules! declare {
    ({ $($name:ident, $option:ident, $short:literal, $port:literal, $title:literal, $api:literal;)* }) => {
        /// One of something for each door.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct PerDoor<T> {
            $(#[doc = concat!("That of ", $api, ".")] pub $name: T,)*
        }

        impl<T> PerDoor<T> {
            /// Each with its door's name, in the order of the list.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
                [$((stringify!($name), &self.$name),)*].into_iter()
            }

            /// As [`iter`](Self::iter), each by itself.
            pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
                [$(self.$name,)*].into_iter()
            }

            /// Another of something for each door.
            ///
            /// # Errors
            /// The first that `make` returns.
            pub(crate) fn try_map<U, E>(
                &self,
                mut make: impl FnMut(&'static Door, &T) -> Result<U, E>,
            ) -> Result<PerDoor<U>, E> {
                let [$($name,)*] = &DOORS;
                Ok(PerDoor { $($name: make($name, &self.$name)?,)* })
            }
        }

        /// Every door.
        pub(crate) static DOORS: [Door; [$(stringify!($name)),*].len()] = [
            $(Door { name: stringify!($name), title: $title, prepare: super::$name::prepare },)*
        ];
    };
}

with_doors!(declare! {});

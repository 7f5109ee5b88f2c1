//! The Flight door with the published Rust client, arrow-flight's `FlightSqlServiceClient`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

mod cells;
mod client;
mod door;
mod generate;
mod round_trip;

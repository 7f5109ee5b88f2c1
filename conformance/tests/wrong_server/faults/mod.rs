//! Everything that a server may get wrong, by door.

pub mod analytics;
pub mod contents;
pub mod control;
pub mod flight;
pub mod http;
pub mod lakehouse;
pub mod limits;
pub mod statements;

use crate::fault::Wrong;

/// All of them.
pub fn all() -> Vec<Wrong> {
    let doors = [http::FAULTS, lakehouse::FAULTS, contents::FAULTS, analytics::FAULTS, flight::FAULTS];
    [&doors[..], &[statements::FAULTS, limits::FAULTS, control::FAULTS]].concat().concat()
}

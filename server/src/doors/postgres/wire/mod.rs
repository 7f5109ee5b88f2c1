//! The protocol's bytes: frames on a socket, what clients send in them, and what they are sent.

pub(super) mod backend;
pub(super) mod fields;
pub(super) mod frontend;
pub(super) mod socket;

pub(super) use backend::Out;
pub(super) use fields::Malformed;
pub(super) use frontend::{ClientMessage, Named};
pub(super) use socket::{Gone, Socket, Wire};

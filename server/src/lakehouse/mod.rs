//! The Lakehouse REST door.
pub(crate) mod encode;

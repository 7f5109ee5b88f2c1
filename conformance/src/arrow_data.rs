//! Arrow data as the spec writes it: schemas in a readable notation, values as JSON, and back.

pub mod input;
pub mod notation;
pub mod read;
pub mod values;
mod values_time;

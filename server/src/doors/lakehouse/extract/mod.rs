//! What handlers take from a request: who asks, the JSON body, the query parameters.

mod caller;
mod json;
mod params;

pub(crate) use self::caller::{Caller, authenticate};
#[cfg(test)]
pub(crate) use self::json::parse;
pub(crate) use self::json::{JsonBody, collect, too_large};
pub(crate) use self::params::Params;

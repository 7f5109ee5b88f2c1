//! What a catalog statement may ask of the connection that it comes by.

use std::collections::BTreeMap;

/// The connection behind a statement.
#[derive(Debug, Clone, Default)]
pub(in crate::doors::postgres) struct Asker {
    /// The name of its user.
    pub(in crate::doors::postgres) user: String,
    /// By which a cancel request names it.
    pub(in crate::doors::postgres) process: i32,
    /// Its settings, by their names in lower case.
    pub(in crate::doors::postgres) settings: BTreeMap<String, String>,
}

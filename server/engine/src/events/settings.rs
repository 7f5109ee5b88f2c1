//! What the store is told at start-up.

use std::fmt;

use crate::limits::Limits;

/// What the store is told at start-up.
#[derive(Clone, Default)]
pub struct Settings {
    /// The declared API keys (AX-03), the first of which tenants see unless told otherwise (AC-02).
    pub keys: Vec<String>,
    /// The declared environments.
    pub environments: Vec<String>,
    /// Whether any non-empty key is accepted (LX-13).
    pub allow_any_key: bool,
    /// What each project may take, and how many undeclared keys there may be.
    pub limits: Limits,
}

impl fmt::Debug for Settings {
    /// Keys are secrets: only their number is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("keys", &self.keys.len())
            .field("environments", &self.environments)
            .field("allow_any_key", &self.allow_any_key)
            .finish_non_exhaustive()
    }
}

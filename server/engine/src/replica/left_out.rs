//! What a copy lacks.

/// What a copy does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What it is, as in `view "memory"."main"."v"`.
    pub what: String,
    /// Why it is not there.
    pub why: String,
}

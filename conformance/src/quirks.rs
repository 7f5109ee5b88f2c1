//! What a target legitimately lacks, and where it is known to fail, as TOML.
//!
//! ```toml
//! [[lacks]]
//! clause = "AM-*"
//! reason = "ingest only"
//!
//! [[known_failure]]
//! case = "flight/options: *"
//! reason = "reported as #12"
//! ```

use crate::fault::{During, Result};
use crate::spec::Case;
use serde::Deserialize;
use std::path::Path;

/// The peculiarities of one target.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Cases that are not run.
    pub lacks: Vec<Quirk>,
    /// Cases that are run and have to fail.
    pub known_failure: Vec<Quirk>,
}

/// Which cases, and why. A `*` stands for any text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quirk {
    /// Pattern for case ids.
    pub case: Option<String>,
    /// Pattern for clauses.
    pub clause: Option<String>,
    /// For the reader of the report.
    pub reason: String,
}

impl Quirks {
    /// Reads a file.
    ///
    /// # Errors
    /// An unreadable file, or one that is not of this form.
    pub fn load(path: &Path) -> Result<Self> {
        let what = path.display().to_string();
        toml::from_str(&std::fs::read_to_string(path).during(&what)?).during(&what)
    }

    /// Why the case is not run.
    pub fn skips(&self, case: &Case) -> Option<&str> {
        reason(&self.lacks, case)
    }

    /// Why the case is expected to fail.
    pub fn expects_failure(&self, case: &Case) -> Option<&str> {
        reason(&self.known_failure, case)
    }
}

fn reason<'a>(quirks: &'a [Quirk], case: &Case) -> Option<&'a str> {
    quirks.iter().find(|quirk| quirk.covers(case)).map(|quirk| quirk.reason.as_str())
}

impl Quirk {
    fn covers(&self, case: &Case) -> bool {
        let by_case = self.case.as_ref().is_none_or(|pattern| glob(pattern, &case.id));
        let by_clause = self
            .clause
            .as_ref()
            .is_none_or(|pattern| case.clauses.iter().any(|clause| glob(pattern, clause)));
        (self.case.is_some() || self.clause.is_some()) && by_case && by_clause
    }
}

/// Whether a text matches a pattern in which `*` stands for any text.
pub fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => {
            let Some(tail) = text.strip_prefix(start) else { return false };
            tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| glob(rest, &tail[at..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(glob("LQ-*", "LQ-01") && glob("*a*b", "xaxxb") && glob("*", "") && glob("é*", "éa"));
        assert!(!glob("LQ-*", "LX-01") && !glob("*a", "ab"));
    }

    #[test]
    fn an_empty_quirk_covers_nothing() {
        let quirks: Quirks = toml::from_str("[[lacks]]\nreason = \"x\"").unwrap();
        assert!(!quirks.lacks[0].covers(&Case {
            id: "f: n".to_owned(),
            file: "f".to_owned(),
            clauses: vec!["LQ-01".to_owned()],
            server: vec![],
            tenants: vec![],
            door: None,
            unwatched: None,
            steps: vec![],
        }));
    }
}

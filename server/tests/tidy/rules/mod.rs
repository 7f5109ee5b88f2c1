//! The rules, one file per invariant of ARCHITECTURE.md.

mod attributes;
mod borders;
pub(crate) mod circles;
mod clauses;
mod documentation;
pub(crate) mod names;
mod panics;
mod safety;
mod size;
mod sql;

use crate::Rule;

/// Every rule, in the order of the invariants.
pub(crate) const ALL: &[Rule] = &[
    borders::PROTOCOLS,
    borders::ERROR,
    borders::DUCKDB,
    borders::TEXTS,
    sql::PLACE,
    sql::QUOTING,
    borders::ENVIRONMENT,
    borders::CLOCK,
    panics::PANICS,
    panics::PRINTS,
    safety::RULE,
    attributes::RULE,
    size::FILES,
    size::FUNCTIONS,
    documentation::RULE,
    clauses::RULE,
];

#[cfg(test)]
use crate::source::Source;

/// The lines at which `rule` finds fault with `text` as the file `path`.
#[cfg(test)]
fn faults(rule: &Rule, path: &str, text: &str) -> Vec<usize> {
    (rule.find)(&Source::new(path, text)).into_iter().map(|finding| finding.line).collect()
}

//! The invariants of ARCHITECTURE.md, held by reading the sources. Each fault prints where it is, why it matters and
//! the way out. Every rule is itself tested with small bad snippets, because a check that cannot fail is worth nothing.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod rules;
mod source;
mod token;

use source::Source;

/// An invariant: what breaks it, why that matters, and how to mend it.
struct Rule {
    name: &'static str,
    why: &'static str,
    fix: &'static str,
    find: fn(&Source) -> Vec<Finding>,
}

/// One place that breaks a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    line: usize,
    what: String,
}

impl Finding {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

#[test]
fn the_sources_keep_the_invariants() {
    let sources = source::workspace();
    assert!(sources.len() > 5, "only {} sources found: is the layout still the same?", sources.len());
    let mut faults = Vec::new();
    for rule in rules::ALL {
        for source in &sources {
            for Finding { line, what } in (rule.find)(source) {
                let Rule { name, why, fix, .. } = rule;
                faults
                    .push(format!("{}:{line}: {name}: {what}\n    why: {why}\n    fix: {fix}", source.path));
            }
        }
    }
    faults.extend(rules::circles::circles(&sources));
    faults.extend(rules::names::clashes(&sources));
    assert!(faults.is_empty(), "{} places break an invariant:\n\n{}\n", faults.len(), faults.join("\n"));
}

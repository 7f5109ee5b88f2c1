//! A clause that the code cites is one that the contract has.

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use regex::Regex;

use crate::source::{self, Source};
use crate::{Finding, Rule};

pub(crate) const RULE: Rule = Rule {
    name: "an unknown clause",
    why: "a citation leads a reader from the code to docs/contract; this one leads nowhere",
    fix: "cite the clause by the id it has in docs/contract (FS-4, but LQ-04)",
    find: |source| {
        let lines = source.text.lines().enumerate();
        lines.flat_map(|(at, line)| unknown(line).map(move |clause| Finding::new(at + 1, clause))).collect()
    },
};

static CITATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b([A-Z]{2})-\d{1,2}\b").expect("a valid pattern"));

/// The ids that docs/contract defines: those it prints in bold.
static CLAUSES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let definition = Regex::new(r"\*\*([A-Z]{2}-\d+)\*\*").expect("a valid pattern");
    let folder = source::root().join("docs/contract");
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = files.map(|file| file.expect("a readable folder").path());
    let contracts = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let texts: Vec<_> = contracts
        .map(|file| fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display())))
        .collect();
    texts.iter().flat_map(|text| definition.captures_iter(text)).map(|found| found[1].to_owned()).collect()
});

/// The clauses that `line` cites and the contract lacks. Letters of no chapter are not a citation.
fn unknown(line: &str) -> impl Iterator<Item = String> {
    let cited = CITATION.captures_iter(line).map(|found| (found[0].to_owned(), found[1].to_owned()));
    let of_a_chapter =
        cited.filter(|(_, chapter)| CLAUSES.iter().any(|clause| clause.starts_with(chapter.as_str())));
    of_a_chapter.map(|(clause, _)| clause).filter(|clause| !CLAUSES.contains(clause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::faults;

    #[test]
    fn the_contract_is_read() {
        for clause in ["FS-4", "LQ-04", "AX-13", "LX-12"] {
            assert!(CLAUSES.contains(clause), "{clause} is not found in docs/contract");
        }
    }

    #[test]
    fn a_dangling_citation_is_found() {
        // Put together here, so that this file does not cite them itself.
        let text =
            ["//! As FS", "94.\n//! As LQ", "4.\n//! As FS", "4, LQ", "04 and ISO LL", "1.\nfn f() {}"]
                .join("-");
        assert_eq!(faults(&RULE, "server/src/x.rs", &text), [1, 2]);
    }

    #[test]
    fn a_source_is_read_line_by_line() {
        assert_eq!((RULE.find)(&Source::new("server/src/x.rs", "fn f() {}")), []);
    }
}

//! Holds cases and contract together: every clause has a case or a reason, and no case names a clause that does not exist.

use crate::fault::{During, Fault, Result};
use crate::spec::Case;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The clause ids of all contracts in a folder, found where each clause begins (`**LQ-01**`, `- **FA-1**`).
///
/// # Errors
/// An unreadable contract, and an id that stands for two clauses.
pub fn clauses(folder: &Path) -> Result<BTreeSet<String>> {
    let what = folder.display().to_string();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).during(&what)? {
        files.push(entry.during(&what)?.path());
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let mut found = BTreeSet::new();
    for path in files {
        let text = std::fs::read_to_string(&path).during(&path.display().to_string())?;
        for id in text.lines().filter_map(clause_of) {
            if found.contains(&id) {
                return Err(Fault(format!("{}: {id} stands for another clause already", path.display())));
            }
            found.insert(id);
        }
    }
    Ok(found)
}

fn clause_of(line: &str) -> Option<String> {
    let id = line.trim_start().trim_start_matches("- ").strip_prefix("**")?.split_once("**")?.0;
    let (group, number) = id.split_once('-')?;
    let sound = group.len() == 2
        && group.chars().all(|letter| letter.is_ascii_uppercase())
        && number.chars().all(|digit| digit.is_ascii_digit());
    sound.then(|| id.to_owned())
}

/// Clauses without a case, with the reason for each.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uncovered {
    /// Reasons by clause.
    pub uncovered: BTreeMap<String, String>,
}

impl Uncovered {
    /// Reads `uncovered.toml`.
    ///
    /// # Errors
    /// An unreadable or malformed file.
    pub fn load(path: &Path) -> Result<Self> {
        let what = path.display().to_string();
        toml::from_str(&std::fs::read_to_string(path).during(&what)?).during(&what)
    }
}

/// What is wrong between cases and contract, one sentence each.
pub fn gaps(clauses: &BTreeSet<String>, cases: &[Case], uncovered: &Uncovered) -> Vec<String> {
    let named: BTreeSet<&String> = cases.iter().flat_map(|case| &case.clauses).collect();
    let mut gaps = Vec::new();
    for case in cases {
        let unknown = case.clauses.iter().filter(|clause| !clauses.contains(*clause));
        gaps.extend(
            unknown.map(|clause| format!("{} names {clause}, which is not in the contract", case.id)),
        );
    }
    for clause in clauses {
        match (named.contains(clause), uncovered.uncovered.contains_key(clause)) {
            (false, false) => gaps.push(format!("{clause} has no case and no reason in uncovered.toml")),
            (true, true) => gaps.push(format!("{clause} has a case now: take it out of uncovered.toml")),
            _ => {}
        }
    }
    gaps.extend(
        uncovered
            .uncovered
            .keys()
            .filter(|clause| !clauses.contains(*clause))
            .map(|clause| format!("uncovered.toml names {clause}, which is not in the contract")),
    );
    gaps
}

//! The least share of the cases that a runner in another language must be able to run.

use crate::fault::{Fault, Result};
use crate::quirks::glob;
use crate::spec::Case;
use crate::verdict::{CaseResult, Verdict};
use std::collections::HashSet;
use std::fmt::{self, Display};
use std::str::FromStr;

/// `flight/query*=90`: nine of ten of the cases so named must run; `http:*=90`: nine of ten of those that need HTTP alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    text: String,
    pattern: String,
    http_alone: bool,
    percent: usize,
}

impl Display for Floor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl FromStr for Floor {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let malformed = || Fault(format!("{text:?} is no floor; write flight/*=90 for 90 %"));
        let (whole, percent) = text.rsplit_once('=').ok_or_else(malformed)?;
        let percent = percent.parse().ok().filter(|percent| *percent <= 100).ok_or_else(malformed)?;
        let http = whole.strip_prefix("http:");
        let pattern = http.unwrap_or(whole).to_owned();
        Ok(Self { text: text.to_owned(), pattern, http_alone: http.is_some(), percent })
    }
}

impl Floor {
    /// Whether it is about a case.
    pub fn names(&self, case: &Case) -> bool {
        glob(&self.pattern, &case.id) && !(self.http_alone && case.speaks_flight())
    }

    /// What to tell if too few of the cases that were chosen and fit the target have run.
    pub fn missed(&self, fit: &[&Case], results: &[CaseResult]) -> Option<String> {
        let fit: HashSet<&str> =
            fit.iter().filter(|case| self.names(case)).map(|case| case.id.as_str()).collect();
        let able = |result: &&CaseResult| {
            fit.contains(result.id.as_str()) && !matches!(result.verdict, Verdict::Skipped(_))
        };
        let (ran, all) = (results.iter().filter(able).count(), fit.len());
        let enough = ran * 100 >= all * self.percent;
        (!enough).then(|| format!("{ran} of {all} cases ran, which misses --floor '{self}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::liveness::Liveness;
    use crate::spec::Door;
    use rstest::rstest;
    use std::time::Duration;

    fn case(id: &str) -> Case {
        let door = id.ends_with("[flight]").then_some(Door::Flight);
        let (id, file) = (id.to_owned(), String::new());
        Case {
            id,
            file,
            clauses: vec![],
            server: vec![],
            tenants: vec![],
            door,
            unwatched: None,
            steps: vec![],
        }
    }

    fn result(id: &str, verdict: Verdict) -> CaseResult {
        let (id, file, liveness) = (id.to_owned(), String::new(), Liveness::Answered);
        CaseResult { id, file, clauses: vec![], verdict, liveness, took: Duration::ZERO }
    }

    #[rstest]
    #[case::enough("flight/*=50", None)]
    #[case::too_few("flight/*=51", Some("1 of 2 cases ran, which misses --floor 'flight/*=51'"))]
    #[case::a_case_that_does_not_fit_the_target_counts_as_none("lakehouse/*=100", None)]
    #[case::none_chosen_that_are_so_named("analytics/*=90", None)]
    #[case::every_door("cross/*=51", Some("1 of 2 cases ran, which misses --floor 'cross/*=51'"))]
    #[case::http_alone("http:cross/*=51", None)]
    fn a_floor_is_a_share_of_the_cases_that_fit(#[case] floor: Floor, #[case] expected: Option<&str>) {
        let fit = ["flight/a", "flight/b", "lakehouse/c", "cross/d [rest]", "cross/d [flight]"].map(case);
        let skipped = || Verdict::Skipped("no client".to_owned());
        let results = [
            result("flight/a", Verdict::Passed),
            result("flight/b", skipped()),
            result("lakehouse/c", Verdict::Passed),
            result("lakehouse/unfit", skipped()),
            result("cross/d [rest]", Verdict::Passed),
            result("cross/d [flight]", skipped()),
        ];
        assert_eq!(floor.missed(&fit.each_ref(), &results).as_deref(), expected);
    }

    #[rstest]
    #[case("flight/*")]
    #[case("flight/*=ninety")]
    #[case("flight/*=101")]
    fn what_is_no_floor_is_refused(#[case] text: &str) {
        assert!(text.parse::<Floor>().is_err());
    }
}

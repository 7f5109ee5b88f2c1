//! How a case went, and everything needed to understand and repeat a failure.

use crate::check::Mismatch;
use crate::fault::Fault;
use crate::liveness::Liveness;
use std::fmt::{self, Display};
use std::time::Duration;

/// How one case went.
#[derive(Debug, Clone)]
pub struct CaseResult {
    /// Its id.
    pub id: String,
    /// Its file.
    pub file: String,
    /// The clauses it proves.
    pub clauses: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the server lived for others meanwhile.
    pub liveness: Liveness,
    /// Wall-clock time.
    pub took: Duration,
}

/// What became of a case.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// As the spec says.
    Passed,
    /// Not as the spec says.
    Failed(Failure),
    /// Not run, and why.
    Skipped(String),
    /// Failed as the quirks of the target foresee, and why.
    KnownFailure(String),
    /// Passed although the quirks foresee a failure: they are out of date.
    UnexpectedPass(String),
}

impl Verdict {
    /// Whether the suite fails by it.
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::UnexpectedPass(_))
    }

    /// One word for reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "FAILED",
            Self::Skipped(_) => "skipped",
            Self::KnownFailure(_) => "known failure",
            Self::UnexpectedPass(_) => "PASSED UNEXPECTEDLY",
        }
    }
}

/// A step that did not go as the spec says.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Which step, counted from 1; 0 is none of them.
    pub step: usize,
    /// What went wrong, beyond mismatches.
    pub fault: Option<String>,
    /// Where the answer differs.
    pub mismatches: Vec<Mismatch>,
    /// How to repeat the request by hand.
    pub repeat: String,
    /// What came back, shortened.
    pub outcome: String,
}

impl Failure {
    /// Whether the answers were right and nothing was wrong but that they, or those to the liveness judge, came too late.
    pub(crate) fn is_only_late(&self) -> bool {
        let late = |mismatch: &Mismatch| [Mismatch::LATE, Mismatch::SILENT].contains(&mismatch.path.as_str());
        self.fault.is_none() && self.mismatches.iter().all(late)
    }

    /// A case whose steps went well, while the server was silent for others.
    pub(crate) fn silence(mismatch: Mismatch) -> Self {
        let (repeat, outcome) = (String::new(), String::new());
        Self { step: 0, fault: None, mismatches: vec![mismatch], repeat, outcome }
    }

    /// What was asked for liveness, and how long the answer took, if it came too late.
    pub(crate) fn silence_told(&self) -> Option<String> {
        let silence = self.mismatches.iter().find(|mismatch| mismatch.path == Mismatch::SILENT)?;
        let took = silence.actual.split(", asked").next().unwrap_or_default();
        Some(format!("{}, but {took}", silence.expected))
    }

    /// A step that could not be carried out.
    pub fn fault(step: usize, fault: &Fault) -> Self {
        Self {
            step,
            fault: Some(fault.to_string()),
            mismatches: vec![],
            repeat: String::new(),
            outcome: String::new(),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::fault(0, &fault)
    }
}

impl Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            0 => write!(out, "beside the steps")?,
            step => write!(out, "step {step}")?,
        }
        if let Some(fault) = &self.fault {
            write!(out, ": {fault}")?;
        }
        for Mismatch { path, expected, actual } in &self.mismatches {
            write!(
                out,
                "\n    at {}\n      expected {expected}\n      actual   {actual}",
                if path.is_empty() { "/" } else { path }
            )?;
        }
        if !self.repeat.is_empty() {
            write!(out, "\n    request  {}", self.repeat)?;
        }
        if !self.outcome.is_empty() {
            write!(out, "\n    outcome  {}", self.outcome)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::late(&[Mismatch::LATE], true)]
    #[case::silent(&[Mismatch::SILENT, Mismatch::LATE], true)]
    #[case::early(&[Mismatch::EARLY], false)]
    #[case::late_and_wrong(&[Mismatch::LATE, "/json"], false)]
    fn only_lateness_is_worth_another_attempt(#[case] paths: &[&str], #[case] expected: bool) {
        let mismatches =
            paths.iter().map(|path| Mismatch::in_time(path, String::new(), Duration::ZERO)).collect();
        let failure = Failure { mismatches, ..Failure::fault(1, &Fault::new("")) };
        assert_eq!(Failure { fault: None, ..failure.clone() }.is_only_late(), expected);
        assert!(!failure.is_only_late());
    }
}

//! What a run tells: a summary, JUnit XML for CI, and a Markdown table with one line per clause.

use crate::fault::{During, Result};
use crate::liveness::Liveness;
use crate::verdict::{CaseResult, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};

/// How many cases had each verdict.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// As the spec says.
    pub passed: usize,
    /// Not as the spec says, or passed against the quirks.
    pub bad: usize,
    /// Failed as foreseen.
    pub known: usize,
    /// Not run.
    pub skipped: usize,
}

impl Tally {
    /// Counts results.
    pub fn of<'a>(results: impl IntoIterator<Item = &'a CaseResult>) -> Self {
        let mut tally = Self::default();
        for result in results {
            match &result.verdict {
                Verdict::Passed => tally.passed += 1,
                Verdict::Failed(_) | Verdict::UnexpectedPass(_) => tally.bad += 1,
                Verdict::KnownFailure(_) => tally.known += 1,
                Verdict::Skipped(_) => tally.skipped += 1,
            }
        }
        tally
    }
}

impl Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, bad, known, skipped } = self;
        write!(out, "{passed} passed, {bad} failed, {known} known failures, {skipped} skipped")
    }
}

/// The tally, and a line for each reason why cases were skipped.
pub fn skips(results: &[CaseResult]) -> String {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for result in results {
        if let Verdict::Skipped(reason) = &result.verdict {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let lines = reasons.iter().map(|(reason, count)| format!("\n  {count} skipped: {reason}"));
    format!("{}{}", Tally::of(results), lines.collect::<String>())
}

/// What the liveness judge has to say: a line for each reason why it did not look, and for each silence that no case
/// repeats by itself, with the cases that ran meanwhile.
pub fn liveness(results: &[CaseResult]) -> String {
    const NAMED: usize = 5;
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let mut doubts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for result in results {
        match &result.liveness {
            Liveness::Off(reason) => *reasons.entry(reason).or_default() += 1,
            Liveness::Doubtful(silence) => doubts.entry(silence).or_default().push(&result.id),
            Liveness::Unwatched | Liveness::Answered => {}
        }
    }
    let off = reasons.iter().map(|(reason, count)| format!("\n  {count} with liveness off: {reason}"));
    let doubtful = doubts.iter().map(|(silence, cases)| {
        let named = cases.iter().take(NAMED).copied().collect::<Vec<_>>().join("; ");
        let more = if cases.len() > NAMED { "; …" } else { "" };
        format!("\n  {silence} (in time for each of {} cases by itself: {named}{more})", cases.len())
    });
    off.chain(doubtful).collect()
}

/// JUnit XML, one suite per spec file.
///
/// # Errors
/// Text that XML cannot hold.
pub fn junit(results: &[CaseResult]) -> Result<String> {
    let mut report = Report::new("altertable-conformance");
    let mut files: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for result in results {
        files.entry(&result.file).or_default().push(result);
    }
    for (file, results) in files {
        let mut suite = TestSuite::new(file);
        suite.add_test_cases(results.into_iter().map(test_case));
        report.add_test_suite(suite);
    }
    report.to_string().during("writing JUnit XML")
}

fn test_case(result: &CaseResult) -> TestCase {
    let status = match &result.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed(failure) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(result.clauses.join(", ")).set_description(failure.to_string());
            status
        }
        Verdict::UnexpectedPass(reason) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(format!("passed, although: {reason}"));
            status
        }
        Verdict::Skipped(reason) | Verdict::KnownFailure(reason) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason.as_str());
            status
        }
    };
    let mut case = TestCase::new(&result.id, status);
    case.set_classname(result.clauses.join(" ")).set_time(result.took);
    case
}

/// One line per clause with the cases that prove it, and the failures below.
pub fn markdown(results: &[CaseResult]) -> String {
    let mut clauses: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for result in results {
        result.clauses.iter().for_each(|clause| clauses.entry(clause).or_default().push(result));
    }
    let mut text = String::from("| Clause | | Passed | Cases |\n|---|---|---|---|\n");
    for (clause, results) in &clauses {
        let tally = Tally::of(results.iter().copied());
        let sign = match tally {
            Tally { bad: 1.., .. } => "❌",
            Tally { known: 1.., .. } => "⚠️",
            Tally { passed: 0, .. } => "–",
            _ => "✅",
        };
        let files: std::collections::BTreeSet<&str> =
            results.iter().map(|result| result.file.as_str()).collect();
        let links: Vec<String> =
            files.iter().map(|file| format!("[{file}](conformance/spec/{file}.yaml)")).collect();
        let _ = writeln!(
            text,
            "| {clause} | {sign} | {} of {} | {} |",
            tally.passed,
            results.len(),
            links.join(", ")
        );
    }
    for result in results.iter().filter(|result| result.verdict.is_bad()) {
        let _ = write!(text, "\n### {}\n\n```\n{}\n```\n", result.id, told(result));
    }
    text
}

/// A case that went wrong, in full.
pub fn told(result: &CaseResult) -> String {
    let clauses = result.clauses.join(", ");
    match &result.verdict {
        Verdict::Failed(failure) => format!("{} ({clauses})\n  {failure}", result.id),
        Verdict::Passed => format!("{} ({clauses}): passed", result.id),
        Verdict::Skipped(reason) | Verdict::KnownFailure(reason) | Verdict::UnexpectedPass(reason) => {
            format!("{} ({clauses}): {}: {reason}", result.id, result.verdict.word())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::verdict::Failure;
    use std::time::Duration;

    fn results() -> Vec<CaseResult> {
        let verdicts = [
            Verdict::Passed,
            Verdict::Failed(Failure::fault(2, &Fault::new("no <answer>"))),
            Verdict::Skipped("elsewhere".to_owned()),
            Verdict::KnownFailure("reported".to_owned()),
            Verdict::UnexpectedPass("reported".to_owned()),
        ];
        let case = |(number, verdict): (usize, Verdict)| CaseResult {
            id: format!("door/file: case {number}"),
            file: "door/file".to_owned(),
            clauses: vec![["LQ-01", "LQ-02", "LQ-03", "LQ-04", "LQ-05"][number].to_owned()],
            verdict,
            liveness: [Liveness::Off("stops it".to_owned()), Liveness::Doubtful("3 s".to_owned())]
                .get(number / 2)
                .cloned()
                .unwrap_or_default(),
            took: Duration::from_millis(5),
        };
        verdicts.into_iter().enumerate().map(case).collect()
    }

    #[test]
    fn every_verdict_is_counted() {
        assert_eq!(Tally::of(&results()), Tally { passed: 1, bad: 2, known: 1, skipped: 1 });
    }

    #[test]
    fn cases_that_nobody_watched_are_counted_and_doubts_are_told() {
        let told = liveness(&results());
        let doubt = "3 s (in time for each of 2 cases by itself: door/file: case 2; door/file: case 3)";
        assert_eq!(told, format!("\n  2 with liveness off: stops it\n  {doubt}"));
        assert_eq!(liveness(&results()[4..]), "");
    }

    #[test]
    fn junit_tells_failures_and_skips() {
        let xml = junit(&results()).unwrap();
        assert!(
            xml.contains("failures=\"2\"")
                && xml.contains("disabled=\"2\"")
                && xml.contains("no &lt;answer&gt;"),
            "{xml}"
        );
    }

    #[test]
    fn the_table_has_a_line_per_clause() {
        let table = markdown(&results());
        for (clause, sign) in
            [("LQ-01", "✅"), ("LQ-02", "❌"), ("LQ-03", "–"), ("LQ-04", "⚠️"), ("LQ-05", "❌")]
        {
            assert!(table.contains(&format!("| {clause} | {sign} |")), "{table}");
        }
        assert!(table.contains("no <answer>"));
    }
}

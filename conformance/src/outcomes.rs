//! What became of each case, as the JSON that every language's runner writes and `tests/conformance` reads.

use crate::fault::{During, Result};
use crate::verdict::{CaseResult, Verdict};
use serde_json::{Value, json};

/// `{"language": "rust", "cases": [{"case", "clauses", "outcome", "reason"}]}`, a case named by its file and its name.
///
/// A known failure is a failure here: the table says what a server does, not what its quirks excuse.
///
/// # Errors
/// None that data of this shape can cause.
pub fn json(language: &str, results: &[CaseResult]) -> Result<String> {
    let cases: Vec<Value> = results.iter().map(told).collect();
    serde_json::to_string(&json!({"language": language, "cases": cases})).during("writing outcomes")
}

/// What became of one case, as its driver is told: what is known to fail is nothing that it should look into.
pub fn verdict(result: &CaseResult) -> Value {
    let mut verdict = told(result);
    if let Verdict::KnownFailure(reason) = &result.verdict {
        verdict["outcome"] = "skipped".into();
        verdict["reason"] = format!("known to fail: {reason}").into();
    }
    verdict["id"] = result.id.as_str().into();
    verdict
}

/// What became of one case.
fn told(result: &CaseResult) -> Value {
    let (outcome, reason) = match &result.verdict {
        Verdict::Passed => ("passed", String::new()),
        Verdict::Failed(failure) => ("failed", failure.to_string()),
        Verdict::KnownFailure(reason) => ("failed", reason.clone()),
        Verdict::UnexpectedPass(reason) => ("failed", format!("passed, although: {reason}")),
        Verdict::Skipped(reason) => ("skipped", reason.clone()),
    };
    let case = result.id.replacen(": ", "/", 1);
    json!({"case": case, "clauses": result.clauses, "outcome": outcome, "reason": reason})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::liveness::Liveness;
    use std::time::Duration;

    #[test]
    fn a_case_is_named_by_its_file_and_its_name() {
        let result = |verdict| CaseResult {
            id: "lakehouse/query: a: b #1 x [rest]".to_owned(),
            file: "lakehouse/query".to_owned(),
            clauses: vec!["LQ-01".to_owned()],
            verdict,
            liveness: Liveness::Answered,
            took: Duration::ZERO,
        };
        let results = [result(Verdict::Passed), result(Verdict::KnownFailure("reported".to_owned()))];
        let told: Value = serde_json::from_str(&json("rust", &results).unwrap()).unwrap();
        let case = |outcome: &str, reason: &str| json!({"case": "lakehouse/query/a: b #1 x [rest]", "clauses": ["LQ-01"], "outcome": outcome, "reason": reason});
        let cases = [case("passed", ""), case("failed", "reported")];
        assert_eq!(told, json!({"language": "rust", "cases": cases}));
    }
}

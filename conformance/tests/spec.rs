//! Every file of the spec against the target: a server in this process unless CONFORMANCE_TARGET says otherwise.

#![expect(clippy::unwrap_used, reason = "tests")]

use altertable_mock_conformance::quirks::Quirks;
use altertable_mock_conformance::spec;
use altertable_mock_conformance::target::{Kind, Target};
use altertable_mock_conformance::{report, run};
use rstest::rstest;
use std::path::PathBuf;
use std::sync::LazyLock;
use tokio::runtime::Runtime;

/// Servers are shared by all tests of this process, so they need a runtime that outlives each of them.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| altertable_mock::runtime().unwrap());
static TARGET: LazyLock<Target> = LazyLock::new(|| Target::new(Kind::InProcess, Quirks::default()));

const CASES_AT_A_TIME: usize = 8;

#[rstest]
fn the_server_behaves(#[files("spec/**/*.yaml")] path: PathBuf) {
    let cases = spec::load(&path).unwrap();
    let results = RUNTIME.block_on(run::run_all(&TARGET, &cases, CASES_AT_A_TIME, |_| {}));
    let bad: Vec<String> =
        results.iter().filter(|result| result.verdict.is_bad()).map(report::told).collect();
    assert!(bad.is_empty(), "{} of {} cases:\n\n{}\n", bad.len(), results.len(), bad.join("\n\n"));
}

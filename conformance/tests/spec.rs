//! Every file of the spec against the target that CONFORMANCE_TARGET names: `in-process` (the default), `container`
//! (CONFORMANCE_IMAGE) or `url` (CONFORMANCE_URL and its like; see `altertable-conformance run --help`).

#![expect(clippy::unwrap_used, reason = "tests")]

use altertable_mock_conformance::choice::Choice;
use altertable_mock_conformance::target::Target;
use altertable_mock_conformance::{report, run, spec};
use rstest::rstest;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, Weak};
use tokio::runtime::Runtime;

const CASES_AT_A_TIME: usize = 8;

/// Servers are shared by all tests of this process, so they need a runtime that outlives each of them.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| altertable_mock::runtime().unwrap());

/// The target that is in use now. Whoever uses it last stops it, so that no container
/// is left behind: statics are never dropped.
fn target() -> Arc<Target> {
    static IN_USE: Mutex<Weak<Target>> = Mutex::new(Weak::new());
    let mut in_use = IN_USE.lock().unwrap();
    in_use.upgrade().unwrap_or_else(|| {
        let fresh = Arc::new(Choice::from_variables().and_then(|choice| choice.target()).unwrap());
        *in_use = Arc::downgrade(&fresh);
        fresh
    })
}

#[rstest]
fn the_server_behaves(#[files("spec/**/*.yaml")] path: PathBuf) {
    let cases = spec::load(&path).unwrap();
    let target = target();
    let results = RUNTIME.block_on(run::run_all(&target, &cases, CASES_AT_A_TIME, |_| {}));
    if let Some(unused) = Arc::into_inner(target) {
        RUNTIME.block_on(unused.stop_for_exit());
    }
    let bad: Vec<String> =
        results.iter().filter(|result| result.verdict.is_bad()).map(report::told).collect();
    assert!(bad.is_empty(), "{} of {} cases:\n\n{}\n", bad.len(), results.len(), bad.join("\n\n"));
}

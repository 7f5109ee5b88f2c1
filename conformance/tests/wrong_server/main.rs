//! The suite against servers that are wrong on purpose: a proxy in front of the real one breaks clauses, and cases that
//! name those clauses have to fail. A clause that no fault breaks is one whose cases prove nothing.

#![expect(clippy::unwrap_used, reason = "tests")]

mod fault;
mod faults;
mod grpc;
mod http;
mod message;

use altertable_mock_conformance::client::Client;
use altertable_mock_conformance::coverage::{self, Uncovered};
use altertable_mock_conformance::fault::Fault;
use altertable_mock_conformance::liveness::Liveness;
use altertable_mock_conformance::quirks::{Quirks, glob};
use altertable_mock_conformance::report;
use altertable_mock_conformance::run;
use altertable_mock_conformance::spec::{self, Case};
use altertable_mock_conformance::target::{Addresses, Front, Kind, Target};
use altertable_mock_conformance::verdict::{CaseResult, Failure, Verdict};
use fault::{HONEST, Wrong};
use futures::{FutureExt as _, StreamExt as _};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const CASES_AT_A_TIME: usize = 8;
const FAULTS_AT_A_TIME: usize = 6;

/// A case that has not ended by then has failed.
const PATIENCE: Duration = Duration::from_secs(8);

/// The most that a proxy holds of one answer, in bytes: some never end.
const HELD: usize = 64 << 20;

/// Cases that no proxy passes through: what happens on a raw socket, and other services than Flight's.
const BLIND: [&str; 4] = [
    "flight/transport: health is told*",
    "flight/transport: an unknown service*",
    "flight/errors: unknown actions, commands and calls*",
    "lakehouse/transport: a header beyond reason*",
];

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| altertable_mock::runtime().unwrap());

fn target(wrong: Wrong) -> Target {
    let front = move |honest: Addresses| {
        async move {
            Ok(Addresses {
                lakehouse: http::start(honest.lakehouse, wrong.http).await?,
                analytics: http::start(honest.analytics, wrong.http).await?,
                flight: grpc::start(&honest.flight, wrong.flight).await?,
                account: None,
                judge: honest.judge,
            })
        }
        .boxed()
    };
    let target = Target::new(Kind::InProcess, Quirks::default()).behind(Front::new(front));
    // What is wrong has to be noticed by the cases of its clauses, not by the liveness judge.
    if wrong.breaks.is_empty() { target } else { target.unwatched() }
}

fn cases(wanted: impl Fn(&Case) -> bool) -> Vec<Case> {
    let seen = |case: &Case| !BLIND.iter().any(|pattern| glob(pattern, &case.id));
    spec::load_all(&spec::folder()).unwrap().into_iter().filter(|case| seen(case) && wanted(case)).collect()
}

/// The result of a case against that target, within bounds.
async fn attempt(target: &Target, client: &Client, case: &Case) -> CaseResult {
    let result = tokio::time::timeout(PATIENCE, run::run_case(target, client, case)).await;
    result.unwrap_or_else(|_| CaseResult {
        id: case.id.clone(),
        file: case.file.clone(),
        clauses: case.clauses.clone(),
        verdict: Verdict::Failed(Failure::from(Fault::new("it never ended"))),
        liveness: Liveness::Unwatched,
        took: PATIENCE,
    })
}

/// The clauses that a wrong server is to break and that no case has missed. Runs no more cases than it takes.
async fn unnoticed(wrong: Wrong) -> BTreeSet<&'static str> {
    let missing: RefCell<BTreeSet<&str>> = RefCell::new(wrong.breaks.iter().copied().collect());
    let names_missing =
        &|case: &Case| case.clauses.iter().any(|clause| missing.borrow().contains(clause.as_str()));
    let concerned = by_turns(cases(names_missing));
    let (target, client) = (target(wrong), Client::Own(reqwest::Client::new()));
    let tried = concerned.iter().map(|case| {
        let (missing, attempt) = (&missing, attempt(&target, &client, case));
        async move {
            if names_missing(case) && attempt.await.verdict.is_bad() {
                missing.borrow_mut().retain(|clause| !case.clauses.iter().any(|broken| broken == clause));
            }
        }
    });
    futures::stream::iter(tried).buffer_unordered(CASES_AT_A_TIME).collect::<()>().await;
    target.stop().await;
    missing.into_inner()
}

/// The first case of every clause, then the second of every clause, and so on.
fn by_turns(mut cases: Vec<Case>) -> Vec<Case> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    cases.sort_by_cached_key(|case| {
        let turns = case.clauses.iter().map(|clause| {
            let count = seen.entry(clause.clone()).or_default();
            *count += 1;
            *count
        });
        turns.min()
    });
    cases
}

/// A case of every clause has to pass where nothing is wrong, or faults prove nothing.
#[test]
fn a_proxy_that_does_nothing_wrong_goes_unnoticed() {
    let seen: RefCell<BTreeSet<String>> = RefCell::default();
    let cases = cases(|case| {
        case.clauses.iter().filter(|clause| seen.borrow_mut().insert((*clause).clone())).count() > 0
    });
    let bad: Vec<String> = RUNTIME.block_on(async {
        let target = target(HONEST);
        let results = run::run_all(&target, &cases, CASES_AT_A_TIME, |_| {}).await;
        target.stop().await;
        results.iter().filter(|result| result.verdict.is_bad()).map(report::told).collect()
    });
    assert!(bad.is_empty(), "{}", bad.join("\n\n"));
}

#[test]
fn every_fault_is_noticed_by_the_cases_of_its_clauses() {
    let noticed = |wrong: Wrong| async move {
        let (started, missing) = (Instant::now(), unnoticed(wrong).await);
        println!("{:>6.1?} {}", started.elapsed(), wrong.name);
        let names: Vec<&str> = missing.into_iter().collect();
        (!names.is_empty()).then(|| format!("{}: every case of {} passed", wrong.name, names.join(", ")))
    };
    let faults = futures::stream::iter(faults::all()).map(noticed).buffer_unordered(FAULTS_AT_A_TIME);
    let missed: Vec<String> = RUNTIME.block_on(faults.filter_map(std::future::ready).collect());
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// A clause counts as covered only if a case that names it fails where the clause is broken.
#[test]
fn every_covered_clause_is_broken_by_a_fault_or_has_a_reason() {
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contract");
    let uncovered = Uncovered::load(&spec::folder().join("uncovered.toml")).unwrap().uncovered;
    let unproven = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong_server/unproven.toml");
    let unproven = Uncovered::load(&unproven).unwrap().uncovered;
    let proven: BTreeSet<&str> = faults::all().into_iter().flat_map(|fault| fault.breaks).copied().collect();
    let mut wrong = Vec::new();
    for clause in coverage::clauses(&contract).unwrap() {
        match (
            proven.contains(clause.as_str()),
            unproven.contains_key(&clause) || uncovered.contains_key(&clause),
        ) {
            (false, false) => {
                wrong.push(format!("{clause}: no fault breaks it, and unproven.toml has no reason"));
            }
            (true, true) => wrong.push(format!("{clause}: a fault breaks it: take it out of unproven.toml")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

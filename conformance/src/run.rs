//! Runs cases against a target.

mod actions;
mod background;
mod case_run;
mod flight_actions;

use crate::client::Client;
use crate::driver::Connection;
use crate::liveness::{Liveness, Watch};
use crate::spec::Case;
use crate::target::{Server, Target};
use crate::verdict::{CaseResult, Failure, Verdict};
use case_run::CaseRun;
use futures::StreamExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(60);

/// How many cases may wait for the liveness judge, or for a place, for each that runs.
const WAITING: usize = 8;

/// Runs one case and judges it.
pub async fn run_case(target: &Target, client: &Client, case: &Case) -> CaseResult {
    run_case_in(target, client, case, &Semaphore::new(1)).await
}

/// Runs one case, in one of that many places: it needs none while it waits for the liveness judge.
async fn run_case_in(target: &Target, client: &Client, case: &Case, places: &Semaphore) -> CaseResult {
    let started = Instant::now();
    let (verdict, liveness) = match target.unfit_for(case) {
        Some(reason) => (Verdict::Skipped(reason), Liveness::Unwatched),
        None => {
            let (result, liveness) = attempts(target, client, case, places).await;
            let cannot = client.driven().and_then(Connection::cannot);
            (cannot.map_or_else(|| judge(target, case, result), Verdict::Skipped), liveness)
        }
    };
    CaseResult {
        id: case.id.clone(),
        file: case.file.clone(),
        clauses: case.clauses.clone(),
        verdict,
        liveness,
        took: started.elapsed(),
    }
}

type Attempt = Result<(), Failure>;

/// Runs the case among others; once more by itself if it, or the server towards the liveness judge, was only late: others
/// may have kept the server busy. A case that nobody is to watch runs by itself, or others would be judged by it.
async fn attempts(target: &Target, client: &Client, case: &Case, places: &Semaphore) -> (Attempt, Liveness) {
    if let Some(reason) = &case.unwatched {
        let _alone = target.calm.write().await;
        return (attempt(target, client, case).await.0, Liveness::Off(reason.clone()));
    }
    let (first, watch) = {
        // Places are never closed.
        let _place = places.acquire().await;
        let _among_others = target.calm.read().await;
        attempt(target, client, case).await
    };
    match watched(first, watch).await {
        (Err(failure), _) if failure.is_only_late() => {
            let _alone = target.calm.write().await;
            let (second, watch) = attempt(target, client, case).await;
            let (second, liveness) = watched(second, watch).await;
            match (&second, failure.silence_told()) {
                (Ok(()), Some(silence)) => (second, Liveness::Doubtful(silence)),
                _ => (second, liveness),
            }
        }
        judged => judged,
    }
}

/// Adds to how a case went what the liveness judge has seen.
async fn watched(went: Attempt, watch: Option<Watch>) -> (Attempt, Liveness) {
    let Some(watch) = watch else { return (went, Liveness::Unwatched) };
    match (went, watch.end().await) {
        (went, None) => (went, Liveness::Answered),
        (Ok(()), Some(silence)) => (Err(Failure::silence(silence)), Liveness::Answered),
        (Err(mut failure), Some(silence)) => {
            failure.mismatches.push(silence);
            (Err(failure), Liveness::Answered)
        }
    }
}

async fn attempt(target: &Target, client: &Client, case: &Case) -> (Attempt, Option<Watch>) {
    let server = match target.server(&case.server).await {
        Ok(server) => server,
        Err(fault) => return (Err(fault.into()), None),
    };
    let watch = case.unwatched.is_none().then(|| target.watch(&server, case)).flatten();
    (steps(server, client, case).await, watch)
}

async fn steps(server: Arc<Server>, client: &Client, case: &Case) -> Attempt {
    let mut run = CaseRun::new(case, server, client.clone())?;
    for (index, step) in case.steps.iter().enumerate() {
        match tokio::time::timeout(PATIENCE, run.step(index, step)).await {
            Ok(done) => done?,
            Err(_) => return Err(run.out_of_time(index, PATIENCE)),
        }
    }
    Ok(())
}

fn judge(target: &Target, case: &Case, result: Result<(), Failure>) -> Verdict {
    match (result, target.quirks.expects_failure(case)) {
        (Ok(()), None) => Verdict::Passed,
        (Err(failure), None) => Verdict::Failed(failure),
        (Err(_), Some(reason)) => Verdict::KnownFailure(reason.to_owned()),
        (Ok(()), Some(reason)) => Verdict::UnexpectedPass(reason.to_owned()),
    }
}

/// Runs cases, a number of them at a time, and reports each as it ends.
pub async fn run_all(
    target: &Target,
    cases: &[Case],
    at_a_time: usize,
    mut on_result: impl FnMut(&CaseResult),
) -> Vec<CaseResult> {
    let client = Client::Own(reqwest::Client::new());
    run_all_by(target, cases, at_a_time, |_| client.clone(), |_, result| on_result(result)).await
}

/// As [`run_all`], each case with a client of its own; cases are counted as they stand in `cases`.
pub async fn run_all_by(
    target: &Target,
    cases: &[Case],
    at_a_time: usize,
    client: impl Fn(usize) -> Client,
    mut on_result: impl FnMut(usize, &CaseResult),
) -> Vec<CaseResult> {
    let places = &Semaphore::new(at_a_time.max(1));
    let run = |(number, case)| {
        let client = client(number);
        async move { (number, run_case_in(target, &client, case, places).await) }
    };
    let many = at_a_time.max(1) * (1 + WAITING);
    let mut results = futures::stream::iter(cases.iter().enumerate().map(run)).buffer_unordered(many);
    let mut all = Vec::new();
    while let Some((number, result)) = results.next().await {
        on_result(number, &result);
        all.push(result);
    }
    all
}

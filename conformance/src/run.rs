//! Runs cases against a target.

mod actions;
mod background;
mod case_run;
mod flight_actions;
mod verdict;

pub use verdict::{CaseResult, Failure, Verdict};

use crate::client::Client;
use crate::driver::Connection;
use crate::spec::Case;
use crate::target::Target;
use case_run::CaseRun;
use futures::StreamExt as _;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs one case and judges it.
pub async fn run_case(target: &Target, client: &Client, case: &Case) -> CaseResult {
    let started = Instant::now();
    let verdict = match target.unfit_for(case) {
        Some(reason) => Verdict::Skipped(reason),
        None => {
            let result = attempts(target, client, case).await;
            client
                .driven()
                .and_then(Connection::cannot)
                .map_or_else(|| judge(target, case, result), Verdict::Skipped)
        }
    };
    CaseResult {
        id: case.id.clone(),
        file: case.file.clone(),
        clauses: case.clauses.clone(),
        verdict,
        took: started.elapsed(),
    }
}

/// Runs the case among others; once more by itself if it was only late, because others may have kept the server busy.
async fn attempts(target: &Target, client: &Client, case: &Case) -> Result<(), Failure> {
    let first = {
        let _among_others = target.calm.read().await;
        attempt(target, client, case).await
    };
    match first {
        Err(failure) if failure.is_only_late() => {
            let _alone = target.calm.write().await;
            attempt(target, client, case).await
        }
        judged => judged,
    }
}

async fn attempt(target: &Target, client: &Client, case: &Case) -> Result<(), Failure> {
    let server = target.server(&case.server).await?;
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
    let run = |(number, case)| {
        let client = client(number);
        async move { (number, run_case(target, &client, case).await) }
    };
    let mut results =
        futures::stream::iter(cases.iter().enumerate().map(run)).buffer_unordered(at_a_time.max(1));
    let mut all = Vec::new();
    while let Some((number, result)) = results.next().await {
        on_result(number, &result);
        all.push(result);
    }
    all
}

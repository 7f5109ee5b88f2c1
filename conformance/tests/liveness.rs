//! The liveness judge against a server that freezes on purpose: a proxy stops every connection of every door when a
//! statement tells it to.

#![expect(clippy::unwrap_used, reason = "tests")]

use altertable_mock_conformance::fault::{During as _, Result};
use altertable_mock_conformance::liveness::Liveness;
use altertable_mock_conformance::quirks::Quirks;
use altertable_mock_conformance::report;
use altertable_mock_conformance::run;
use altertable_mock_conformance::spec::{Case, DEFAULT_FLAGS};
use altertable_mock_conformance::target::{Addresses, Front, Kind, Target};
use altertable_mock_conformance::verdict::{CaseResult, Verdict};
use futures::FutureExt as _;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Until when nothing passes.
type Frozen = Arc<Mutex<Instant>>;

/// A statement that holds `freeze for 3000 ms` does that.
const MARKER: &str = "freeze for ";

/// The freezes of the case that has to fail. On a machine so busy that an idle server needs a tenth of it, the first is
/// within bounds; none is so busy for the second.
const FREEZES: [u64; 2] = [3_000, 30_000];

fn frozen_by_turns() -> Target {
    let front = |honest: Addresses| {
        async move {
            let frozen: Frozen = Arc::new(Mutex::new(Instant::now()));
            Ok(Addresses {
                lakehouse: proxy(&honest.lakehouse, &frozen).await?,
                analytics: proxy(&honest.analytics, &frozen).await?,
                flight: proxy(&honest.flight, &frozen).await?,
                ..honest
            })
        }
        .boxed()
    };
    Target::new(Kind::InProcess, Quirks::default()).behind(Front::new(front))
}

async fn proxy(server: &str, frozen: &Frozen) -> Result<String> {
    let server = server.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.during("a port for the proxy")?;
    let address = listener.local_addr().during("the proxy's address")?;
    let frozen = Arc::clone(frozen);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(&server).await else { return };
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(pass(from_client, to_server, Arc::clone(&frozen)));
            tokio::spawn(pass(from_server, to_client, Arc::clone(&frozen)));
        }
    });
    Ok(format!("http://{address}"))
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, frozen: Frozen) {
    let mut chunk = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        let now = Instant::now();
        if let Some(millis) = told(&chunk[..read]) {
            let mut until = frozen.lock().unwrap();
            *until = now.max(*until).max(now + Duration::from_millis(millis));
        }
        let until = *frozen.lock().unwrap();
        tokio::time::sleep(until.saturating_duration_since(now)).await;
        if to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
}

/// For how long a request says to freeze; its answer has no body that says so.
fn told(chunk: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(chunk);
    text.split_once(MARKER)?.1.split_once(' ')?.0.parse().ok()
}

fn case(name: &str, step: Value, unwatched: Option<&str>) -> Case {
    Case {
        id: format!("test: {name}"),
        file: "test".to_owned(),
        clauses: vec!["LX-14".to_owned()],
        server: DEFAULT_FLAGS.map(str::to_owned).to_vec(),
        tenants: vec!["default".to_owned()],
        door: None,
        unwatched: unwatched.map(str::to_owned),
        steps: vec![step],
    }
}

/// A call during which the server is frozen.
fn freeze(millis: u64) -> Value {
    json!({"lakehouse": "POST /query", "json": {"statement": format!("SELECT 42 -- {MARKER}{millis} ms")}})
}

async fn run(cases: &[Case]) -> (Vec<CaseResult>, Duration) {
    let target = frozen_by_turns();
    let results = run::run_all(&target, cases, 8, |_| {}).await;
    let [_, twin] = target.liveness().unwrap();
    target.stop().await;
    (results, twin.worst)
}

fn of<'a>(results: &'a [CaseResult], name: &str) -> &'a CaseResult {
    results.iter().find(|result| result.id == format!("test: {name}")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_during_which_the_server_freezes_fails_and_no_other_does() {
    for millis in FREEZES {
        let others = json!({"sleep": "1s"});
        let cases = [case("freezes", freeze(millis), None), case("is innocent", others, None)];
        let (results, twin) = run(&cases).await;
        assert!(matches!(of(&results, "is innocent").verdict, Verdict::Passed), "{results:?}");
        let told = report::told(of(&results, "freezes"));
        if matches!(of(&results, "freezes").verdict, Verdict::Passed) {
            assert!(twin.as_millis() >= u128::from(millis) / 10, "the twin took {twin:?}: {told}");
            continue;
        }
        println!("{told}");
        assert!(told.contains("at liveness\n      expected "), "{told}");
        assert!(told.contains("for another tenant within "), "{told}");
        // It was run once more by itself.
        assert!(told.contains("nothing else ran on this server"), "{told}");
        return;
    }
    panic!("no freeze was noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_slow_within_the_bounds_passes() {
    let (results, _) = run(&[case("is slow", freeze(100), None)]).await;
    assert!(matches!(results[0].verdict, Verdict::Passed), "{}", report::told(&results[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_with_liveness_off_may_freeze_the_server_and_is_counted() {
    let cases = [case("starves", freeze(1_000), Some("starves it")), case("is quick", freeze(0), None)];
    let (results, _) = run(&cases).await;
    assert_eq!(of(&results, "starves").liveness, Liveness::Off("starves it".to_owned()));
    assert!(results.iter().all(|result| matches!(result.verdict, Verdict::Passed)), "{results:?}");
    let told = report::liveness(&results);
    assert!(told.contains("1 with liveness off: starves it"), "{told}");
}

/// The judge's own tenant is there on a server that takes nobody but those declared: the twin of a container's flag.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_users_of_its_own_is_asked_as_a_second_one() {
    let login = json!({"lakehouse": "POST /query", "json": {"statement": "SELECT 42"}, "auth": {"basic": "alice:secret"}});
    let mut alone = case("alice", login, None);
    alone.server = ["--user", "alice:secret"].map(str::to_owned).to_vec();
    let (results, _) = run(&[alone]).await;
    assert!(matches!(results[0].verdict, Verdict::Passed), "{}", report::told(&results[0]));
    assert_eq!(results[0].liveness, Liveness::Answered);
}

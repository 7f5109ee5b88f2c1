//! Statements that are short and are planned for seconds, ended at any moment of that.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::probe::Probe;
use crate::InterruptHandle;

/// Plans that take seconds at least, by what the time goes to: names, macros, passes of the optimizer, windows, branches.
fn long_plans(probe: &Probe) -> Vec<(&'static str, String)> {
    let run = |sql: &str| probe.connection.run(sql).unwrap();
    run("CREATE MACRO add0(x) AS x + 1");
    run("CREATE MACRO all0() AS TABLE SELECT 1 AS a");
    for level in 0..10 {
        let next = level + 1;
        run(&format!("CREATE MACRO add{next}(x) AS add{level}(x) + add{level}(x)"));
        run(&format!("CREATE MACRO all{next}() AS TABLE FROM all{level}() UNION ALL FROM all{level}()"));
    }
    let mut copies = "WITH c0 AS NOT MATERIALIZED (SELECT 1 AS a)".to_owned();
    for level in 0..18 {
        let next = level + 1;
        write!(copies, ", c{next} AS NOT MATERIALIZED (SELECT x.a FROM c{level} x, c{level} y)").unwrap();
    }
    let windows: Vec<String> = (0..12_000).map(|at| format!("sum({at}) OVER (ORDER BY {at})")).collect();
    run("CREATE TABLE numbers AS SELECT range AS i FROM range(100)");
    vec![
        ("a macro that doubles", format!("SELECT {}", vec!["add10(1)"; 900].join(", "))),
        ("constants that are computed beforehand", "SELECT add10(add10(i)) FROM numbers".to_owned()),
        ("a table macro that doubles", vec!["FROM all10()"; 900].join(" UNION ALL ")),
        ("copies of a query", format!("{copies} FROM c18")),
        ("windows", format!("SELECT {}", windows.join(", "))),
        ("branches", vec!["SELECT 1"; 20_000].join(" UNION ALL ")),
    ]
}

/// Ends whatever the connection plans, `after` that time and again every millisecond, until `over`.
fn end_again_and_again(interrupt: Arc<InterruptHandle>, after: Duration) -> impl FnOnce() {
    let (over, told) = std::sync::mpsc::channel::<()>();
    let ender = std::thread::spawn(move || {
        let mut wait = after;
        while told.recv_timeout(wait) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            interrupt.end_planning();
            wait = Duration::from_millis(2);
        }
    });
    move || {
        drop(over);
        ender.join().unwrap();
    }
}

/// On a thread with the stack that DuckDB has in the server.
fn on_a_deep_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(crate::STACK_BYTES).spawn(work);
    thread.unwrap().join().unwrap();
}

#[test]
fn a_planning_ends_wherever_it_is_and_harms_nothing() {
    // How often each is ended; more by hand: `PLANNINGS=1000 cargo test -p altertable-mock-duck planning`.
    let rounds = std::env::var("PLANNINGS").map_or(5_u32, |rounds| rounds.parse().unwrap());
    on_a_deep_stack(move || {
        let probe = Probe::new();
        probe.connection.run("CREATE TABLE kept AS SELECT '7' AS a").unwrap();
        for (what, sql) in long_plans(&probe) {
            for round in 0..rounds {
                // From the first moment on to a second, at another place in each round.
                let after = Duration::from_micros(100).mul_f64(1.6_f64.powf(f64::from(round) * 0.37 % 20.0));
                let begun = Instant::now();
                let over = end_again_and_again(probe.connection.interrupt_handle(), after);
                let outcome = probe.connection.query(&sql);
                over();
                let took = begun.elapsed().saturating_sub(after);
                let error = outcome.expect_err(what);
                assert!(error.message().contains("Out of Memory"), "{what}: {error}");
                assert!(took < Duration::from_secs(2), "{what}: {took:?} after it was told");
                let kept = probe.connection.query("SELECT a FROM kept").unwrap().text_rows().unwrap();
                assert_eq!(kept, [[Some("7".to_owned())]], "{what}");
            }
        }
    });
}

#[test]
fn a_planning_that_is_over_is_not_ended_by_what_comes_late() {
    let probe = Probe::new();
    let over = end_again_and_again(probe.connection.interrupt_handle(), Duration::ZERO);
    drop(over);
    for _ in 0..100 {
        probe.connection.interrupt_handle().end_planning();
        probe.connection.run("SELECT 1").unwrap();
    }
}

//! The session's state machine under every interleaving that shuttle tries: [`Flow`](super::flow::Flow),
//! [`Occupancy`](super::occupancy::Occupancy) and the loops of `pump` are the real ones; connection, spool and tasks are
//! models.
//!
//! Queries of one session run, stream, are paused, drained and resumed, while one of them may be cancelled, its reader may
//! leave, and the session may be closed. Shuttle itself finds deadlocks and readers that wait for ever. Every rule has a
//! fault that breaks it, which the exploration has to find.

mod model;

use std::panic::{AssertUnwindSafe, catch_unwind};

use rstest::rstest;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::Arc;
use shuttle::thread;

use model::{Case, Fault, Session};

/// Everything that happens in one execution, in whatever order shuttle picks.
fn play(case: Case) {
    let session = Session::new(case);
    let mut tasks: Vec<_> = [0, 1]
        .map(|number| {
            let session = Arc::clone(&session);
            thread::spawn(move || session.use_query(number))
        })
        .into();
    if case.cancel {
        let session = Arc::clone(&session);
        tasks.push(thread::spawn(move || session.cancel_first()));
    }
    if case.close {
        let session = Arc::clone(&session);
        tasks.push(thread::spawn(move || {
            session.close();
            assert!(session.is_free(), "a result outlives its session");
        }));
    }
    for task in tasks {
        task.join().unwrap();
    }
    assert!(session.is_free(), "a result is left behind");
}

/// Whether no execution of so many breaks a rule: half of them in random order, half with random priorities and few
/// changes of them, which finds what takes one task that is late for long.
fn holds(case: Case, executions: usize) -> bool {
    let explore = |scheduler: Box<dyn Scheduler + Send>| {
        let mut config = shuttle::Config::new();
        config.failure_persistence = shuttle::FailurePersistence::None;
        let runner = shuttle::Runner::new(scheduler, config);
        catch_unwind(AssertUnwindSafe(|| runner.run(move || play(case)))).is_ok()
    };
    explore(Box::new(RandomScheduler::new(executions / 2)))
        && explore(Box::new(PctScheduler::new(4, executions / 2)))
}

#[rstest]
fn every_reader_gets_its_rows_and_closing_ends(
    #[values(false, true)] cancel: bool,
    #[values(false, true)] close: bool,
    #[values(false, true)] leave: bool,
    #[values(0, 1, 9)] spool: usize,
    #[values(false, true)] waits: bool,
) {
    assert!(holds(Case { cancel, close, leave, spool, waits, fault: None }, 2000));
}

#[rstest]
#[case(Fault::PumpsOutOfTurn, Case { spool: 1, ..Case::default() })]
#[case(Fault::DropsInsteadOfDraining, Case { spool: 9, ..Case::default() })]
#[case(Fault::WakesNobody, Case { spool: 9, ..Case::default() })]
#[case(Fault::NeverResumes, Case { spool: 9, ..Case::default() })]
#[case(Fault::InterruptsAnyone, Case { cancel: true, spool: 9, ..Case::default() })]
#[case(Fault::LeavesResultOnClose, Case { close: true, spool: 9, ..Case::default() })]
#[case(Fault::ServesAfterClose, Case { close: true, spool: 9, ..Case::default() })]
fn a_broken_rule_is_found(#[case] fault: Fault, #[case] case: Case) {
    assert!(!holds(Case { fault: Some(fault), ..case }, 20_000), "{fault:?} goes unnoticed");
}

use std::time::Duration;

use super::*;
use crate::error::ErrorKind;
use crate::journal::{CallStatus, Pattern};

const CALL: FacedCall<'static> = FacedCall {
    door: "lakehouse",
    operation: "POST /query",
    statement: Some("INSERT INTO t VALUES (1)"),
    table: None,
    session: None,
    events: &[],
    head: None,
};

fn everything() -> FaultFilter {
    FaultFilter { doors: vec!["lakehouse"], ..FaultFilter::default() }
}

fn refusal() -> FaultEffects {
    let reply = FaultReply {
        status: CallStatus::Http(503),
        code: None,
        message: String::new(),
        headers: Vec::new(),
        retry_after: None,
        is_fatal: false,
    };
    FaultEffects { end: Some(FaultEnd::Reply(reply)), ..FaultEffects::default() }
}

fn acts(rule: &FaultRule, calls: usize) -> Vec<bool> {
    (0..calls).map(|_| rule.takes(&CALL)).collect()
}

#[test]
fn a_rule_lets_calls_pass_and_ends_when_it_was_told_to() {
    let schedule = FaultSchedule { skip: 2, times: Some(3), ..FaultSchedule::default() };
    let rule = FaultRule::new(everything(), refusal(), schedule, "");
    assert_eq!(acts(&rule, 7), [false, false, true, true, true, false, false]);
    assert_eq!(rule.counts().matched, 7);
}

#[test]
fn draws_repeat_with_their_seed_and_hold_their_part() {
    let rule = |seed| {
        let schedule = FaultSchedule { probability: Some(0.25), seed, ..FaultSchedule::default() };
        FaultRule::new(everything(), refusal(), schedule, "")
    };
    let drawn = acts(&rule(7), 4000);
    assert_eq!(drawn, acts(&rule(7), 4000));
    assert_ne!(drawn, acts(&rule(8), 4000));
    let count = drawn.iter().filter(|acted| **acted).count();
    assert!((850..1150).contains(&count), "{count}");
}

#[test]
fn a_rule_meets_what_all_its_conditions_say() {
    let head = CallHead { path: "/query".to_owned(), fields: vec![("x-a".to_owned(), "1".to_owned())] };
    let events = ["seen".into()];
    let call = FacedCall { head: Some(&head), events: &events, table: Some("t"), ..CALL };
    let matching = FaultFilter {
        operation: Some("POST /query".to_owned()),
        statement: Some(Pattern::new("(?i)^insert").unwrap()),
        path: Some("/query".to_owned()),
        table: Some("t".to_owned()),
        headers: vec![("x-a".to_owned(), "1".to_owned())],
        event: Some("seen".to_owned()),
        ..everything()
    };
    assert!(matching.matches(&call));
    let others = [
        FaultFilter { doors: vec!["flight"], ..matching.clone() },
        FaultFilter { operation: Some("POST".to_owned()), ..matching.clone() },
        FaultFilter { statement: Some(Pattern::new("^SELECT").unwrap()), ..matching.clone() },
        FaultFilter { path: Some("/".to_owned()), ..matching.clone() },
        FaultFilter { table: Some("u".to_owned()), ..matching.clone() },
        FaultFilter { headers: vec![("x-a".to_owned(), "2".to_owned())], ..matching.clone() },
        FaultFilter { event: Some("bought".to_owned()), ..matching.clone() },
        FaultFilter { session: Some(Uuid::nil()), ..matching },
    ];
    assert!(others.iter().all(|other| !other.matches(&call)));
}

#[test]
fn a_fault_that_does_not_show_is_given_back() {
    let effects = FaultEffects { after: Some(FaultAfter::Rows(9)), ..refusal() };
    let schedule = FaultSchedule { times: Some(1), ..FaultSchedule::default() };
    let rule = Arc::new(FaultRule::new(everything(), effects, schedule, ""));
    let faced = || FacedRules::new(vec![Arc::clone(&rule)]);
    let short = faced();
    assert!(short.decide(&CALL).is_some());
    assert!(faced().decide(&CALL).is_none(), "it acts once");
    drop(short);
    assert_eq!(rule.counts().acted, 0);
    let long = faced();
    long.decide(&CALL).unwrap().strikes();
    drop(long);
    assert_eq!(rule.counts().acted, 1);
    assert!(faced().decide(&CALL).is_none());
}

#[test]
fn the_first_rule_that_acts_is_the_one() {
    let once = FaultSchedule { times: Some(1), ..FaultSchedule::default() };
    let rules = FaultRules::new(2);
    let first = Arc::new(FaultRule::new(everything(), refusal(), once, ""));
    let second = Arc::new(FaultRule::new(everything(), refusal(), FaultSchedule::default(), ""));
    rules.add(Arc::clone(&first)).unwrap();
    rules.add(Arc::clone(&second)).unwrap();
    let refused = rules.add(Arc::clone(&second)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
    let acting = |rules: &FaultRules| FacedRules::new(rules.faced()).decide(&CALL).unwrap().id();
    assert_eq!([acting(&rules), acting(&rules)], [first.id(), second.id()]);
    assert!(rules.remove(second.id()) && !rules.remove(second.id()));
    assert_eq!(rules.clear(), 1);
    assert!(rules.faced().is_empty());
}

#[tokio::test]
async fn a_rule_that_goes_lets_go_of_its_calls() {
    let effects = FaultEffects { end: Some(FaultEnd::Hang), ..FaultEffects::default() };
    let rules = FaultRules::new(1);
    let rule = Arc::new(FaultRule::new(everything(), effects, FaultSchedule::default(), ""));
    rules.add(Arc::clone(&rule)).unwrap();
    let faced = FacedRules::new(rules.faced());
    let acting = Arc::clone(faced.decide(&CALL).unwrap());
    let mut waiting = tokio::spawn(async move { acting.waits().await });
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_err());
    rules.clear();
    tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
    // Whoever saw the rule before it went does not meet it any more.
    assert!(FacedRules::new(vec![rule]).decide(&CALL).is_none());
}

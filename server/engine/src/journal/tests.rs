//! What is kept, found and waited for.

use std::time::{Duration, SystemTime};

use rstest::rstest;
use uuid::Uuid;

use super::*;

fn entry(statement: &str, status: CallStatus) -> Arc<JournalEntry> {
    Arc::new(JournalEntry {
        id: Uuid::now_v7(),
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(100),
        door: "lakehouse",
        operation: "POST /query".into(),
        tenant: Some("alice".into()),
        session: None,
        statement: Some(KeptText { text: statement.into(), length: statement.len() }),
        table: None,
        events: Box::default(),
        parameters: Box::default(),
        status,
        error: None,
        rows: None,
        bytes_in: 0,
        bytes_out: 0,
        duration: Duration::ZERO,
        client: None,
        fault: None,
    })
}

fn select(number: usize) -> Arc<JournalEntry> {
    entry(&format!("SELECT {number}"), CallStatus::Http(200))
}

fn texts(entries: &[Arc<JournalEntry>]) -> Vec<&str> {
    entries.iter().map(|entry| &*entry.statement.as_ref().unwrap().text).collect()
}

fn about(pattern: &str) -> Arc<CallFilter> {
    Arc::new(CallFilter { statement: Some(Pattern::new(pattern).unwrap()), ..CallFilter::default() })
}

fn soon(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

#[test]
fn the_latest_are_kept_within_number_and_bytes() {
    let journal = Journal::of(3, 1 << 20);
    (0..5).for_each(|number| journal.push(select(number)));
    assert_eq!(texts(&journal.entries()), ["SELECT 2", "SELECT 3", "SELECT 4"]);
    let each = select(0).size();
    let journal = Journal::new(2 * each as u64);
    (0..9).for_each(|number| journal.push(select(number)));
    assert_eq!((journal.len(), journal.bytes()), (2, 2 * each));
    journal.push(entry(&"x".repeat(4 * each), CallStatus::Http(200)));
    assert_eq!((journal.len(), journal.bytes()), (0, 0));
    journal.push(select(1));
    journal.clear();
    assert_eq!((journal.len(), journal.bytes()), (0, 0));
}

#[tokio::test]
async fn a_span_begins_after_an_entry_even_when_that_was_forgotten() {
    let journal = Journal::of(3, 1 << 20);
    let entries: Vec<_> = (0..5).map(select).collect();
    entries.iter().for_each(|entry| journal.push(Arc::clone(entry)));
    let since = |id| Span { since: Some(Moment::Entry(id)), until: None };
    for (id, found) in [(entries[3].id, 1), (entries[4].id, 0), (entries[0].id, 3), (Uuid::now_v7(), 0)] {
        assert_eq!(journal.find(since(id), &Arc::default()).await.unwrap().len(), found);
    }
    let until = Span { since: None, until: Some(Moment::Entry(entries[3].id)) };
    assert_eq!(texts(&journal.find(until, &Arc::default()).await.unwrap()), ["SELECT 2", "SELECT 3"]);
    let at = |seconds| Moment::Time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    for (since, until, found) in [(99, 101, 3), (100, 101, 3), (101, 102, 0), (99, 100, 0)] {
        let span = Span { since: Some(at(since)), until: Some(at(until)) };
        assert_eq!(journal.find(span, &Arc::default()).await.unwrap().len(), found);
    }
}

#[rstest]
#[case(CallFilter { door: Some("flight".into()), ..CallFilter::default() }, &["door"])]
#[case(CallFilter { operation: Some("POST /query".into()), ..CallFilter::default() }, &[])]
#[case(CallFilter { status: Some("200".into()), ..CallFilter::default() }, &[])]
#[case(CallFilter { status: Some("OK".into()), ..CallFilter::default() }, &["status"])]
#[case(CallFilter { statement: Some(Pattern::new("(?i)select").unwrap()), ..CallFilter::default() }, &[])]
#[case(CallFilter { error: Some(Pattern::new("").unwrap()), ..CallFilter::default() }, &["error"])]
#[case(
    CallFilter { session: Some(Uuid::nil()), event: Some("e".into()), table: Some("t".into()), ..CallFilter::default() },
    &["session", "table", "event"]
)]
fn conditions_are_judged_one_by_one(#[case] filter: CallFilter, #[case] failed: &[&str]) {
    let entry = select(1);
    assert_eq!(filter.failed(&entry), failed);
    assert_eq!(filter.matches(&entry), failed.is_empty());
}

#[tokio::test]
async fn a_wait_counts_what_is_there_and_what_comes() {
    let journal = Arc::new(Journal::new(1 << 20));
    journal.push(select(1));
    let waiting = tokio::spawn({
        let journal = Arc::clone(&journal);
        async move { journal.wait(Span::default(), &about("SELECT"), 3, soon(5_000)).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    journal.push(entry("DROP TABLE t", CallStatus::Http(200)));
    journal.push(select(2));
    journal.push(select(3));
    journal.push(select(4));
    let waited = waiting.await.unwrap();
    assert!(waited.is_enough && waited.missed == 0);
    assert_eq!(texts(&waited.matched), ["SELECT 1", "SELECT 2", "SELECT 3"]);
}

#[tokio::test]
async fn a_wait_in_vain_tells_what_came_nearest() {
    let journal = Journal::new(1 << 20);
    journal.push(select(1));
    journal.push(entry("SELECT 2", CallStatus::Http(500)));
    journal.push(entry("DROP TABLE t", CallStatus::Http(500)));
    let filter =
        Arc::new(CallFilter { status: Some("500".into()), ..CallFilter::clone(&about("^SELECT 1$")) });
    let waited = journal.wait(Span::default(), &filter, 1, soon(30)).await.unwrap();
    assert!(!waited.is_enough && waited.matched.is_empty());
    let nearest = journal.nearest(Span::default(), &filter).await.unwrap();
    let told: Vec<_> = nearest
        .iter()
        .map(|miss| (texts(&[Arc::clone(&miss.entry)])[0].to_owned(), miss.failed.clone()))
        .collect();
    assert_eq!(
        told,
        [
            ("DROP TABLE t".to_owned(), vec!["statement"]),
            ("SELECT 2".to_owned(), vec!["statement"]),
            ("SELECT 1".to_owned(), vec!["status"]),
        ]
    );
}

#[tokio::test]
async fn a_wait_tells_of_what_was_forgotten_before_it_looked() {
    let journal = Journal::of(2, 1 << 20);
    let (mut seen, mut missed) = (None, 0);
    journal.push(select(0));
    assert_eq!(texts(&journal.after(Span::default(), &mut seen, &mut missed)), ["SELECT 0"]);
    (1..6).for_each(|number| journal.push(select(number)));
    assert_eq!(texts(&journal.after(Span::default(), &mut seen, &mut missed)), ["SELECT 4", "SELECT 5"]);
    assert_eq!(missed, 3);
}

#[test]
fn patterns_are_bounded() {
    for bad in ["(", "a{1000}{1000}", &"a".repeat(20_000), r"(a)\1"] {
        assert_eq!(Pattern::new(bad).unwrap_err().kind(), crate::error::ErrorKind::InvalidArgument);
    }
    // A backtracking engine needs hours for this one.
    let explosive = Pattern::new("^(a+)+$").unwrap();
    assert!(!explosive.is_in(Some(&format!("{}b", "a".repeat(16_000)))));
}

#[test]
fn a_text_is_cut_between_characters() {
    assert_eq!((cut(&"é".repeat(10), 5), cut("é", 2), cut("é", 1)), ("éé", "é", ""));
    let kept = KeptText { text: "é".into(), length: 20 };
    assert!(kept.is_cut() && !KeptText { length: 2, ..kept }.is_cut());
}

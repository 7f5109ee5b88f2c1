//! How late an answer may be: fixed bounds on a quiet machine, scaled by an idle twin on a busy one.

use crate::check::Mismatch;
use std::fmt::{self, Display};
use std::time::{Duration, Instant};

/// Of a hundred answers, ninety-nine come within this on a quiet machine.
pub const MOST: Duration = Duration::from_millis(250);

/// And every one within this.
pub const EVERY: Duration = Duration::from_secs(2);

/// What an idle twin needs at most on a quiet machine. One that needs twice as long doubles the bounds.
pub const QUIET: Duration = Duration::from_millis(25);

/// Who has not answered by then does not answer, however busy the machine is.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A question and how it was answered.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The question.
    pub what: &'static str,
    /// When it was asked.
    pub asked: Instant,
    /// How long the answer took.
    pub took: Duration,
    /// Why it is no answer, if it is none.
    pub fault: Option<String>,
}

/// What a number of answers took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many there are.
    pub answers: usize,
    /// Ninety-nine of a hundred took no longer than this.
    pub p99: Duration,
    /// The slowest of all.
    pub worst: Duration,
}

impl Figures {
    /// The figures of these samples.
    pub fn of(samples: &[Sample]) -> Self {
        let mut took: Vec<Duration> = samples.iter().map(|sample| sample.took).collect();
        took.sort_unstable();
        Self {
            answers: took.len(),
            p99: percentile(&took, 99),
            worst: took.last().copied().unwrap_or_default(),
        }
    }

    /// The bound that more than one answer in a hundred has missed, on a machine on which the idle twin took so long.
    pub fn missed(&self, twin: &Self) -> Option<Duration> {
        let most = scaled(MOST, twin.p99);
        (self.answers >= HUNDRED && self.p99 > most).then_some(most)
    }
}

impl Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} answers, p99 {:.1?}, slowest {:.1?}", self.answers, self.p99, self.worst)
    }
}

/// The smallest of the sorted values that so many percent of them do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The bound on this machine, on which the twin took so long.
fn scaled(bound: Duration, twin: Duration) -> Duration {
    bound.mul_f64((twin.as_secs_f64() / QUIET.as_secs_f64()).max(1.0))
}

/// A question that was not answered in time.
#[derive(Debug, Clone)]
pub struct Silence {
    /// The one that was answered latest, or not at all.
    pub sample: Sample,
    bound: Duration,
    server: Figures,
    twin: Figures,
}

/// How many answers it takes for [`MOST`] to say anything: one of a dozen is late by chance.
const HUNDRED: usize = 100;

/// The worst that was seen, if it is out of bounds.
pub fn judge(server: &[Sample], twin: &[Sample]) -> Option<Silence> {
    let (here, there) = (Figures::of(server), Figures::of(twin));
    let silence =
        |sample: &Sample, bound| Silence { sample: sample.clone(), bound, server: here, twin: there };
    let every = scaled(EVERY, there.worst);
    if let Some(unanswered) = server.iter().find(|sample| sample.fault.is_some()) {
        return Some(silence(unanswered, every));
    }
    let slowest = server.iter().max_by_key(|sample| sample.took)?;
    if here.worst > every {
        return Some(silence(slowest, every));
    }
    here.missed(&there).map(|most| silence(slowest, most))
}

impl Silence {
    /// As a place where a case differs from the spec; `others` ran on the server as well when it was silent.
    pub(super) fn told(&self, began: Instant, others: &[String]) -> Mismatch {
        let Self { sample: Sample { what, asked, took, fault }, bound, server, twin } = self;
        let how = fault.as_ref().map(|fault| format!(": {fault}")).unwrap_or_default();
        let when = asked.saturating_duration_since(began);
        let others = match others {
            [] => "nothing else ran on this server".to_owned(),
            others => format!("on this server ran as well: {}", others.join("; ")),
        };
        Mismatch {
            path: Mismatch::SILENT.to_owned(),
            expected: format!("{what} for another tenant within {bound:.1?}"),
            actual: format!(
                "{took:.1?}{how}, asked {when:.1?} after the case began ({server}; idle twin: {twin}); {others}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn samples(millis: &[u64]) -> Vec<Sample> {
        let sample = |took: &u64| Sample {
            what: "GET /health",
            asked: Instant::now(),
            took: Duration::from_millis(*took),
            fault: None,
        };
        millis.iter().map(sample).collect()
    }

    #[rstest]
    #[case::none(0, 0)]
    #[case::of_one_it_is_that_one(1, 1)]
    #[case::of_fewer_than_a_hundred_it_is_the_largest(99, 99)]
    #[case::of_a_hundred_it_is_the_last_but_one(100, 99)]
    #[case::of_a_thousand_ten_may_be_larger(1000, 990)]
    fn the_99th_percentile_is_the_nearest_rank(#[case] count: u64, #[case] expected: u64) {
        let values: Vec<Duration> = (1..=count).map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 99), Duration::from_millis(expected));
    }

    #[rstest]
    #[case::a_quick_twin_narrows_nothing(1, 250)]
    #[case::as_quick_as_on_a_quiet_machine(25, 250)]
    #[case::twice_as_slow(50, 500)]
    #[case::ten_times_as_slow(250, 2500)]
    fn a_slow_twin_widens_the_bounds(#[case] twin: u64, #[case] expected: u64) {
        let scaled = scaled(MOST, Duration::from_millis(twin));
        assert_eq!(scaled.as_micros(), Duration::from_millis(expected).as_micros());
    }

    #[rstest]
    #[case::in_time(&[250], &[3], None)]
    #[case::late_by_chance(&[3, 251], &[3], None)]
    #[case::late_as_the_twin_is(&[251], &[26], None)]
    #[case::silent(&[3, 2001], &[3], Some("within 2.0s"))]
    #[case::silent_beyond_the_twin(&[4001], &[50], Some("within 4.0s"))]
    #[case::no_twin_scales_nothing(&[2001], &[], Some("within 2.0s"))]
    #[case::nothing_was_asked(&[], &[3], None)]
    fn the_worst_answer_is_held_to_the_bounds(
        #[case] server: &[u64],
        #[case] twin: &[u64],
        #[case] expected: Option<&str>,
    ) {
        let told = judge(&samples(server), &samples(twin)).map(|it| it.told(Instant::now(), &[]).expected);
        match (expected, told) {
            (Some(part), Some(told)) => assert!(told.contains(part), "{told}"),
            (expected, told) => assert_eq!(told.as_deref(), expected),
        }
    }

    #[test]
    fn one_of_a_hundred_may_be_late_and_none_silent() {
        let mut server = vec![3; 99];
        server.push(1_999);
        assert!(judge(&samples(&server), &samples(&[3])).is_none());
        server[98] = 251;
        let late = judge(&samples(&server), &samples(&[3])).unwrap();
        assert_eq!(late.bound, MOST);
        assert!(judge(&samples(&server), &samples(&[26])).is_none());
        server[99] = 2_001;
        assert_eq!(judge(&samples(&server), &samples(&[3])).unwrap().bound, EVERY);
    }

    #[test]
    fn no_answer_is_one_however_slow_the_twin_is() {
        let mut server = samples(&[1]);
        server[0].fault = Some("503".to_owned());
        let told = judge(&server, &samples(&[60_000])).unwrap().told(server[0].asked, &["a".to_owned()]);
        assert!(told.actual.contains(": 503") && told.actual.ends_with("ran as well: a"), "{told:?}");
    }
}

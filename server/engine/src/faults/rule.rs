//! A rule: which calls it meets, which of those it acts on, and what it has done so far (FR-1, FR-4).

use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

use super::effects::FaultEffects;
use super::filter::{FacedCall, FaultFilter};

/// One rule.
#[derive(Debug)]
pub struct FaultRule {
    id: Uuid,
    filter: FaultFilter,
    effects: FaultEffects,
    schedule: FaultSchedule,
    /// The rule as it was set, for whoever looks at it.
    told: Box<str>,
    course: Mutex<Course>,
    /// Whether it was removed.
    gone: watch::Sender<bool>,
}

/// On which of the calls that match a rule acts.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaultSchedule {
    /// How often it acts at most.
    pub times: Option<u64>,
    /// How many it lets pass first.
    pub skip: u64,
    /// On how many of the others it acts, as a part of one.
    pub probability: Option<f64>,
    /// What the draws begin with, so that they repeat.
    pub seed: u64,
}

/// What a rule has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// How many calls met its conditions.
    pub matched: u64,
    /// On how many of them its effects showed.
    pub acted: u64,
}

#[derive(Debug)]
struct Course {
    counts: FaultCounts,
    /// How many calls it has taken, of which some may end before it shows.
    taken: u64,
    draws: Draws,
}

impl FaultRule {
    /// A rule that has done nothing yet; `told` is how it was set, in the words of whoever did.
    pub fn new(
        filter: FaultFilter,
        effects: FaultEffects,
        schedule: FaultSchedule,
        told: impl Into<Box<str>>,
    ) -> Self {
        let course = Course { counts: FaultCounts::default(), taken: 0, draws: Draws(schedule.seed) };
        let gone = watch::Sender::new(false);
        let (id, told) = (Uuid::now_v7(), told.into());
        Self { id, filter, effects, schedule, told, course: Mutex::new(course), gone }
    }

    /// Its id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// How it was set.
    pub fn told(&self) -> &str {
        &self.told
    }

    /// What it does.
    pub fn effects(&self) -> &FaultEffects {
        &self.effects
    }

    /// What it has done.
    pub fn counts(&self) -> FaultCounts {
        self.course.lock().counts
    }

    /// Whether it acts on this call; if so, the call is counted as taken.
    pub(super) fn takes(&self, call: &FacedCall<'_>) -> bool {
        if *self.gone.borrow() || !self.filter.matches(call) {
            return false;
        }
        let FaultSchedule { times, skip, probability, .. } = self.schedule;
        let mut course = self.course.lock();
        course.counts.matched += 1;
        if course.counts.matched <= skip || times.is_some_and(|times| course.taken >= times) {
            return false;
        }
        let is_drawn = probability.is_none_or(|part| course.draws.next() < part);
        course.taken += u64::from(is_drawn);
        is_drawn
    }

    /// Its effects show on a call that it has taken.
    pub(super) fn has_struck(&self) {
        self.course.lock().counts.acted += 1;
    }

    /// A call that it has taken ends before they do.
    pub(super) fn gives_back(&self) {
        self.course.lock().taken -= 1;
    }

    /// A part of one, for a delay.
    pub(super) fn draw(&self) -> f64 {
        self.course.lock().draws.next()
    }

    /// Lets go of the calls that it holds.
    pub(super) fn release(&self) {
        self.gone.send_replace(true);
    }

    /// Waits until it is removed.
    pub(super) async fn released(&self) {
        // The sender lives as long as the rule that is borrowed here.
        let _ = self.gone.subscribe().wait_for(|gone| *gone).await;
    }
}

/// SplitMix64: draws that follow from what they begin with.
#[derive(Debug)]
struct Draws(u64);

impl Draws {
    /// The next one, from 0 up to but not 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(u32::MAX);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}

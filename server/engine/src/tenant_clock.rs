//! The time as one tenant has it (CK): the machine's, unless a test has set it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::clock;
use crate::error::{Error, Result};

/// The last instant that a clock shows: the end of the year 9999, in microseconds since 1970.
const LAST: i64 = 253_402_300_799_999_999;

/// The first: the beginning of the year 1.
const FIRST: i64 = -62_135_596_800_000_000;

/// A tenant's clock.
#[derive(Debug, Default)]
pub struct TenantClock {
    /// How often it was changed, for whoever looks whether it was.
    version: AtomicU64,
    course: Mutex<Option<ClockCourse>>,
}

/// How a clock that was set runs: from an instant on, at so many times the machine's pace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockCourse {
    /// The machine's time when it was set, in microseconds since 1970.
    pub(crate) began: i64,
    /// What it showed then.
    pub(crate) shown: i64,
    /// Seconds of its time to one of the machine's; none if it stands.
    pub rate: f64,
}

/// What a clock is set to; what is not given stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ClockSetting {
    /// The time, in microseconds since 1970.
    pub at: Option<i64>,
    /// The pace.
    pub rate: Option<f64>,
}

impl ClockCourse {
    /// What it shows at an instant of the machine's.
    fn at(&self, machine: i64) -> i64 {
        let passed = (machine - self.began) as f64 * self.rate;
        // Beyond the last instant it stands.
        self.shown.saturating_add(passed.round() as i64).clamp(FIRST, LAST)
    }
}

impl TenantClock {
    /// What time it is, in microseconds since 1970.
    pub fn micros(&self) -> i64 {
        let machine = machine();
        if !self.was_set() {
            return machine;
        }
        self.course.lock().map_or(machine, |course| course.at(machine))
    }

    /// What time it is.
    pub(crate) fn now(&self) -> SystemTime {
        if !self.was_set() {
            return clock::now();
        }
        let micros = self.micros();
        let distance = Duration::from_micros(micros.unsigned_abs());
        if micros < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    }

    /// Whether it has ever been set; costs one look.
    pub(crate) fn was_set(&self) -> bool {
        self.version() > 0
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// How it runs, if it is not the machine's.
    pub fn course(&self) -> Option<ClockCourse> {
        *self.course.lock()
    }

    /// As [`course`](Self::course), with the version that this is.
    pub(crate) fn versioned(&self) -> (u64, Option<ClockCourse>) {
        let course = self.course.lock();
        (self.version(), *course)
    }

    /// Sets it. How far it has jumped ahead is returned.
    ///
    /// # Errors
    /// InvalidArgument for a time before the year 1 or after 9999.
    pub fn set(&self, setting: ClockSetting) -> Result<Duration> {
        self.change(|now, rate| Ok((setting.at.unwrap_or(now), setting.rate.unwrap_or(rate))))
    }

    /// Moves it ahead to the instant that `later` makes of what it shows.
    ///
    /// # Errors
    /// As [`set`](Self::set), and `later`'s own.
    pub fn advance(&self, later: impl FnOnce(i64) -> Result<i64>) -> Result<Duration> {
        self.change(|now, rate| Ok((later(now)?, rate)))
    }

    /// Has it show the machine's time again.
    pub fn clear(&self) {
        let mut course = self.course.lock();
        if course.take().is_some() {
            self.version.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn change(&self, to: impl FnOnce(i64, f64) -> Result<(i64, f64)>) -> Result<Duration> {
        let machine = machine();
        let mut course = self.course.lock();
        let (now, rate) = course.map_or((machine, 1.0), |course| (course.at(machine), course.rate));
        let (shown, rate) = to(now, rate)?;
        if !(FIRST..=LAST).contains(&shown) {
            return Err(Error::invalid("a clock shows the years 1 to 9999"));
        }
        *course = Some(ClockCourse { began: machine, shown, rate });
        self.version.fetch_add(1, Ordering::Relaxed);
        Ok(Duration::from_micros(u64::try_from(shown - now).unwrap_or(0)))
    }
}

/// The machine's time, in microseconds since 1970.
fn machine() -> i64 {
    let since = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(LAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_clock_stands_runs_and_jumps() {
        let clock = TenantClock::default();
        assert!((clock.micros() - machine()).abs() < 10 * SECOND);
        let at = 1_000 * SECOND;
        clock.set(ClockSetting { at: Some(at), rate: Some(0.0) }).unwrap();
        assert_eq!(clock.micros(), at);
        assert_eq!(clock.advance(|now| Ok(now + 5 * SECOND)).unwrap(), Duration::from_secs(5));
        assert_eq!(clock.micros(), at + 5 * SECOND);
        assert_eq!(clock.set(ClockSetting { at: Some(0), rate: None }).unwrap(), Duration::ZERO);
        assert_eq!((clock.micros(), clock.now()), (0, UNIX_EPOCH));
        clock.set(ClockSetting { at: None, rate: Some(1e6) }).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        assert!(clock.micros() > 4_000 * SECOND);
        let version = clock.version();
        clock.clear();
        assert!(clock.version() > version && (clock.micros() - machine()).abs() < 10 * SECOND);
    }

    #[test]
    fn a_clock_ends_with_the_year_9999() {
        let clock = TenantClock::default();
        let beyond = ClockSetting { at: Some(LAST + 1), rate: None };
        assert!(clock.set(beyond).is_err() && !clock.was_set());
        clock.set(ClockSetting { at: Some(LAST), rate: Some(1e6) }).unwrap();
        assert_eq!(clock.micros(), LAST);
        assert!(clock.advance(|now| Ok(now + 1)).is_err());
        assert_eq!(clock.micros(), LAST);
    }
}

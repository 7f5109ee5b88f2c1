//! The time: the one reader of the machine's wall clock, and of the monotonic clock that measures how long things take.

use std::time::{Instant, SystemTime};

/// What time it is.
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// A moment from which to measure; no change of the machine's time touches it.
pub fn moment() -> Instant {
    Instant::now()
}

//! The session's time zone: the offset of an instant, remembered over stretches without a transition.

use std::cell::Cell;

use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

/// How long a stretch of constant offset is remembered, in seconds. No zone leaves an offset and returns to it
/// within one: equal offsets at both ends mean a constant one between them.
const STRETCH: i64 = 6 * 3600;

/// A time zone with the offset last looked up.
#[derive(Debug)]
pub(super) struct Zone {
    tz: Tz,
    /// The number of the last stretch of constant offset, and that offset in seconds.
    last: Cell<(i64, i32)>,
}

impl Zone {
    /// The zone of that IANA name in any case, as DuckDB takes them; UTC for a name that is not IANA's.
    pub(super) fn named(name: &str) -> Self {
        let tz = name
            .parse()
            .ok()
            .or_else(|| chrono_tz::TZ_VARIANTS.into_iter().find(|tz| tz.name().eq_ignore_ascii_case(name)));
        Self { tz: tz.unwrap_or(Tz::Etc__UTC), last: Cell::new((i64::MIN, 0)) }
    }

    /// The zone's offset from UTC at an instant, both in seconds.
    pub(super) fn offset_seconds(&self, instant: i64) -> i32 {
        if matches!(self.tz, Tz::Etc__UTC | Tz::UTC) {
            return 0;
        }
        let stretch = instant.div_euclid(STRETCH);
        let (known, offset) = self.last.get();
        if known == stretch {
            return offset;
        }
        let (start, end) = (self.look_up(stretch * STRETCH), self.look_up((stretch + 1) * STRETCH));
        if start != end {
            return self.look_up(instant);
        }
        self.last.set((stretch, start));
        start
    }

    fn look_up(&self, instant: i64) -> i32 {
        // Beyond chrono's range of years the zone's last or first rule is unknown; UTC then.
        DateTime::<Utc>::from_timestamp(instant, 0)
            .map_or(0, |at| self.tz.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembered_offsets_agree_with_fresh_ones_around_transitions() {
        for name in ["Europe/Paris", "America/St_Johns", "Africa/Monrovia", "Pacific/Apia"] {
            let zone = Zone::named(name);
            for step in -30_000..30_000i64 {
                let instant = step * 123_457;
                assert_eq!(zone.offset_seconds(instant), zone.look_up(instant), "{name} at {instant}");
            }
        }
    }

    #[test]
    fn names_are_case_insensitive() {
        assert_eq!(Zone::named("europe/PARIS").offset_seconds(0), 3600);
    }

    #[test]
    fn unknown_names_are_utc() {
        assert_eq!(Zone::named("Nowhere/Land").offset_seconds(0), 0);
    }
}

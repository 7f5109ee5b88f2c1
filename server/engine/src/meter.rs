//! How much of something is held, against its limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::limits::{Limits, Size, limit_exceeded};
use crate::error::{Error, Result};

/// Counts what is held of one thing, and refuses more than its limit.
#[derive(Debug)]
pub struct Meter {
    what: &'static str,
    flag: &'static str,
    in_bytes: bool,
    limit: u64,
    used: AtomicU64,
}

/// A part of what a [`Meter`] counts, given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    meter: Arc<Meter>,
    amount: u64,
}

impl Meter {
    /// Counts things: `what` as an error names them, and the flag that raises their limit.
    pub fn of(what: &'static str, limit: usize, flag: &'static str) -> Arc<Self> {
        Arc::new(Self { what, flag, in_bytes: false, limit: limit as u64, used: AtomicU64::new(0) })
    }

    /// Counts bytes.
    pub fn of_bytes(what: &'static str, limit: u64, flag: &'static str) -> Arc<Self> {
        Arc::new(Self { what, flag, in_bytes: true, limit, used: AtomicU64::new(0) })
    }

    /// Holds `amount` more, until the share is dropped.
    ///
    /// # Errors
    /// LimitExceeded, naming the limit; nothing is held then.
    pub fn take(self: &Arc<Self>, amount: u64) -> Result<Share> {
        let more = |used: u64| used.checked_add(amount).filter(|used| *used <= self.limit);
        match self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more) {
            Ok(_) => Ok(Share { meter: Arc::clone(self), amount }),
            Err(_) => Err(self.exceeded()),
        }
    }

    /// Holds `amount` more whatever the limit, until the share is dropped: it is there already.
    pub fn count(self: &Arc<Self>, amount: u64) -> Share {
        self.used.fetch_add(amount, Ordering::SeqCst);
        Share { meter: Arc::clone(self), amount }
    }

    /// Refuses what would add to it.
    ///
    /// # Errors
    /// LimitExceeded, naming the limit, once as much is held.
    pub fn check_room(&self) -> Result<()> {
        if self.used() < self.limit { Ok(()) } else { Err(self.exceeded()) }
    }

    fn exceeded(&self) -> Error {
        if self.in_bytes {
            limit_exceeded(self.what, Size(self.limit), self.flag)
        } else {
            limit_exceeded(self.what, self.limit, self.flag)
        }
    }

    /// How much is held now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::SeqCst)
    }
}

impl Share {
    /// Makes one share of two of the same meter.
    pub fn add(&mut self, mut other: Self) {
        self.amount += std::mem::take(&mut other.amount);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.meter.used.fetch_sub(self.amount, Ordering::SeqCst);
    }
}

/// What all sessions of a tenant share of their limits.
#[derive(Debug, Clone)]
pub struct TenantMeters {
    /// Statements that clients have prepared.
    pub prepared: Arc<Meter>,
    /// Flight tickets.
    pub tickets: Arc<Meter>,
    /// Bytes of what both hold, texts and the rows bound to statements, and of the rows of late loads.
    pub held: Arc<Meter>,
    /// Statements that were cancelled a while ago and that DuckDB has not let go of.
    pub lingering: Arc<Meter>,
}

impl TenantMeters {
    /// Nothing is held yet.
    pub fn new(limits: &Limits) -> Self {
        let prepared = "the prepared statements of this user";
        let tickets = "the tickets of this user";
        let held = "the texts and rows that this user's tickets, prepared statements and pending loads hold";
        let lingering = "the cancelled statements of this user that have not stopped yet";
        Self {
            prepared: Meter::of(prepared, limits.tenant_prepared, "--tenant-prepared-limit"),
            tickets: Meter::of(tickets, limits.tenant_tickets, "--tenant-ticket-limit"),
            held: Meter::of_bytes(held, limits.tenant_held, "--tenant-held-limit"),
            lingering: Meter::of(lingering, limits.tenant_lingering, "--tenant-lingering-limit"),
        }
    }
}

/// How much is used of a limit, as `/health?verbose=1` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The limit's flag without its dashes, such as `tenant-session-limit`.
    pub name: &'static str,
    /// How much is used, in the limit's unit.
    pub used: u64,
    /// The limit.
    pub limit: u64,
}

impl Usage {
    pub(super) fn new(name: &'static str, used: usize, limit: usize) -> Self {
        Self { name, used: used as u64, limit: limit as u64 }
    }

    pub(super) fn bytes(name: &'static str, used: u64, limit: u64) -> Self {
        Self { name, used, limit }
    }
}

impl From<&Meter> for Usage {
    fn from(meter: &Meter) -> Self {
        Self { name: meter.flag.trim_start_matches('-'), used: meter.used(), limit: meter.limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_share_counts_until_it_is_dropped() {
        let meter = Meter::of("the things", 3, "--thing-limit");
        let mut two = meter.take(2).unwrap();
        let refused = meter.take(2).unwrap_err();
        let text = "Limit exceeded: the things may be at most 3; raise it with --thing-limit";
        assert_eq!((refused.kind(), refused.message()), (ErrorKind::LimitExceeded, text));
        two.add(meter.take(1).unwrap());
        assert_eq!(meter.used(), 3);
        assert!(meter.take(1).is_err() && meter.take(u64::MAX).is_err());
        drop(two);
        assert_eq!(meter.used(), 0);
        assert!(meter.take(3).is_ok());
    }

    #[test]
    fn what_is_there_already_counts_beyond_the_limit() {
        let meter = Meter::of("the things", 1, "--thing-limit");
        assert!(meter.check_room().is_ok());
        let there = (meter.count(1), meter.count(1));
        assert_eq!((meter.used(), meter.check_room().is_err()), (2, true));
        drop(there);
        assert!(meter.check_room().is_ok());
    }

    #[test]
    fn bytes_are_named_as_people_write_them() {
        let refused = Meter::of_bytes("the rows", 8 << 20, "--row-limit").take(1 << 30).unwrap_err();
        assert!(refused.message().contains("at most 8MB; raise it with --row-limit"), "{refused}");
    }
}

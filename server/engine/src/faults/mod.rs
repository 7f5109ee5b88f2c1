//! Faults that a test has set for a tenant (FR): which calls they meet, and what becomes of those.
//!
//! A call finds the rules of its tenant when its credentials are known, which costs it one look at a counter while there are
//! none. What a rule does to an answer is the doors' matter, who know their protocol.

mod acting;
mod effects;
mod filter;
mod rule;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use uuid::Uuid;

pub use self::acting::ActingFault;
pub(crate) use self::acting::FacedRules;
pub use self::effects::{FaultAfter, FaultCut, FaultEffects, FaultEnd, FaultReply};
pub(crate) use self::filter::FacedCall;
pub use self::filter::{CallHead, FaultFilter};
pub use self::rule::{FaultCounts, FaultRule, FaultSchedule};
use crate::error::Result;
use crate::limits::limit_exceeded;

/// The rules of one tenant, in the order in which they were set.
#[derive(Debug)]
pub struct FaultRules {
    most: usize,
    /// How many there are, for calls that look whether there are any.
    count: AtomicUsize,
    rules: Mutex<Vec<Arc<FaultRule>>>,
}

impl FaultRules {
    /// No rules; there may be `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, count: AtomicUsize::new(0), rules: Mutex::default() }
    }

    /// Sets a rule, which comes after those that there are.
    ///
    /// # Errors
    /// LimitExceeded for one too many.
    pub fn add(&self, rule: Arc<FaultRule>) -> Result<()> {
        let mut rules = self.rules.lock();
        if rules.len() >= self.most {
            return Err(limit_exceeded("the fault rules of this user", self.most, "--fault-limit"));
        }
        rules.push(rule);
        self.count.store(rules.len(), Ordering::Relaxed);
        Ok(())
    }

    /// Every rule, in order.
    pub fn all(&self) -> Vec<Arc<FaultRule>> {
        self.rules.lock().clone()
    }

    /// The rule with that id.
    pub fn find(&self, id: Uuid) -> Option<Arc<FaultRule>> {
        self.rules.lock().iter().find(|rule| rule.id() == id).cloned()
    }

    /// Removes a rule and lets go of the calls that it holds; false if there is none with that id.
    pub fn remove(&self, id: Uuid) -> bool {
        let mut rules = self.rules.lock();
        let Some(place) = rules.iter().position(|rule| rule.id() == id) else { return false };
        let removed = rules.remove(place);
        self.count.store(rules.len(), Ordering::Relaxed);
        drop(rules);
        removed.release();
        true
    }

    /// Removes every rule, as [`remove`](Self::remove) does; how many there were.
    pub fn clear(&self) -> usize {
        let mut rules = self.rules.lock();
        let removed = std::mem::take(&mut *rules);
        self.count.store(0, Ordering::Relaxed);
        drop(rules);
        removed.iter().for_each(|rule| rule.release());
        removed.len()
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rules that a call meets which comes in now; none costs no more than a look.
    pub(crate) fn faced(&self) -> Vec<Arc<FaultRule>> {
        if self.is_empty() { Vec::new() } else { self.all() }
    }
}

impl Drop for FaultRules {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests;

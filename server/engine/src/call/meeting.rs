//! How a call meets the rules that a test has set for faults (FR).

use std::sync::Arc;

use uuid::Uuid;

use super::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::faults::{ActingFault, CallHead, FacedCall, FacedRules, FaultCut, FaultRule};

impl Call {
    /// It comes to a tenant, or a project, that has these rules.
    pub fn faces(&self, rules: Vec<Arc<FaultRule>>) {
        if !rules.is_empty() {
            let _ = self.faced.set(Box::new(FacedRules::new(rules)));
        }
    }

    /// Whether there are rules that it may meet.
    pub fn is_faced(&self) -> bool {
        self.faced.get().is_some()
    }

    /// It began so; asked for only where there are rules.
    pub fn begins(&self, head: impl FnOnce() -> CallHead) {
        if let Some(faced) = self.faced.get() {
            faced.begins(head());
        }
    }

    /// It names that session, which it may not find.
    pub fn names_session(&self, session: Uuid) {
        if let Some(faced) = self.faced.get() {
            faced.names_session(session);
        }
    }

    /// Its connection is cut so, which other calls share.
    pub fn is_severed_by(&self, sever: impl Fn(FaultCut) + Send + Sync + 'static) {
        if let Some(faced) = self.faced.get() {
            faced.is_severed_by(Box::new(sever));
        }
    }

    /// Cuts its connection; false if that is to be done by ending its answer.
    pub fn sever(&self, cut: FaultCut) -> bool {
        self.faced.get().is_some_and(|faced| faced.sever(cut))
    }

    /// It is about this statement, which is noted now where there are rules.
    pub fn is_about(&self, statement: &str) {
        if self.is_faced() {
            self.notes.states(statement);
        }
    }

    /// It is about to take effect: what it is about was noted. The rule that acts on it is known from then on, and what
    /// comes before an answer has passed.
    ///
    /// # Errors
    /// Cancelled for a call that is not to take effect, whose answer its door makes of the rule; and for one that was
    /// cancelled meanwhile.
    pub async fn meet(&self) -> Result<()> {
        let Some(faced) = self.faced.get() else { return Ok(()) };
        let operation = self.operation();
        let acting = faced.decide(&FacedCall {
            door: self.door,
            operation: &operation,
            statement: self.notes.statement(),
            table: self.notes.table(),
            session: self.session().or(faced.session()),
            events: self.notes.events(),
            head: faced.head(),
        });
        let Some(acting) = acting else { return Ok(()) };
        tokio::select! {
            biased;
            () = self.cancel.unwanted() => self.cancel.check_wanted()?,
            () = acting.waits() => {}
        }
        if acting.effects().stops_at_once() {
            let message = format!("the fault rule {} of the control plane ended this call", acting.id());
            return Err(Error::new(ErrorKind::Cancelled, message));
        }
        Ok(())
    }

    /// The rule that acts on it, once it has met them.
    pub fn acting(&self) -> Option<&Arc<ActingFault>> {
        self.faced.get()?.acting()
    }

    /// The rule whose effects have shown on it.
    pub(super) fn struck_by(&self) -> Option<Uuid> {
        self.acting().filter(|acting| acting.has_struck()).map(|acting| acting.id())
    }
}

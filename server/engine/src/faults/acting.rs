//! A rule at work on one call.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use uuid::Uuid;

use super::effects::{FaultCut, FaultEffects};
use super::filter::{CallHead, FacedCall};
use super::rule::FaultRule;

/// The rules that a call may meet, from its credentials on.
#[derive(Debug)]
pub(crate) struct FacedRules {
    rules: Vec<Arc<FaultRule>>,
    head: OnceLock<CallHead>,
    session: OnceLock<Uuid>,
    sever: OnceLock<Sever>,
    acting: OnceLock<Option<Arc<ActingFault>>>,
}

/// How a connection is cut that several calls share.
struct Sever(Box<dyn Fn(FaultCut) + Send + Sync>);

impl fmt::Debug for Sever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sever")
    }
}

impl FacedRules {
    pub(crate) fn new(rules: Vec<Arc<FaultRule>>) -> Self {
        let (head, session) = (OnceLock::new(), OnceLock::new());
        Self { rules, head, session, sever: OnceLock::new(), acting: OnceLock::new() }
    }

    pub(crate) fn begins(&self, head: CallHead) {
        let _ = self.head.set(head);
    }

    pub(crate) fn names_session(&self, session: Uuid) {
        let _ = self.session.set(session);
    }

    /// The session that the call names.
    pub(crate) fn session(&self) -> Option<Uuid> {
        self.session.get().copied()
    }

    pub(crate) fn is_severed_by(&self, sever: Box<dyn Fn(FaultCut) + Send + Sync>) {
        let _ = self.sever.set(Sever(sever));
    }

    /// Cuts the call's connection; false if its door has another way.
    pub(crate) fn sever(&self, cut: FaultCut) -> bool {
        let Some(Sever(sever)) = self.sever.get() else { return false };
        sever(cut);
        true
    }

    pub(crate) fn head(&self) -> Option<&CallHead> {
        self.head.get()
    }

    /// The rule that acts, if it is known already.
    pub(crate) fn acting(&self) -> Option<&Arc<ActingFault>> {
        self.acting.get()?.as_ref()
    }

    /// The rule that acts on the call: the first that takes it. It is asked once, and that is when effects show which come
    /// before the answer.
    pub(crate) fn decide(&self, call: &FacedCall<'_>) -> Option<&Arc<ActingFault>> {
        let decided = self.acting.get_or_init(|| {
            let rule = self.rules.iter().find(|rule| rule.takes(call))?;
            Some(Arc::new(ActingFault::new(Arc::clone(rule))))
        });
        decided.as_ref()
    }
}

/// A rule that acts on a call.
#[derive(Debug)]
pub struct ActingFault {
    rule: Arc<FaultRule>,
    has_struck: AtomicBool,
    has_waited: AtomicBool,
    /// Whether as much of the answer was handed on as comes before the effect.
    is_reached: AtomicBool,
}

impl ActingFault {
    fn new(rule: Arc<FaultRule>) -> Self {
        let strikes_later = rule.effects().strikes_later();
        let has_struck = AtomicBool::new(false);
        let acting =
            Self { rule, has_struck, has_waited: AtomicBool::new(false), is_reached: AtomicBool::new(false) };
        if !strikes_later {
            acting.strikes();
        }
        acting
    }

    /// The rule's id.
    pub fn id(&self) -> Uuid {
        self.rule.id()
    }

    /// What it does.
    pub fn effects(&self) -> &FaultEffects {
        self.rule.effects()
    }

    /// Its effects show from now on.
    pub fn strikes(&self) {
        if !self.has_struck.swap(true, Ordering::SeqCst) {
            self.rule.has_struck();
        }
    }

    /// Whether they have.
    pub(crate) fn has_struck(&self) -> bool {
        self.has_struck.load(Ordering::SeqCst)
    }

    /// As much of the answer was handed on as comes before the effect.
    pub fn reaches(&self) {
        self.is_reached.store(true, Ordering::SeqCst);
    }

    /// Whether it was.
    pub fn is_reached(&self) -> bool {
        self.is_reached.load(Ordering::SeqCst)
    }

    /// Waits as long as the call has to before it does anything: once, or until the rule is removed.
    pub(crate) async fn waits(&self) {
        if self.has_waited.swap(true, Ordering::SeqCst) {
            return;
        }
        let FaultEffects { delay, jitter, .. } = self.effects();
        let jitter = jitter.map(|jitter| jitter.mul_f64(self.rule.draw()));
        let delay = delay.unwrap_or_default() + jitter.unwrap_or_default();
        self.pauses(delay).await;
        if self.effects().hangs_at_once() {
            self.released().await;
        }
    }

    /// Pauses for a while, or until the rule is removed.
    pub async fn pauses(&self, pause: Duration) {
        if !pause.is_zero() {
            // Either is the end of it.
            let _ = tokio::time::timeout(pause, self.released()).await;
        }
    }

    /// Waits until the rule is removed, which lets go of its calls.
    pub async fn released(&self) {
        self.rule.released().await;
    }
}

impl Drop for ActingFault {
    fn drop(&mut self) {
        if !self.has_struck.load(Ordering::SeqCst) {
            self.rule.gives_back();
        }
    }
}

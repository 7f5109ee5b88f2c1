//! What becomes of a query when the call that asks for it is dropped, as it is when its client leaves.

use super::cancel::CancelToken;

/// Gives a query up when it is dropped (see [`CancelToken::give_up`]).
pub struct GiveUpOnDrop {
    cancel: Option<CancelToken>,
    give_up: fn(&CancelToken),
}

impl GiveUpOnDrop {
    /// Watches over a query.
    pub fn new(cancel: &CancelToken) -> Self {
        Self { cancel: Some(cancel.clone()), give_up: CancelToken::give_up }
    }

    /// Watches over a query that is planned and no more (see [`CancelToken::give_up_planning`]).
    pub fn of_planning(cancel: &CancelToken) -> Self {
        Self { cancel: Some(cancel.clone()), give_up: CancelToken::give_up_planning }
    }

    /// The query has been answered.
    pub fn answered(mut self) {
        self.cancel = None;
    }
}

impl Drop for GiveUpOnDrop {
    fn drop(&mut self) {
        if let Some(cancel) = &self.cancel {
            (self.give_up)(cancel);
        }
    }
}

/// Cancels a query when it is dropped. Work that has ended is past that.
pub struct CancelOnDrop {
    cancel: CancelToken,
    why: &'static str,
}

impl CancelOnDrop {
    /// Watches over a query; its reader is told `why`.
    pub fn new(cancel: &CancelToken, why: &'static str) -> Self {
        Self { cancel: cancel.clone(), why }
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.cancel.cancel(self.why);
    }
}

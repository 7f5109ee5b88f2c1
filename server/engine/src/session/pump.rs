//! The loops that move the rows of a result off its connection: to the reader while it keeps up, or to a spool when
//! another call needs the connection. What they move, and between which locks, is up to their caller.

use super::flow::{Flow, Produce};

/// The rows of a result, batch by batch.
pub(super) trait Rows {
    type Batch;
    type Error: Clone;

    /// Computes the next batch; `None` at the end.
    fn next(&mut self) -> Result<Option<Self::Batch>, Self::Error>;
}

/// The place that producer and reader share.
pub(super) trait Place<B, S, E> {
    /// Makes a transition, and wakes the reader.
    fn update<T>(&self, transition: impl FnOnce(&mut Flow<B, S, E>) -> T) -> T;

    /// Whether the reader went away.
    fn is_abandoned(&self) -> bool;
}

/// Why a pump stopped.
#[derive(Debug)]
pub(super) enum Pumped<E> {
    /// Rows are left, for later.
    Paused,
    /// Rows may be left, but their reader went away.
    Abandoned,
    /// There are no more rows; the reader is told once the result is gone.
    Ended,
    /// The statement failed; the reader is told once the result is gone.
    Failed(E),
}

/// Computes rows for the reader until enough is ready, the connection is `wanted`, or the rows end. `handed` hears of each
/// batch.
pub(super) fn pump<R: Rows, S>(
    rows: &mut R,
    place: &impl Place<R::Batch, S, R::Error>,
    wanted: impl Fn() -> bool,
    mut handed: impl FnMut(),
) -> Pumped<R::Error> {
    loop {
        if place.is_abandoned() {
            return Pumped::Abandoned;
        }
        let batch = match rows.next() {
            Ok(Some(batch)) => batch,
            Ok(None) => return Pumped::Ended,
            Err(error) => return Pumped::Failed(error),
        };
        let next = place.update(|flow| flow.hand_over(batch, wanted()));
        handed();
        match next {
            Produce::Go => {}
            Produce::Pause => return Pumped::Paused,
            Produce::Drop => return Pumped::Abandoned,
        }
    }
}

/// How far draining a result came.
#[derive(Debug)]
pub(super) enum Drained<E> {
    /// To its end, or its reader went away.
    Whole,
    /// Not to its end: the rest is still to be computed.
    Stopped(E),
    /// The statement failed.
    Failed(E),
}

/// Moves rows by `keep` until they end, no more are taken, or `stop` says why not to go on.
pub(super) fn drain<R: Rows, S>(
    rows: &mut R,
    place: &impl Place<R::Batch, S, R::Error>,
    mut keep: impl FnMut(R::Batch) -> Result<(), R::Error>,
    stop: impl Fn() -> Result<(), R::Error>,
) -> Drained<R::Error> {
    loop {
        if place.is_abandoned() {
            return Drained::Whole;
        }
        if let Err(why) = stop() {
            return Drained::Stopped(why);
        }
        match rows.next() {
            Ok(Some(batch)) => {
                if let Err(full) = keep(batch) {
                    return Drained::Stopped(full);
                }
            }
            Ok(None) => return Drained::Whole,
            Err(error) => return Drained::Failed(error),
        }
    }
}

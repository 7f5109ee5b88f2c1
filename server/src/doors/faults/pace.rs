//! How fast an answer is sent (FR-3: `throttle_bytes_per_s`).

use std::time::Duration;

/// So many pieces a second a slow answer comes in.
const PIECES_PER_SECOND: u64 = 10;

/// How much is sent of an answer that may take so many bytes a second before the next pause.
pub(crate) fn piece(bytes_per_second: u64) -> usize {
    usize::try_from(bytes_per_second.div_ceil(PIECES_PER_SECOND)).unwrap_or(usize::MAX).max(1)
}

/// How long so many bytes take.
pub(crate) fn time_of(bytes: usize, bytes_per_second: u64) -> Duration {
    let nanoseconds = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000_000_000);
    Duration::from_nanos(nanoseconds / bytes_per_second.max(1))
}

//! Work that blocks runs off the async threads, inside the caller's tracing span.

use crate::error::{Error, Result};

/// Runs `work` on a blocking thread and waits for it.
///
/// # Errors
/// `work`'s own error; Internal when it panicked, so that one bad call never takes the process down.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let span = tracing::Span::current();
    let joined = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
    joined.unwrap_or_else(|fault| {
        tracing::error!(%fault, "a call ended in a panic");
        Err(Error::internal("the server failed inside this call; its log has the details"))
    })
}

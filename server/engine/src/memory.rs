//! Holds the process to its memory where DuckDB's allocator cannot be refused (LX-18).
//!
//! A statement that is made of small blocks, such as a histogram of a hundred million values, passes
//! [`duck::limit_memory`] by: C++ does not survive to be refused a small block wherever it asks for one. So the process is
//! looked at, and the statements that run when it holds too much are interrupted.

use std::sync::Weak;
use std::time::Duration;

use crate::engine::Engine;
use crate::limits::{Size, limit_exceeded};
use crate::vitals::resident;

/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What the process comes to hold beside DuckDB: its threads, and what waits to be sent.
const BESIDE: u64 = 256 << 20;

impl Engine {
    /// Interrupts what runs whenever the process holds more than `--memory-limit` and a rest, again and again; ends when the
    /// engine is gone.
    pub async fn guard_memory(engine: Weak<Self>) {
        // A program that has the server inside may be large by itself.
        let beside = resident().saturating_add(BESIDE);
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(engine) = engine.upgrade() else { return };
            let (_, limit) = duck::memory();
            let most = limit.saturating_add(beside);
            if resident() <= most {
                continue;
            }
            // What is free in the allocators counts for nobody.
            let flushed = crate::blocking::run(|_| {
                duck::flush();
                Ok(())
            });
            if flushed.await.is_err() || resident() <= most {
                continue;
            }
            tracing::warn!("the process holds more than --memory-limit: what runs is interrupted");
            for tenant in engine.accounts.all() {
                for session in tenant.sessions().all() {
                    let what = "the memory of all statements that run now";
                    session.cancel_running(limit_exceeded(what, Size(limit), "--memory-limit"));
                }
            }
        }
    }
}

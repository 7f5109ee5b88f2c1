//! Holds the process to its memory where DuckDB's allocator cannot be refused (LX-18).
//!
//! A statement that is made of small blocks, such as a histogram of a hundred million values, passes
//! [`duck::limit_memory`] by: C++ does not survive to be refused a small block wherever it asks for one. So the process is
//! looked at, and the statements that run when it holds too much are interrupted.

use std::sync::Weak;
use std::time::Duration;

use super::Engine;
use super::limits::{Size, limit_exceeded};

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
            let flushed = super::blocking::run(|_| {
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

/// The memory that the process holds, in bytes; none where the system does not tell.
pub(super) fn resident() -> u64 {
    u64::from(resident_kilobytes()) << 10
}

/// The memory that the process holds, in units of 1,024 bytes; none where the system does not tell.
pub(super) fn resident_kilobytes() -> u32 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}

//! What a server holds, in numbers, for whoever watches it (LX-19).

/// What a server holds, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Users whose database is open.
    pub tenants: u64,
    /// Open sessions.
    pub sessions: u64,
    /// Sessions whose statement runs or whose result is being read.
    pub live_queries: u64,
    /// Bytes of rows that wait for their reader outside of DuckDB.
    pub spool_bytes: u64,
    /// Bytes of memory that the process has.
    pub resident_bytes: u64,
}

/// The memory that the process holds, in bytes; none where the system does not tell.
pub(crate) fn resident() -> u64 {
    u64::from(resident_kilobytes()) << 10
}

/// The memory that the process holds, in units of 1,024 bytes; none where the system does not tell.
pub(crate) fn resident_kilobytes() -> u32 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}

//! Any bytes as an Arrow IPC stream or file: loaded, or refused as the client's fault.

#![no_main]

use altertable_mock_fuzz::server::server;
use libfuzzer_sys::fuzz_target;

/// The load, by the first byte of an input.
const LOADS: [&str; 4] = [
    "/append?catalog=memory&schema=main&table=t",
    "/upload?catalog=memory&schema=main&table=t&mode=create",
    "/upload?catalog=memory&schema=main&table=t&mode=create_append",
    "/upsert?catalog=memory&schema=main&table=t&primary_key=id",
];

fuzz_target!(|input: &[u8]| {
    let Some((&kind, body)) = input.split_first() else { return };
    let mut server = server();
    server.begin();
    // Twice, for the second load finds a table that the first has made.
    for _ in 0..2 {
        let path = LOADS[usize::from(kind) % LOADS.len()];
        let answer = server.call(0, "POST", path, "application/vnd.apache.arrow.stream", body);
        let answer = answer.expect("a request");
        assert!(answer.status < 500, "{path}: {}", answer.text());
    }
    server.query(0, "FROM t");
    server.judge();
});

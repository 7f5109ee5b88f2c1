//! Any bytes as JSON, CSV or Parquet, appended or uploaded: loaded, or refused as the client's fault.

#![no_main]

use altertable_mock_fuzz::server::server;
use libfuzzer_sys::fuzz_target;

/// The load and what the body is said to be, by the first byte of an input.
const LOADS: [(&str, &str); 8] = [
    ("/append?catalog=memory&schema=main&table=t", "application/json"),
    ("/upload?catalog=memory&schema=main&table=t&mode=create", "text/csv"),
    ("/upload?catalog=memory&schema=main&table=t&mode=create", "application/json"),
    ("/upload?catalog=memory&schema=main&table=t&mode=create_append", "text/csv"),
    ("/upload?catalog=memory&schema=main&table=t&mode=create_append", "application/json"),
    ("/upsert?catalog=memory&schema=main&table=t&primary_key=id", "text/csv"),
    ("/upsert?catalog=memory&schema=main&table=t&primary_key=id", "application/json"),
    ("/upload?catalog=memory&schema=main&table=t&mode=create", "application/parquet"),
];

fuzz_target!(|input: &[u8]| {
    let Some((&kind, body)) = input.split_first() else { return };
    let (path, content_type) = LOADS[usize::from(kind) % LOADS.len()];
    let mut server = server();
    server.begin();
    // Twice, for the second load finds a table that the first has made.
    for _ in 0..2 {
        let answer = server.call(0, "POST", path, content_type, body).expect("a request");
        assert!(answer.status < 500, "{path}: {}", answer.text());
    }
    server.query(0, "FROM t");
    server.judge();
});

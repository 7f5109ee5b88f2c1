//! Any statement: it changes no setting for the tenant's next session, makes no file, and concerns nobody else.

#![no_main]

use altertable_mock_fuzz::server::server;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sql: &str| {
    let mut server = server();
    server.begin();
    server.judge_settings();
    server.query(0, sql);
    let body = serde_json::json!({ "statement": sql }).to_string();
    for path in ["/validate", "/explain"] {
        let answer = server.call(0, "POST", path, "application/json", body.as_bytes());
        let answer = answer.expect("a request");
        assert!(answer.status < 500, "{path}: {}", answer.text());
    }
    // What was made under a name, if anything was, does no harm either.
    server.query(0, "FROM t");
    server.query(0, "FROM t()");
    server.judge_settings();
    server.judge();
});

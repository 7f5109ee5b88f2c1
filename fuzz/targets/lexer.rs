//! Any text: the lexer counts its statements as DuckDB does, and its first statement is one statement.

#![no_main]

use std::sync::LazyLock;

use altertable_mock_fuzz::duckdb::Parser;
use altertable_mock_fuzz::lexer;
use libfuzzer_sys::fuzz_target;

struct Shared(Parser);
// SAFETY: libFuzzer calls the target from one thread.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

static DUCKDB: LazyLock<Shared> = LazyLock::new(|| Shared(Parser::open()));

fuzz_target!(|sql: &str| {
    let counted = lexer::count_statements(sql) as u64;
    let first = lexer::first_statement(sql);
    let explained = lexer::explained(sql);
    assert_eq!(explained.len(), first.len(), "an explained statement stays in its place");
    let _ = lexer::inserts_plain_values(sql);
    // A PIVOT is expanded to several statements, and a zero byte ends what DuckDB reads.
    if sql.to_ascii_lowercase().contains("pivot") || sql.contains('\0') {
        return;
    }
    let Some(count) = DUCKDB.0.count(sql) else { return };
    assert_eq!(counted, count, "the statements of {sql:?}");
    assert_eq!(DUCKDB.0.count(first), Some(1), "the first statement of {sql:?} is {first:?}");
});

//! Any text: the lexer divides it into statements as DuckDB's parser does.

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

/// Statements that DuckDB expands to several hold one of these.
const EXPANDED: [&str; 6] = ["alter", "pivot", "database", "import", "export", "pragma"];

fuzz_target!(|sql: &str| {
    let first = lexer::first_statement(sql);
    assert_eq!(lexer::explained(sql).len(), first.len(), "an explained statement stays in its place");
    let _ = lexer::inserts_plain_values(sql);
    // A zero byte ends what DuckDB reads.
    if sql.contains('\0') {
        return;
    }
    let Some(count) = DUCKDB.0.count(sql) else { return };
    // Each part is what DuckDB makes of it, and all of them are the whole; DuckDB passes over a part that is one foreign
    // word.
    let parts = parts(sql).map(|part| (part, DUCKDB.0.count(part).unwrap_or(0))).collect::<Vec<_>>();
    let sum = parts.iter().map(|(_, count)| count).sum::<u64>();
    assert_eq!(sum, count, "the statements of {sql:?} are {parts:?}");
    let lower = sql.to_ascii_lowercase();
    if !EXPANDED.iter().any(|word| lower.contains(word)) {
        assert!(parts.iter().all(|(_, count)| *count <= 1), "a statement of {sql:?} is several: {parts:?}");
    }
});

/// The statements of a text, one after another.
fn parts(sql: &str) -> impl Iterator<Item = &str> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        if lexer::count_statements(rest) == 0 {
            return None;
        }
        let first = lexer::first_statement(rest);
        let end = first.as_ptr().addr() - rest.as_ptr().addr() + first.len();
        rest = &rest[end..];
        Some(first)
    })
}

//! Deep JSON, counted by itself and refused by DuckDB. Without the count each query here ends the process on the stack of a
//! test's thread (2 MiB), so that it fails for all to see.

use rstest::rstest;

use super::super::probe::Probe;
use super::beyond;
use crate::types::Fidelity;

/// An expression for JSON of that many levels.
fn nested(levels: usize) -> String {
    format!("(repeat('[', {levels}) || repeat(']', {levels}))")
}

#[rstest]
#[case("json_structure({})")]
#[case("json_structure(json_object('a', {}::JSON))")]
#[case("json_group_structure({}::JSON)")]
#[case("{}::JSON::VARIANT")]
#[case("{}::JSON::VARIANT::JSON")]
#[case("[{}::JSON]::VARIANT")]
#[case("{'a': [{}::JSON]}::VARIANT")]
#[case("MAP {1: {}::JSON}::VARIANT")]
#[case("json_merge_patch('{\"a\":1}', {})")]
#[case("json_transform({}, '\"JSON\"')")]
#[case("json_transform('[]', {})")]
#[case("{}::JSON::VARCHAR[]")]
#[case("json_keys({})")]
fn json_that_nests_too_deeply_is_malformed(#[case] expression: &str) {
    let probe = Probe::new();
    for levels in [1001, 1_000_000] {
        let sql = format!("SELECT {}", expression.replace("{}", &nested(levels)));
        let error = probe.batch(&sql, Fidelity::Exact).expect_err(&sql);
        let message = error.message();
        assert!(
            message.contains("Malformed JSON at byte 1000 of input: nested deeper than 1000 levels"),
            "{sql}: {message}"
        );
    }
}

#[test]
fn json_of_a_thousand_levels_is_json() {
    let probe = Probe::new();
    for sql in [
        format!("SELECT length(json_structure({}))", nested(1000)),
        format!("SELECT variant_typeof({}::JSON::VARIANT)", nested(1000)),
        // Brackets in strings, side by side, or after the value, are no levels.
        "SELECT json_structure('{\"a\\\"\": \"' || repeat('[', 100000) || '\"}')".to_owned(),
        "SELECT json_type('[' || repeat('[],', 100000) || '{}]')".to_owned(),
    ] {
        probe.batch(&sql, Fidelity::Exact).expect(&sql);
    }
    let refused =
        format!("SELECT 1 WHERE NOT json_valid({}) AND TRY_CAST({0} AS JSON) IS NULL", nested(1001));
    let rows = probe.batch(&refused, Fidelity::Exact).expect("json_valid tells, it does not fail").num_rows();
    assert_eq!(rows, 1);
}

#[rstest]
#[case("[[[[]]]]", 3, Some(3))]
#[case(" [{\"a\":[1]}] ", 2, Some(7))]
#[case("[[],[],[],[]]", 2, None)]
#[case("\"[[[[[[[\"", 2, None)]
#[case("[\"\\\"[[[[\"]", 2, None)]
#[case("[\"\\\\\",[[]]]", 2, Some(7))]
#[case("[\"[[[[[[", 2, None)]
#[case("[\"[[[[[\\", 2, None)]
#[case("[]  [[[[]]]]", 2, None)]
#[case("1 [[[[[[]]]]", 2, None)]
#[case("]]]][[[[[[", 2, None)]
fn levels_are_counted_as_the_parser_counts_them(
    #[case] text: &str,
    #[case] limit: usize,
    #[case] expected: Option<usize>,
) {
    assert_eq!(beyond(text.as_bytes(), limit), expected, "{text}");
}

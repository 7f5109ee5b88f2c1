use arrow::array::AsArray;
use rstest::rstest;

use super::super::probe::Probe;
use crate::types::Fidelity;

#[rstest]
#[case("NULL::DECIMAL(10, 2)")]
#[case(
    "NULL::STRUCT(x INTEGER, \"odd name\" VARCHAR, \"select\" DATE, Upper INT, \"1a\" INT, \"a\"\"b\" INT)"
)]
#[case("row(1, 'a')")]
#[case("NULL::INTEGER[]")]
#[case("NULL::INTEGER[3][]")]
#[case("NULL::MAP(VARCHAR, INTEGER)")]
#[case("NULL::UNION(a INTEGER, \"b c\" VARCHAR)")]
#[case("NULL::ENUM('a', 'it''s')")]
#[case("NULL::JSON")]
#[case("NULL::VARIANT")]
#[case("NULL::GEOMETRY")]
#[case("NULL::GEOMETRY('OGC:CRS84')")]
#[case("NULL::BIGNUM")]
#[case("NULL::TIME_NS")]
#[case("NULL::TIMETZ")]
#[case("NULL::TIMESTAMPTZ")]
fn a_type_prints_as_duckdb_prints_it(#[case] expression: &str) {
    check(&format!("SELECT {expression} AS c"));
}

#[test]
fn every_type_prints_as_duckdb_prints_it() {
    check("SELECT * FROM test_all_types()");
}

/// Compares the printed types of a query's columns with DuckDB's `typeof`.
fn check(sql: &str) {
    let probe = Probe::new();
    let columns = probe.for_each_chunk(sql, &[], |_, _| Ok(())).unwrap();
    let ours = columns.iter().map(|column| column.ty.to_string());
    let theirs =
        probe.batch(&format!("SELECT typeof(COLUMNS(*)) FROM ({sql}) LIMIT 1"), Fidelity::Exact).unwrap();
    for (ours, theirs) in ours.zip(theirs.columns()) {
        assert_eq!(ours, theirs.as_string::<i32>().value(0));
    }
}

#[test]
fn the_keywords_are_those_of_duckdb() {
    let batch = Probe::new()
        .batch("SELECT DISTINCT keyword_name FROM duckdb_keywords() ORDER BY 1", Fidelity::Exact)
        .unwrap();
    let theirs = batch.column(0).as_string::<i32>().iter().flatten().collect::<Vec<_>>();
    let ours = include_str!("types/keywords.txt").lines().collect::<Vec<_>>();
    assert_eq!(ours, theirs);
}

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

#[rstest]
#[case(r#"from_json('{}', '{"a":"INTEGER","b' || chr(92) || 'u0000c":"INTEGER","d":"DATE"}')"#, Some("b"))]
#[case(r#"[from_json('{}', '{"b":{"' || chr(92) || 'u0000c":"INTEGER"}}')]"#, Some(""))]
#[case(r#"from_json('{}', '{"x'': NULL}' || chr(92) || 'u0000":"INTEGER"}')"#, Some("x': NULL}"))]
#[case("{'a': {'it''s \"q\"': 1}, 'b': [row(1, 'x')]}", None)]
#[case("NULL::STRUCT(u UNION(a INTEGER), v VARIANT, e ENUM('x'), m MAP(VARCHAR, BLOB), j JSON)", None)]
fn a_name_that_holds_a_nul_is_marked(#[case] expression: &str, #[case] cut: Option<&str>) {
    let probe = Probe::new();
    let columns = probe.for_each_chunk(&format!("SELECT {expression} AS c"), &[], |_, _| Ok(())).unwrap();
    let ty = &columns[0].ty;
    assert_eq!(ty.has_cut_name(), cut.is_some());
    if let Some(name) = cut {
        assert!(format!("{ty:?}").contains(&format!("({:?}, ", format!("{name}\0"))), "{ty:?}");
    }
}

#[test]
fn members_of_an_enum_are_whole() {
    let probe = Probe::new();
    let members = "SELECT CASE i WHEN 3 THEN 'a' || chr(0) || 'b' WHEN 4 THEN chr(0) ELSE 'it''s ' || i END FROM range(70000) t(i)";
    probe.connection.run(&format!("CREATE TYPE e AS ENUM ({members})")).unwrap();
    let sql =
        "SELECT [{'e': x::e}] AS c FROM (VALUES ('a' || chr(0) || 'b'), (chr(0)), ('it''s 69999')) t(x)";
    let text = probe.batch(&format!("SELECT to_json(c)::VARCHAR FROM ({sql})"), Fidelity::Exact).unwrap();
    let expected = [r#"[{"e":"a\u0000b"}]"#, r#"[{"e":"\u0000"}]"#, r#"[{"e":"it's 69999"}]"#];
    assert_eq!(text.column(0).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), expected);
    let batch = probe.batch(sql, Fidelity::Exact).unwrap();
    let structs = batch.column(0).as_list::<i32>().values().as_struct();
    let strings = arrow::compute::cast(structs.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
    let strings: Vec<_> = strings.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    assert_eq!(strings, ["a\0b", "\0", "it's 69999"]);
}

//! The texts that we print ourselves against those that DuckDB casts to.

use arrow::array::AsArray;
use rstest::rstest;

use crate::probe::Probe;
use crate::types::Fidelity;

/// Compares the export of an expression with that of DuckDB's own cast, over some rows with NULL among them.
fn check(expression: &str, cast: &str) {
    let probe = Probe::new();
    let values = format!("SELECT CASE WHEN i % 4 <> 3 THEN {expression} END AS v FROM range(2500) t(i)");
    // A NULL of type VARIANT casts to JSON's null.
    let sql = format!("SELECT v, CASE WHEN v IS NOT NULL THEN v{cast} END FROM ({values})");
    let batch = probe.batch(&sql, Fidelity::Exact).unwrap();
    let (ours, theirs) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_eq!(ours, theirs, "{expression}");
    }
}

#[rstest]
#[case("POINT (1 2)")]
#[case("POINT EMPTY")]
#[case("POINT Z (1 2.5 -3e100)")]
#[case("POINT M (0.0001 1e-5 1e15)")]
#[case("POINT ZM (1e16 123456789.125 0.1 -0)")]
#[case("LINESTRING (1 2, 3 4)")]
#[case("LINESTRING EMPTY")]
#[case("POLYGON ((0 0, 1 0, 1 1, 0 0), (0 0, 0.5 0, 0 0))")]
#[case("POLYGON EMPTY")]
#[case("MULTIPOINT (1 2, EMPTY, 3 4)")]
#[case("MULTILINESTRING ((1 2, 3 4), EMPTY)")]
#[case("MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), EMPTY)")]
#[case("GEOMETRYCOLLECTION (POINT (1 2), GEOMETRYCOLLECTION (LINESTRING (1 2, 3 4)))")]
fn geometries(#[case] wkt: &str) {
    check(&format!("'{wkt}'::GEOMETRY"), "::VARCHAR");
}

#[rstest]
#[case("i % 2 = 0")]
#[case("(i % 100)::TINYINT")]
#[case("-i::SMALLINT")]
#[case("i::INTEGER * 100000")]
#[case("-i * 1000000000000")]
#[case("i::HUGEINT * 1000000000000000000000000000")]
#[case("(i % 256)::UTINYINT")]
#[case("i::UHUGEINT * 100000000000000000000000000000000000")]
#[case("i::FLOAT / 10")]
#[case("i::DOUBLE / 7")]
#[case("i::DOUBLE * 1e18")]
#[case("-1 / pow(10, i % 40)")]
#[case("pow(10.0::DOUBLE, i % 300)")]
#[case("['nan', 'inf', '-inf', '0', '-0', '5e-324', '1e-5', '1e-6', '1e21', '1e22'][i % 10 + 1]::DOUBLE")]
#[case("(i / 10)::DECIMAL(4, 1)")]
#[case("-(i / 3000)::DECIMAL(4, 4)")]
#[case("(i - 1250)::DECIMAL(9, 4)")]
#[case("(i - 1250)::DECIMAL(18, 10)")]
#[case("(i - 1250)::DECIMAL(38, 30)")]
#[case("'text \"' || i || chr(92) || chr((i % 200 + 1)::INTEGER)")]
#[case("repeat('é', (i % 9)::INTEGER)")]
#[case("unhex(printf('%02x', i % 256)) || 'x'::BLOB")]
#[case("md5(i::VARCHAR)::UUID")]
#[case("DATE '0001-01-01' + (i::INTEGER * 700 - 900000)")]
#[case("['infinity', '-infinity', '10000-01-01'][i % 3 + 1]::DATE")]
#[case("TIME '00:00:00' + to_microseconds(i * 34567890)")]
#[case("'01:02:03.000000001'::TIME_NS")]
#[case(
    "['infinity', '-infinity', '0044-03-15 (BC) 01:02:03.5', '1969-12-31 23:59:59.999999'] \
     [i % 4 + 1]::TIMESTAMP"
)]
#[case("make_timestamp(i * 1234567890123)::TIMESTAMP_S")]
#[case("make_timestamp(i * 1234567890123)::TIMESTAMP_MS")]
#[case("make_timestamp_ns(i * 123456789012345 - 1)")]
#[case("make_timestamp(-i * 1234567890123)::TIMESTAMP")]
#[case("['01:02:03+02', '01:02:03.5-02:30', '24:00:00-15:59:59', '00:00:00+00:00:07'][i % 4 + 1]::TIMETZ")]
#[case(
    "to_months((i - 1250)::INTEGER) + to_days((i % 3 - 1)::INTEGER) + \
     to_microseconds((i % 5 - 2) * 3661500000)"
)]
#[case("to_hours(i * 100)")]
#[case("(i * 123456789)::BIGNUM * -1")]
#[case("(i::VARCHAR || '000000000000000000000000000000000000000000')::BIGNUM")]
#[case("bin(i)::BIT")]
#[case("'POINT (1 2)'::GEOMETRY")]
#[case("[i, NULL, i + 1]")]
#[case("[]")]
#[case("{'b': i, 'a': [{'b': 'x'}, NULL], 'odd \" name': NULL}")]
#[case("map([i, -2], ['x', NULL])")]
#[case("json_object('k', i, 'l', json_array(1, 'x', NULL))")]
#[case("['u', 'v'][i % 2 + 1]::ENUM('u', 'v')")]
#[case("array_value(i, 2, 3)")]
#[case("[1::VARIANT, 'x'::VARIANT, [i]::VARIANT]")]
fn variants(#[case] expression: &str) {
    check(&format!("({expression})::VARIANT"), "::JSON::VARCHAR");
}

#[test]
fn constant_and_nested_variants() {
    let probe = Probe::new();
    let sql = "SELECT [v, v], {'v': v}, v FROM (SELECT {'a': [1, 'x'::VARIANT]}::VARIANT AS v), range(3000)";
    let batch = probe.batch(sql, Fidelity::Standard).unwrap();
    let json = "{\"a\":[1,\"x\"]}";
    assert!(batch.column(2).as_string::<i32>().iter().all(|text| text == Some(json)));
    assert!(batch.column(1).as_struct().column(0).as_string::<i32>().iter().all(|text| text == Some(json)));
    let lists = batch.column(0).as_list::<i32>().values();
    assert!(lists.as_string::<i32>().iter().all(|text| text == Some(json)));
    assert_eq!(lists.len(), 6000);
}

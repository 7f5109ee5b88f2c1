mod casts;
pub(crate) mod differential;

use arrow::array::{Array, AsArray, RecordBatch};
use rstest::rstest;

use crate::error::{ErrorKind, Result};
use crate::probe::Probe;
use crate::types::Fidelity;

fn export(sql: &str, fidelity: Fidelity) -> Result<RecordBatch> {
    Probe::new().batch(sql, fidelity)
}

#[rstest]
#[case::uhugeint(
    "340282366920938463463374607431768211455::UHUGEINT",
    "340282366920938463463374607431768211455"
)]
#[case::timetz_ahead("'01:02:03+02:00'::TIMETZ", "01:02:03+02:00")]
#[case::timetz_behind("'01:02:03.5-02:30'::TIMETZ", "01:02:03.500-02:30")]
#[case::timetz_of_seconds("'24:00:00-15:59:59'::TIMETZ", "24:00:00-15:59:59")]
#[case::bits_with_padding("'10101'::BIT", "10101")]
#[case::bits_without_padding("'1010101000001111'::BIT", "1010101000001111")]
#[case::negative_bignum("(-18446744073709551617)::BIGNUM", "-18446744073709551617")]
#[case::zero_bignum("0::BIGNUM", "0")]
#[case::uuid("'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::UUID", "6ba7b810-9dad-11d1-80b4-00c04fd430c8")]
#[case::enumeration("'b'::ENUM('a', 'b')", "b")]
#[case::json("'{\"a\":1}'::JSON", "{\"a\":1}")]
fn exact_text(#[case] expression: &str, #[case] text: &str) {
    let batch = export(&format!("SELECT {expression} UNION ALL SELECT NULL"), Fidelity::Exact).unwrap();
    let column = batch.column(0).as_string::<i32>();
    assert_eq!(column.value(0), text);
    assert!(column.is_null(1));
}

#[test]
fn a_uhugeint_beyond_128_signed_bits_names_its_column() {
    let error = export("SELECT 340282366920938463463374607431768211455::UHUGEINT AS big", Fidelity::Standard);
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.message().starts_with("Column \"big\" of type UHUGEINT: "), "{error}");
}

#[test]
fn every_type_of_duckdb_is_exported() {
    for fidelity in [Fidelity::Standard, Fidelity::Exact] {
        let left_out = match fidelity {
            Fidelity::Standard => "EXCLUDE (uhugeint)",
            Fidelity::Exact => "",
        };
        let batch = export(&format!("SELECT * {left_out} FROM test_all_types()"), fidelity).unwrap();
        assert_eq!(batch.num_rows(), 3);
        for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
            assert!(column.to_data().validate_full().is_ok(), "{field}");
        }
    }
}

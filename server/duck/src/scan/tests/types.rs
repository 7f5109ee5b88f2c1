//! Every Arrow type that FY-7 takes, through DuckDB and back.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::ScalarBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Int8Type, Int32Type, TimeUnit, UnionFields};
use proptest::prelude::*;
use rstest::rstest;

use super::Fixture;
use crate::export::tests::differential::{expression, row_of};
use crate::types::Fidelity;

/// Arrow types beyond FY-2 come back as the FY-2 type of the same values.
#[rstest]
#[case::large_utf8("'text ' || i", DataType::LargeUtf8)]
#[case::utf8_view("repeat('x', (i % 20)::INT)", DataType::Utf8View)]
#[case::large_binary("('b' || i)::BLOB", DataType::LargeBinary)]
#[case::binary_view("repeat('x', (i % 20)::INT)::BLOB", DataType::BinaryView)]
#[case::fixed_binary("('b' || (i % 10))::BLOB", DataType::FixedSizeBinary(2))]
#[case::dictionary(
    "'v' || (i % 9)",
    DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8))
)]
#[case::runs("'v' || (i // 99)", runs(DataType::Utf8))]
#[case::float16("(i % 100)::FLOAT", DataType::Float16)]
#[case::date64("DATE '1969-12-01' + (i % 99)::INT", DataType::Date64)]
#[case::time32s("TIME '00:00:00' + to_seconds(i)", DataType::Time32(TimeUnit::Second))]
#[case::time32ms("TIME '00:00:00' + to_seconds(i)", DataType::Time32(TimeUnit::Millisecond))]
#[case::timestamptz_s("to_timestamp(i)", DataType::Timestamp(TimeUnit::Second, Some("+02:00".into())))]
#[case::timestamptz_ms("to_timestamp(i)", DataType::Timestamp(TimeUnit::Millisecond, Some("+02:00".into())))]
#[case::timestamptz_ns("to_timestamp(i)", DataType::Timestamp(TimeUnit::Nanosecond, Some("+02:00".into())))]
#[case::decimal32("(i % 100)::DECIMAL(9, 2)", DataType::Decimal32(9, 2))]
#[case::decimal64("(i % 100)::DECIMAL(4, 2)", DataType::Decimal64(4, 2))]
#[case::decimal256("(i % 100)::DECIMAL(38, 2)", DataType::Decimal256(38, 2))]
#[case::large_list("range(i % 5)", DataType::LargeList(int64("l")))]
#[case::list_view("range(i % 5)", DataType::ListView(int64("l")))]
#[case::large_list_view("range(i % 5)", DataType::LargeListView(int64("l")))]
fn beyond_fy2(#[case] sql: &str, #[case] ty: DataType) {
    let fixture = Fixture::new();
    let sql = format!("SELECT CASE WHEN i % 7 <> 0 THEN {sql} END AS c FROM range(5000) t(i)");
    let expected = Arc::clone(fixture.probe.batch(&sql, Fidelity::Standard).unwrap().column(0));
    let array: ArrayRef = match &ty {
        DataType::RunEndEncoded(..) => {
            let text: RunArray<Int32Type> = expected.as_string::<i32>().iter().collect();
            Arc::new(text)
        }
        DataType::FixedSizeBinary(_) => {
            let values = expected.as_binary::<i32>().iter();
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, 2).unwrap())
        }
        _ => cast(&expected, &ty).unwrap(),
    };
    let seen = fixture.round_trip(Field::new("c", array.data_type().clone(), true), &array);
    assert_eq!(seen.to_data(), expected.to_data());
}

fn int64(name: &str) -> Arc<Field> {
    Arc::new(Field::new(name, DataType::Int64, true))
}

fn runs(values: DataType) -> DataType {
    let (ends, values) = (Field::new("run_ends", DataType::Int32, false), Field::new("values", values, true));
    DataType::RunEndEncoded(Arc::new(ends), Arc::new(values))
}

#[rstest]
#[case::duration_s(Arc::new(DurationSecondArray::from(vec![Some(3600), None])), "01:00:00")]
#[case::duration_ms(Arc::new(DurationMillisecondArray::from(vec![Some(1500), None])), "00:00:01.5")]
#[case::duration_us(Arc::new(DurationMicrosecondArray::from(vec![Some(-1), None])), "-00:00:00.000001")]
#[case::duration_ns(Arc::new(DurationNanosecondArray::from(vec![Some(1_500_000), None])), "00:00:00.0015")]
#[case::year_month(Arc::new(IntervalYearMonthArray::from(vec![Some(14), None])), "1 year 2 months")]
#[case::day_time(
    Arc::new(IntervalDayTimeArray::from(vec![Some(types::IntervalDayTime::new(3, 500)), None])),
    "3 days 00:00:00.5"
)]
#[case::month_day_nano(
    Arc::new(IntervalMonthDayNanoArray::from(vec![Some(types::IntervalMonthDayNano::new(1, 2, 3000)), None])),
    "1 month 2 days 00:00:00.000003"
)]
fn spans_of_time_are_intervals(#[case] array: ArrayRef, #[case] text: &str) {
    let fixture = Fixture::new();
    let batch = RecordBatch::try_from_iter([("c", array)]).unwrap();
    let guard = fixture.register(&batch.schema(), vec![Ok(batch)]);
    let sql = format!("SELECT c::VARCHAR, typeof(c) FROM {}('{}')", super::SCAN_FUNCTION, guard.token());
    let seen = fixture.probe.batch(&sql, Fidelity::Standard).unwrap();
    assert_eq!(seen.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some(text), None]);
    assert_eq!(seen.column(1).as_string::<i32>().value(0), "INTERVAL");
}

#[test]
fn extension_types_are_json_and_uuid() {
    let fixture = Fixture::new();
    let extension = |name: &str, ty: DataType| {
        Field::new("c", ty, true).with_metadata([("ARROW:extension:name".to_owned(), name.to_owned())].into())
    };
    let bytes = uuid::Uuid::parse_str("6ba7b810-9dad-11d1-80b4-00c04fd430c8").unwrap().into_bytes();
    let uuids: ArrayRef = Arc::new(FixedSizeBinaryArray::from(vec![Some(bytes.as_slice()), None]));
    let seen = fixture.round_trip(extension("arrow.uuid", DataType::FixedSizeBinary(16)), &uuids);
    assert_eq!(
        seen.as_string::<i32>().iter().collect::<Vec<_>>(),
        [Some("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), None]
    );
    let json: ArrayRef = Arc::new(StringArray::from(vec!["{}"]));
    let schema = Arc::new(arrow::datatypes::Schema::new(vec![extension("arrow.json", DataType::Utf8)]));
    let guard =
        fixture.register(&schema, vec![Ok(RecordBatch::try_new(Arc::clone(&schema), vec![json]).unwrap())]);
    let sql = format!("SELECT typeof(c) FROM {}('{}')", super::SCAN_FUNCTION, guard.token());
    assert_eq!(
        fixture.probe.batch(&sql, Fidelity::Standard).unwrap().column(0).as_string::<i32>().value(0),
        "JSON"
    );
}

#[test]
fn a_column_of_nulls_is_varchar() {
    let nulls: ArrayRef = Arc::new(NullArray::new(5));
    let seen = Fixture::new().round_trip(Field::new("c", DataType::Null, true), &nulls);
    assert_eq!((seen.data_type(), seen.null_count()), (&DataType::Utf8, 5));
}

#[test]
fn a_dense_union_is_a_union() {
    let fields = UnionFields::try_new(
        [3, 5],
        [Field::new("i", DataType::Int32, true), Field::new("s", DataType::Utf8, true)],
    )
    .unwrap();
    let children: Vec<ArrayRef> =
        vec![Arc::new(Int32Array::from(vec![Some(7), None])), Arc::new(StringArray::from(vec!["x"]))];
    let offsets = ScalarBuffer::from(vec![0, 0, 1]);
    let array: ArrayRef =
        Arc::new(UnionArray::try_new(fields, vec![3_i8, 5, 3].into(), Some(offsets), children).unwrap());
    let seen = Fixture::new().round_trip(Field::new("c", array.data_type().clone(), false), &array);
    let union = seen.as_union();
    assert_eq!(union.type_ids().to_vec(), [0, 1, 0]);
    assert_eq!(union.child(0).as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(7), None, None]);
    assert_eq!(union.child(1).as_string::<i32>().iter().collect::<Vec<_>>(), [None, Some("x"), None]);
}

#[test]
fn a_dictionary_of_lists_is_a_list() {
    let values: ArrayRef =
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None]), None]));
    let keys = Int8Array::from(vec![Some(0), Some(1), None, Some(0)]);
    let array: ArrayRef =
        Arc::new(DictionaryArray::<Int8Type>::try_new(keys.clone(), Arc::clone(&values)).unwrap());
    let seen = Fixture::new().round_trip(Field::new("c", array.data_type().clone(), true), &array);
    let expected = take(&values, &keys, None).unwrap();
    assert_eq!(format!("{seen:?}"), format!("{expected:?}"));
}

/// The fields of a struct under a NULL struct are NULL for DuckDB, whatever Arrow holds there.
#[test]
fn a_null_struct_has_no_fields() {
    let fixture = Fixture::new();
    let values: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
    let fields = vec![Field::new("a", DataType::Int32, true)].into();
    let array: ArrayRef = Arc::new(StructArray::new(fields, vec![values], Some(vec![true, false].into())));
    let batch = RecordBatch::try_from_iter([("c", array)]).unwrap();
    let guard = fixture.register(&batch.schema(), vec![Ok(batch)]);
    let sql = format!("SELECT c.a FROM {}('{}')", super::SCAN_FUNCTION, guard.token());
    let seen = fixture.probe.batch(&sql, Fidelity::Standard).unwrap();
    assert_eq!(seen.column(0).as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(1), None]);
}

#[test]
fn every_exported_type_comes_back() {
    let fixture = Fixture::new();
    let columns = "* EXCLUDE (uhugeint, geometry, hugeint)";
    let sql = format!("SELECT {columns} FROM test_all_types() CROSS JOIN range(3000)");
    let batch = fixture.probe.batch(&sql, Fidelity::Standard).unwrap();
    for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
        let seen = fixture.round_trip(field.as_ref().clone(), column);
        assert_eq!(seen.to_data(), column.to_data(), "{field}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_values_come_back(expression in expression()) {
        let fixture = Fixture::new();
        let sql = format!("SELECT {} AS c FROM range(5000) t(i)", row_of(&expression));
        let batch = fixture.probe.batch(&sql, Fidelity::Standard).unwrap();
        let seen = fixture.round_trip(batch.schema().field(0).clone(), batch.column(0));
        prop_assert_eq!(seen.to_data(), batch.column(0).to_data());
    }
}

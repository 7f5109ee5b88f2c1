use std::sync::Arc;

use arrow::array::types::IntervalDayTime;
use arrow::array::*;
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::*;
use rstest::rstest;

use super::Value;
use crate::error::ErrorKind;
use crate::probe::Probe;
use crate::types::Fidelity;

/// Binds the first row of a column and compares what DuckDB sees.
fn check(field: &Field, array: &dyn Array, ty: &str, text: Option<&str>) {
    let value = || Value::from_column(field, array, 0).unwrap();
    let batch = Probe::new()
        .bound_batch("SELECT typeof($1), $2::VARCHAR", &[value(), value()], Fidelity::Exact)
        .unwrap();
    assert_eq!(batch.column(0).as_string::<i32>().value(0), ty);
    let seen = batch.column(1).as_string::<i32>();
    assert_eq!(seen.is_valid(0).then(|| seen.value(0)), text);
}

fn field_of(array: &dyn Array) -> Field {
    Field::new("c", array.data_type().clone(), true)
}

fn int32(values: Vec<Option<i32>>) -> ArrayRef {
    Arc::new(Int32Array::from(values))
}

fn texts() -> ArrayRef {
    Arc::new(StringArray::from(vec!["a\0b, and more than twelve bytes"]))
}

#[rstest]
#[case::boolean(Arc::new(BooleanArray::from(vec![true])), "BOOLEAN", "true")]
#[case::int8(Arc::new(Int8Array::from(vec![i8::MIN])), "TINYINT", "-128")]
#[case::int16(Arc::new(Int16Array::from(vec![i16::MIN])), "SMALLINT", "-32768")]
#[case::int32(int32(vec![Some(i32::MIN)]), "INTEGER", "-2147483648")]
#[case::int64(Arc::new(Int64Array::from(vec![i64::MIN])), "BIGINT", "-9223372036854775808")]
#[case::uint8(Arc::new(UInt8Array::from(vec![u8::MAX])), "UTINYINT", "255")]
#[case::uint16(Arc::new(UInt16Array::from(vec![u16::MAX])), "USMALLINT", "65535")]
#[case::uint32(Arc::new(UInt32Array::from(vec![u32::MAX])), "UINTEGER", "4294967295")]
#[case::uint64(Arc::new(UInt64Array::from(vec![u64::MAX])), "UBIGINT", "18446744073709551615")]
#[case::float16(cast(&Float32Array::from(vec![1.5]), &DataType::Float16).unwrap(), "FLOAT", "1.5")]
#[case::float32(Arc::new(Float32Array::from(vec![1.5])), "FLOAT", "1.5")]
#[case::float64(Arc::new(Float64Array::from(vec![0.1])), "DOUBLE", "0.1")]
#[case::decimal32(
    Arc::new(Decimal32Array::from(vec![-125]).with_precision_and_scale(5, 2).unwrap()),
    "DECIMAL(5,2)",
    "-1.25"
)]
#[case::decimal64(
    Arc::new(Decimal64Array::from(vec![-125]).with_precision_and_scale(12, 2).unwrap()),
    "DECIMAL(12,2)",
    "-1.25"
)]
#[case::decimal128(
    Arc::new(Decimal128Array::from(vec![-125]).with_precision_and_scale(4, 2).unwrap()),
    "DECIMAL(4,2)",
    "-1.25"
)]
#[case::decimal256(
    Arc::new(Decimal256Array::from(vec![i256::from_i128(-125)]).with_precision_and_scale(38, 2).unwrap()),
    "DECIMAL(38,2)",
    "-1.25"
)]
#[case::wide_decimal(
    Arc::new(Decimal128Array::from(vec![10_i128.pow(38) - 1]).with_precision_and_scale(38, 0).unwrap()),
    "DECIMAL(38,0)",
    "99999999999999999999999999999999999999"
)]
#[case::utf8(texts(), "VARCHAR", "a\0b, and more than twelve bytes")]
#[case::large_utf8(
    cast(&texts(), &DataType::LargeUtf8).unwrap(),
    "VARCHAR",
    "a\0b, and more than twelve bytes"
)]
#[case::utf8_view(
    cast(&texts(), &DataType::Utf8View).unwrap(),
    "VARCHAR",
    "a\0b, and more than twelve bytes"
)]
#[case::binary(cast(&texts(), &DataType::Binary).unwrap(), "BLOB", "a\\x00b, and more than twelve bytes")]
#[case::large_binary(
    cast(&texts(), &DataType::LargeBinary).unwrap(),
    "BLOB",
    "a\\x00b, and more than twelve bytes"
)]
#[case::binary_view(
    cast(&texts(), &DataType::BinaryView).unwrap(),
    "BLOB",
    "a\\x00b, and more than twelve bytes"
)]
#[case::fixed_binary(Arc::new(FixedSizeBinaryArray::from(vec![b"ab"])), "BLOB", "ab")]
#[case::date32(Arc::new(Date32Array::from(vec![19_000])), "DATE", "2022-01-08")]
#[case::date64(Arc::new(Date64Array::from(vec![-1])), "DATE", "1969-12-31")]
#[case::time32s(Arc::new(Time32SecondArray::from(vec![61])), "TIME", "00:01:01")]
#[case::time32ms(Arc::new(Time32MillisecondArray::from(vec![61_500])), "TIME", "00:01:01.5")]
#[case::time64us(Arc::new(Time64MicrosecondArray::from(vec![61_000_001])), "TIME", "00:01:01.000001")]
#[case::time64ns(
    Arc::new(Time64NanosecondArray::from(vec![61_000_000_001])),
    "TIME_NS",
    "00:01:01.000000001"
)]
#[case::timestamp_s(Arc::new(TimestampSecondArray::from(vec![-1])), "TIMESTAMP_S", "1969-12-31 23:59:59")]
#[case::timestamp_ms(
    Arc::new(TimestampMillisecondArray::from(vec![-1])),
    "TIMESTAMP_MS",
    "1969-12-31 23:59:59.999"
)]
#[case::timestamp_us(
    Arc::new(TimestampMicrosecondArray::from(vec![-1])),
    "TIMESTAMP",
    "1969-12-31 23:59:59.999999"
)]
#[case::timestamp_ns(
    Arc::new(TimestampNanosecondArray::from(vec![-1])),
    "TIMESTAMP_NS",
    "1969-12-31 23:59:59.999999999"
)]
#[case::infinite_timestamp(
    Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX])),
    "TIMESTAMP",
    "infinity"
)]
#[case::timestamptz_s(
    Arc::new(TimestampSecondArray::from(vec![0]).with_timezone("+02:00")),
    "TIMESTAMP WITH TIME ZONE",
    "1970-01-01 00:00:00+00"
)]
#[case::timestamptz_ns(
    Arc::new(TimestampNanosecondArray::from(vec![-1]).with_timezone("UTC")),
    "TIMESTAMP WITH TIME ZONE",
    "1969-12-31 23:59:59.999999+00"
)]
#[case::duration_s(Arc::new(DurationSecondArray::from(vec![3600])), "INTERVAL", "01:00:00")]
#[case::duration_ns(Arc::new(DurationNanosecondArray::from(vec![1_500_000])), "INTERVAL", "00:00:00.0015")]
#[case::interval_year_month(Arc::new(IntervalYearMonthArray::from(vec![14])), "INTERVAL", "1 year 2 months")]
#[case::interval_day_time(
    Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTime::new(3, 500)])),
    "INTERVAL",
    "3 days 00:00:00.5"
)]
#[case::list(
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None])])),
    "INTEGER[]",
    "[1, NULL]"
)]
#[case::empty_list(
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([])])),
    "INTEGER[]",
    "[]"
)]
#[case::large_list(
    Arc::new(LargeListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None])])),
    "INTEGER[]",
    "[1, NULL]"
)]
#[case::fixed_list(
    Arc::new(FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None])], 2)),
    "INTEGER[2]",
    "[1, NULL]"
)]
#[case::dictionary(Arc::new(["x", "y"].into_iter().collect::<DictionaryArray<Int32Type>>()), "VARCHAR", "x")]
#[case::runs(Arc::new(RunArray::<Int32Type>::from_iter(["x", "x"])), "VARCHAR", "x")]
fn an_arrow_value_binds_as_its_duckdb_type(#[case] array: ArrayRef, #[case] ty: &str, #[case] text: &str) {
    check(&field_of(&array), &array, ty, Some(text));
    let null = new_null_array(array.data_type(), 1);
    check(&field_of(&array), &null, ty, None);
}

#[test]
fn a_null_column_binds_as_null() {
    check(&Field::new("c", DataType::Null, true), &NullArray::new(1), "\"NULL\"", None);
}

#[test]
fn extension_types_bind_as_themselves() {
    let extension = |name: &str, ty: DataType| {
        Field::new("c", ty, true).with_metadata([("ARROW:extension:name".to_owned(), name.to_owned())].into())
    };
    let json = StringArray::from(vec!["{\"a\": 1}"]);
    check(&extension("arrow.json", DataType::Utf8), &json, "JSON", Some("{\"a\": 1}"));
    let uuid = FixedSizeBinaryArray::from(vec![&[0x6b; 16]]);
    let text = "6b6b6b6b-6b6b-6b6b-6b6b-6b6b6b6b6b6b";
    check(&extension("arrow.uuid", DataType::FixedSizeBinary(16)), &uuid, "UUID", Some(text));
}

#[rstest]
#[case::sparse(None)]
#[case::dense(Some(vec![0]))]
fn a_union_binds_its_active_member(#[case] offsets: Option<Vec<i32>>) {
    let fields = UnionFields::try_new(
        [3, 5],
        [Field::new("i", DataType::Int32, true), Field::new("s", DataType::Utf8, true)],
    )
    .unwrap();
    let children: Vec<ArrayRef> = vec![int32(vec![None]), Arc::new(StringArray::from(vec!["x"]))];
    let array =
        UnionArray::try_new(fields, vec![5_i8].into(), offsets.map(ScalarBuffer::from), children).unwrap();
    let field = Field::new("c", array.data_type().clone(), false);
    check(&field, &array, "UNION(i INTEGER, s VARCHAR)", Some("x"));
}

#[test]
fn every_exported_value_binds_as_itself() {
    let probe = Probe::new();
    let columns = "* EXCLUDE (uhugeint, geometry, hugeint, interval, time_tz, bit, bignum, uuid)";
    let batch = probe.batch(&format!("SELECT {columns} FROM test_all_types()"), Fidelity::Standard).unwrap();
    for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
        for row in 0..batch.num_rows() {
            let value = Value::from_column(field, column, row).unwrap();
            let back = probe.bound_batch("SELECT $1", &[value], Fidelity::Standard).unwrap();
            assert_eq!(&back.column(0).to_data(), &column.slice(row, 1).to_data(), "{field} row {row}");
        }
    }
}

#[test]
fn a_type_that_duckdb_lacks_is_named() {
    let wide = Decimal256Array::from(vec![i256::ONE]).with_precision_and_scale(50, 2).unwrap();
    let error = Value::from_column(&field_of(&wide), &wide, 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("Decimal256(50, 2)"), "{error}");
}

#[test]
fn an_instant_beyond_microseconds_is_an_error() {
    let array = TimestampSecondArray::from(vec![i64::MAX]).with_timezone("UTC");
    assert_eq!(
        Value::from_column(&field_of(&array), &array, 0).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    let unit = DataType::Timestamp(TimeUnit::Second, Some("UTC".into()));
    assert!(Value::from_column(&Field::new("c", unit.clone(), true), &new_null_array(&unit, 1), 0).is_ok());
}

fn times<T: ArrowPrimitiveType>(value: T::Native) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::from_iter_values([value]))
}

fn zoned(value: i64) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(vec![value]).with_timezone("UTC"))
}

/// A map from the keys, `values` to each.
fn map(keys: &[Option<&str>]) -> ArrayRef {
    let entries = StructArray::new(
        vec![Field::new("keys", DataType::Utf8, true), Field::new("values", DataType::Int32, true)].into(),
        vec![Arc::new(StringArray::from(keys.to_vec())), int32(vec![Some(1); keys.len()])],
        None,
    );
    let field = Field::new("entries", entries.data_type().clone(), false);
    let offsets = OffsetBuffer::from_lengths([keys.len()]);
    Arc::new(MapArray::new(field.into(), offsets, entries, None, false))
}

#[rstest]
#[case::day(times::<Date32Type>(i32::MIN))]
#[case::day_of_millis(times::<Date64Type>(i64::from(i32::MIN) * 86_400_000))]
#[case::day_beyond(times::<Date64Type>(i64::MAX))]
#[case::seconds_of_a_day(times::<Time32SecondType>(86_401))]
#[case::millis_of_a_day(times::<Time32MillisecondType>(-1))]
#[case::micros_of_a_day(times::<Time64MicrosecondType>(86_400_000_001))]
#[case::nanos_of_a_day(times::<Time64NanosecondType>(86_400_000_000_001))]
#[case::seconds(times::<TimestampSecondType>(i64::MIN))]
#[case::more_seconds(times::<TimestampSecondType>(9_223_372_036_855))]
#[case::millis(times::<TimestampMillisecondType>(-9_223_372_022_400_001))]
#[case::micros(times::<TimestampMicrosecondType>(i64::MIN))]
#[case::nanos(times::<TimestampNanosecondType>(i64::MIN))]
#[case::zoned(zoned(i64::MIN))]
#[case::more_zoned(zoned(-9_223_372_022_400_000_001))]
#[case::digits(Arc::new(Decimal128Array::from(vec![1000]).with_precision_and_scale(3, 1).unwrap()))]
#[case::many_digits(Arc::new(Decimal256Array::from(vec![i256::MAX]).with_precision_and_scale(38, 0).unwrap()))]
#[case::inside(Arc::new(ListArray::from_iter_primitive::<Time64MicrosecondType, _, _>([Some([Some(-1)])])))]
#[case::key_twice(map(&[Some("a"), Some("a")]))]
#[case::no_key(map(&[None]))]
fn what_no_value_of_the_type_is_cannot_be_bound(#[case] array: ArrayRef) {
    let error = Value::from_column(&field_of(&array), &array, 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("holds what DuckDB cannot take"), "{error}");
}

#[test]
fn what_is_no_json_cannot_be_bound_as_such() {
    let name = ("ARROW:extension:name".to_owned(), "arrow.json".to_owned());
    let field = Field::new("c", DataType::Utf8, true).with_metadata([name].into());
    let text = StringArray::from(vec!["{"]);
    assert_eq!(Value::from_column(&field, &text, 0).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[rstest]
#[case(times::<Date32Type>(i32::MAX), "DATE", "infinity")]
#[case(times::<Time64MicrosecondType>(86_400_000_000), "TIME", "24:00:00")]
#[case(times::<TimestampNanosecondType>(i64::MAX), "TIMESTAMP_NS", "infinity")]
#[case(times::<TimestampSecondType>(i64::MAX), "TIMESTAMP_S", "infinity")]
#[case(zoned(-i64::MAX), "TIMESTAMP WITH TIME ZONE", "-infinity")]
fn the_ends_of_a_type_bind(#[case] array: ArrayRef, #[case] ty: &str, #[case] text: &str) {
    check(&field_of(&array), &array, ty, Some(text));
}

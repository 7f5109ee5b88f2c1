use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeListArray,
    Float32Array, Float64Array, Int8Array, Int32Array, Int64Array, ListArray, MapArray, RecordBatch,
    StringArray, StructArray, Time64MicrosecondArray, Time64NanosecondArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, TimestampSecondArray, UInt64Array, UnionArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema, UnionFields};
use rstest::rstest;

use super::*;
use duck::types::{LogicalType as T, ResultShape};

fn shape_and_batch(columns: Vec<(&str, T, ArrayRef)>) -> (ResultShape, RecordBatch) {
    let fields: Vec<_> =
        columns.iter().map(|(name, _, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.iter().map(|(_, _, array)| Arc::clone(array)).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let columns = columns.into_iter().map(|(name, ty, _)| Column { name: name.to_owned(), ty }).collect();
    (ResultShape { columns, schema }, batch)
}

fn encoded(mut encoder: impl Encode, batch: &RecordBatch) -> String {
    let mut out = Vec::new();
    encoder.header(&mut out);
    assert_eq!(encoder.rows(batch, 0, usize::MAX, &mut out).unwrap(), batch.num_rows());
    String::from_utf8(out).unwrap()
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn ints(values: &[Option<i32>]) -> ArrayRef {
    Arc::new(Int32Array::from(values.to_vec()))
}

fn field(name: &str, ty: DataType) -> Arc<Field> {
    Arc::new(Field::new(name, ty, true))
}

fn decimals(values: Vec<i128>, precision: u8, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap())
}

fn list() -> ArrayRef {
    let rows = vec![Some(vec![Some(1), None]), Some(vec![]), None, Some(vec![Some(3)])];
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows))
}

fn array() -> ArrayRef {
    let rows = vec![Some(vec![Some(1), Some(2)]), None, Some(vec![Some(3), None])];
    Arc::new(FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(rows, 2))
}

fn structure(names: [&str; 2], nulls: Vec<bool>) -> ArrayRef {
    let fields = Fields::from(vec![field(names[0], DataType::Int32), field(names[1], DataType::Utf8)]);
    let columns = vec![ints(&[Some(1), None, None]), text(&[Some("x\"y"), Some("z"), None])];
    Arc::new(StructArray::new(fields, columns, Some(NullBuffer::from(nulls))))
}

fn map(keys: ArrayRef) -> ArrayRef {
    let fields = Fields::from(vec![
        Arc::new(Field::new("key", keys.data_type().clone(), false)),
        field("value", DataType::Int32),
    ]);
    let entries = StructArray::new(fields, vec![keys, ints(&[Some(1), None, Some(3)])], None);
    let entries_field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let nulls = NullBuffer::from(vec![true, true, false, true]);
    let offsets = OffsetBuffer::new(vec![0, 2, 2, 2, 3].into());
    Arc::new(MapArray::new(entries_field, offsets, entries, Some(nulls), false))
}

fn union() -> ArrayRef {
    let fields =
        UnionFields::try_new([0, 1], [field("n", DataType::Int32), field("s", DataType::Utf8)]).unwrap();
    let children = vec![ints(&[Some(1), None, None]), text(&[None, Some("a\nb"), None])];
    Arc::new(UnionArray::try_new(fields, ScalarBuffer::from(vec![0i8, 1, 0]), None, children).unwrap())
}

fn boxed(ty: T) -> Box<T> {
    Box::new(ty)
}

#[rstest]
#[case::boolean(T::Boolean, Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])), "true null false")]
#[case::tinyint(T::TinyInt, Arc::new(Int8Array::from(vec![i8::MIN, i8::MAX])), "-128 127")]
#[case::bigint(T::BigInt, Arc::new(Int64Array::from(vec![Some(i64::MIN), None])), "-9223372036854775808 null")]
#[case::ubigint(T::UBigInt, Arc::new(UInt64Array::from(vec![u64::MAX])), "18446744073709551615")]
#[case::hugeint(T::HugeInt, decimals(vec![i128::MAX], 38, 0), "170141183460469231731687303715884105727")]
#[case::uhugeint(T::UHugeInt, text(&[Some("340282366920938463463374607431768211455")]), "340282366920938463463374607431768211455")]
#[case::bignum(T::BigNum, text(&[Some("-1234567890123456789012345678901234567890123"), None]), "-1234567890123456789012345678901234567890123 null")]
#[case::decimal(T::Decimal { width: 10, scale: 2 }, decimals(vec![150, -5], 10, 2), "1.50 -0.05")]
#[case::float(T::Float, Arc::new(Float32Array::from(vec![0.1, f32::NAN])), "0.1 null")]
#[case::double(T::Double, Arc::new(Float64Array::from(vec![1.0, f64::INFINITY, -0.25])), "1.0 null -0.25")]
#[case::varchar(T::Varchar, text(&[Some("a\"b"), None, Some("")]), r#""a\"b" null """#)]
#[case::enumeration(T::Enum(["a".to_owned()].into()), text(&[Some("a")]), r#""a""#)]
#[case::uuid(T::Uuid, text(&[Some("6f3f1b0a-0000-4000-8000-000000000000")]), r#""6f3f1b0a-0000-4000-8000-000000000000""#)]
#[case::bit(T::Bit, text(&[Some("0101")]), r#""0101""#)]
#[case::blob(T::Blob, Arc::new(BinaryArray::from(vec![&b"\x00\xAb"[..], b""])), r#""00ab" """#)]
#[case::date(T::Date, Arc::new(Date32Array::from(vec![Some(19_737), None])), r#""2024-01-15" null"#)]
#[case::time(T::Time, Arc::new(Time64MicrosecondArray::from(vec![3_723_123_456])), r#""01:02:03.123456""#)]
#[case::time_ns(T::TimeNs, Arc::new(Time64NanosecondArray::from(vec![3_723_000_000_001])), r#""01:02:03.000000001""#)]
#[case::time_tz(T::TimeTz, text(&[Some("01:02:03+02")]), r#""01:02:03+02:00""#)]
#[case::timestamp(T::Timestamp, Arc::new(TimestampMicrosecondArray::from(vec![1_705_326_300_000_000])), r#""2024-01-15T13:45:00""#)]
#[case::timestamp_s(T::TimestampS, Arc::new(TimestampSecondArray::from(vec![1_705_326_300])), r#""2024-01-15T13:45:00""#)]
#[case::timestamp_ns(T::TimestampNs, Arc::new(TimestampNanosecondArray::from(vec![1])), r#""1970-01-01T00:00:00.000000001""#)]
#[case::timestamp_tz(
    T::TimestampTz,
    Arc::new(TimestampMicrosecondArray::from(vec![1_705_326_300_000_000]).with_timezone("Asia/Tokyo")),
    r#""2024-01-15T22:45:00+09:00""#
)]
#[case::interval(T::Interval, text(&[Some("1 mons 2 days")]), r#""1 mons 2 days""#)]
#[case::json(T::Json, text(&[Some(r#"{"n":1.10}"#), Some("{")]), r#"{"n":1.10} "{""#)]
#[case::variant(T::Variant, text(&[Some("[1]")]), "[1]")]
#[case::other(T::Other("GEOMETRY".to_owned()), text(&[Some("POINT (1 2)")]), r#""POINT (1 2)""#)]
#[case::list(T::List(boxed(T::Integer)), list(), "[1,null] [] null [3]")]
#[case::sliced_list(T::List(boxed(T::Integer)), list().slice(2, 2), "null [3]")]
#[case::array(T::Array(boxed(T::Integer), 2), array(), "[1,2] null [3,null]")]
#[case::sliced_array(T::Array(boxed(T::Integer), 2), array().slice(2, 1), "[3,null]")]
#[case::structure(
    T::Struct(vec![("a".to_owned(), T::Integer), ("q\"".to_owned(), T::Varchar)]),
    structure(["a", "q\""], vec![true, true, false]),
    r#"{"a":1,"q\"":"x\"y"} {"a":null,"q\"":"z"} null"#
)]
#[case::tuple(
    T::Struct(vec![(String::new(), T::Integer), (String::new(), T::Varchar)]),
    structure(["", ""], vec![true, false, true]),
    r#"[1,"x\"y"] null [null,null]"#
)]
#[case::map(T::Map(boxed(T::Varchar), boxed(T::Integer)), map(text(&[Some("a"), Some("\""), Some("c")])), r#"{"a":1,"\"":null} {} null {"c":3}"#)]
#[case::map_with_other_keys(
    T::Map(boxed(T::Integer), boxed(T::Integer)),
    map(ints(&[Some(7), Some(8), Some(9)])),
    r#"{"7":1,"8":null} {} null {"9":3}"#
)]
#[case::union(T::Union(vec![("n".to_owned(), T::Integer), ("s".to_owned(), T::Varchar)]), union(), r#"1 "a\nb" null"#)]
fn values_are_written(#[case] ty: T, #[case] array: ArrayRef, #[case] expected: &str) {
    let (shape, batch) = shape_and_batch(vec![("v", ty, array)]);
    let lines = encoded(Ndjson::new(&shape, ColumnsLine::Typed), &batch);
    let values: Vec<_> = lines.lines().skip(1).map(|line| &line[1..line.len() - 1]).collect();
    assert_eq!(values.join(" "), expected);
}

fn sample() -> (ResultShape, RecordBatch) {
    shape_and_batch(vec![
        ("id", T::Integer, ints(&[Some(1), None, Some(3)])),
        ("na\"me", T::Varchar, text(&[Some("a,b"), Some(""), Some("c")])),
        (
            "at",
            T::TimestampTz,
            Arc::new(TimestampMicrosecondArray::from(vec![0, 1_000, 2]).with_timezone("Etc/UTC")),
        ),
    ])
}

#[test]
fn ndjson_names_the_columns_then_lists_rows() {
    let (shape, batch) = sample();
    assert_eq!(
        encoded(Ndjson::new(&shape, ColumnsLine::Typed), &batch),
        concat!(
            r#"[{"name":"id","type":"INTEGER"},{"name":"na\"me","type":"VARCHAR"},{"name":"at","type":"TIMESTAMP WITH TIME ZONE"}]"#,
            "\n",
            "[1,\"a,b\",\"1970-01-01T00:00:00Z\"]\n",
            "[null,\"\",\"1970-01-01T00:00:00.001Z\"]\n",
            "[3,\"c\",\"1970-01-01T00:00:00.000002Z\"]\n",
        )
    );
}

#[test]
fn legacy_line_two_is_bare_names() {
    let (shape, batch) = sample();
    let lines = encoded(Ndjson::new(&shape, ColumnsLine::Names), &batch.slice(0, 0));
    assert_eq!(lines, "[\"id\",\"na\\\"me\",\"at\"]\n");
}

#[test]
fn jsonl_is_one_object_per_row() {
    let (shape, batch) = sample();
    assert_eq!(
        encoded(Jsonl::new(&shape), &batch.slice(0, 1)),
        "{\"id\":1,\"na\\\"me\":\"a,b\",\"at\":\"1970-01-01T00:00:00Z\"}\n"
    );
}

#[test]
fn csv_quotes_what_needs_it() {
    let (shape, batch) = sample();
    assert_eq!(
        encoded(Csv::new(&shape), &batch),
        concat!(
            "id,\"na\"\"me\",at\r\n",
            "1,\"a,b\",1970-01-01T00:00:00Z\r\n",
            ",\"\",1970-01-01T00:00:00.001Z\r\n",
            "3,c,1970-01-01T00:00:00.000002Z\r\n",
        )
    );
}

#[test]
fn csv_nested_values_are_json() {
    let (shape, batch) = shape_and_batch(vec![("l", T::List(boxed(T::Integer)), list())]);
    assert_eq!(encoded(Csv::new(&shape), &batch), "l\r\n\"[1,null]\"\r\n[]\r\n\r\n[3]\r\n");
}

#[test]
fn a_full_buffer_stops_at_a_row() {
    let (shape, batch) = sample();
    let mut encoder = Ndjson::new(&shape, ColumnsLine::Typed);
    let mut out = Vec::new();
    assert_eq!(encoder.rows(&batch, 0, 1, &mut out).unwrap(), 1);
    assert_eq!(encoder.rows(&batch, 1, usize::MAX, &mut out).unwrap(), 3);
    assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 3);
}

#[test]
fn an_array_of_the_wrong_kind_is_our_fault() {
    let (shape, batch) = shape_and_batch(vec![("v", T::BigInt, text(&[Some("1")]))]);
    let error = Ndjson::new(&shape, ColumnsLine::Typed).rows(&batch, 0, 1, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), engine::ErrorKind::Internal);
    assert_eq!(error.message(), "a BIGINT column arrived as Arrow Utf8");
}

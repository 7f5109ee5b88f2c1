mod types;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};

use super::{SCAN_FUNCTION, ScanGuard, ScanRegistry};
use crate::error::{Error, ErrorKind, Result};
use crate::probe::Probe;
use crate::types::Fidelity;

/// An instance with the table function.
struct Fixture {
    probe: Probe,
    registry: ScanRegistry,
}

impl Fixture {
    fn new() -> Self {
        let probe = Probe::new();
        let registry = ScanRegistry::install(&probe.connection).unwrap();
        Self { probe, registry }
    }

    fn register(&self, schema: &Arc<Schema>, batches: Vec<Result<RecordBatch>>) -> ScanGuard {
        self.registry.register(Arc::clone(schema), Box::new(batches.into_iter())).unwrap()
    }

    fn scan(&self, guard: &ScanGuard) -> Result<RecordBatch> {
        self.probe.batch(&format!("FROM {SCAN_FUNCTION}('{}')", guard.token()), Fidelity::Standard)
    }

    /// What DuckDB has after it read a column in two batches.
    fn round_trip(&self, field: Field, array: &ArrayRef) -> ArrayRef {
        let schema = Arc::new(Schema::new(vec![field]));
        let cut = array.len() / 2;
        let halves = [array.slice(0, cut), array.slice(cut, array.len() - cut)];
        let batches = halves.map(|half| Ok(RecordBatch::try_new(Arc::clone(&schema), vec![half]).unwrap()));
        let guard = self.register(&schema, batches.into());
        let batch = self.scan(&guard).unwrap();
        assert_eq!(guard.rows(), array.len() as u64);
        Arc::clone(batch.column(0))
    }
}

fn numbers(values: std::ops::Range<i64>) -> Result<RecordBatch> {
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
    Ok(RecordBatch::try_from_iter([("i", values)]).unwrap())
}

fn number_schema() -> Arc<Schema> {
    numbers(0..0).unwrap().schema()
}

#[test]
fn rows_keep_the_order_of_the_stream() {
    let fixture = Fixture::new();
    let batches = vec![numbers(0..5000), numbers(5000..5000), numbers(5000..5001), numbers(5001..20_000)];
    let guard = fixture.register(&number_schema(), batches);
    fixture
        .probe
        .batch(&format!("CREATE TABLE t AS FROM {SCAN_FUNCTION}('{}')", guard.token()), Fidelity::Standard)
        .unwrap();
    let stored = fixture.probe.batch("SELECT i FROM t", Fidelity::Standard).unwrap();
    assert_eq!(
        stored.column(0).as_primitive::<Int64Type>().values().to_vec(),
        (0..20_000).collect::<Vec<_>>()
    );
    assert_eq!(guard.rows(), 20_000);
}

#[test]
fn an_error_of_the_reader_fails_the_query_and_keeps_its_kind() {
    let fixture = Fixture::new();
    let broken = Error::of_reader(std::io::Error::other("the stream broke\0 off"));
    let guard = fixture.register(&number_schema(), vec![numbers(0..3000), Err(broken.clone())]);
    let sql = format!("CREATE TABLE t AS FROM {SCAN_FUNCTION}('{}')", guard.token());
    let seen = fixture.probe.batch(&sql, Fidelity::Standard).unwrap_err();
    assert!(seen.message().contains("the stream broke"), "{seen}");
    let told = guard.take_error().unwrap();
    let cause = told.cause().unwrap() as &dyn std::error::Error;
    assert!(cause.is::<std::io::Error>() && told.message() == broken.message(), "{told:?}");
    assert!(fixture.probe.batch("FROM t", Fidelity::Standard).is_err(), "nothing may remain");
}

#[test]
fn a_panic_of_the_reader_fails_the_query_alone() {
    let fixture = Fixture::new();
    let reader = std::iter::from_fn(|| -> Option<Result<RecordBatch>> { panic!("reader") });
    let guard = fixture.registry.register(number_schema(), Box::new(reader)).unwrap();
    assert!(fixture.scan(&guard).is_err());
    assert_eq!(guard.take_error().unwrap().kind(), ErrorKind::Internal);
}

#[test]
fn a_reader_is_read_once_and_gone_with_its_guard() {
    let fixture = Fixture::new();
    let guard = fixture.register(&number_schema(), vec![numbers(0..3)]);
    assert_eq!(fixture.scan(&guard).unwrap().num_rows(), 3);
    assert!(fixture.scan(&guard).unwrap_err().message().contains("has ended"));
    let sql = format!("FROM {SCAN_FUNCTION}('{}')", guard.token());
    drop(guard);
    assert!(fixture.probe.batch(&sql, Fidelity::Standard).unwrap_err().message().contains("has ended"));
}

#[test]
fn a_reader_is_unknown_to_other_instances() {
    let (ours, theirs) = (Fixture::new(), Fixture::new());
    let guard = ours.register(&number_schema(), vec![numbers(0..3)]);
    assert!(theirs.scan(&guard).is_err());
}

#[test]
fn an_unsupported_column_is_named() {
    let schema = Schema::new(vec![Field::new("wide", DataType::Decimal256(60, 2), true)]);
    let error = Fixture::new().registry.register(Arc::new(schema), Box::new(std::iter::empty())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("\"wide\""), "{error}");
}

#[test]
fn a_value_out_of_range_names_its_column() {
    let fixture = Fixture::new();
    let decimals = arrow::array::Decimal128Array::from(vec![12_345]).with_precision_and_scale(4, 1).unwrap();
    let decimals: ArrayRef = Arc::new(decimals);
    let batch = RecordBatch::try_from_iter([("d", decimals)]).unwrap();
    let guard = fixture.register(&batch.schema(), vec![Ok(batch)]);
    assert!(fixture.scan(&guard).is_err());
    let error = guard.take_error().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.message().starts_with("Column \"d\": "), "{error}");
}

#[test]
fn a_batch_of_other_columns_is_refused() {
    let fixture = Fixture::new();
    let two: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("i", Arc::clone(&two)), ("j", two)]).unwrap();
    let guard = fixture.register(&number_schema(), vec![Ok(batch)]);
    assert!(fixture.scan(&guard).is_err());
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("i", narrow)]).unwrap();
    let guard = fixture.register(&number_schema(), vec![Ok(batch)]);
    assert!(fixture.scan(&guard).is_err());
}

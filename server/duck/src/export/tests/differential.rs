//! Our export against DuckDB's own, over queries that leave vectors in every state: the two agree wherever
//! DuckDB's loses nothing.

use std::ffi::CString;
use std::ptr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StructArray, make_array};
use arrow::compute::cast;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use libduckdb_sys as ffi;
use proptest::prelude::*;
use rstest::rstest;

use super::super::BatchBuilder;
use crate::Chunk;
use crate::probe::{Probe, shape};
use crate::type_handle::TypeHandle;
use crate::types::{Column, Fidelity};

/// Checks every chunk of a query.
fn check(probe: &Probe, sql: &str) {
    let mut options = ptr::null_mut();
    // SAFETY: the connection is live, and the options are destroyed below.
    unsafe { ffi::duckdb_connection_get_arrow_options(probe.connection.raw(), &mut options) };
    let compare = |columns: &Arc<[Column]>, chunk: &Chunk| {
        let mut builder = BatchBuilder::new(&shape(columns, Fidelity::Standard), Fidelity::Standard);
        // Twice, so that the second copy starts at an offset.
        builder.append_chunk(chunk)?;
        builder.append_chunk(chunk)?;
        let ours = builder.finish()?;
        // SAFETY: the chunk is live and has these columns.
        let theirs = unsafe { duckdb_export(options, columns, chunk.raw()) };
        for (i, (ours, theirs)) in ours.columns().iter().zip(theirs).enumerate() {
            let theirs = cast(&theirs, ours.data_type()).unwrap().to_data();
            for half in [0, chunk.rows()] {
                assert_eq!(ours.slice(half, chunk.rows()).to_data(), theirs, "{sql}: column {i}");
            }
        }
        Ok(())
    };
    let outcomes = [probe.for_each_chunk(sql, &[], compare), probe.for_each_stored_chunk(sql, compare)];
    // SAFETY: destroyed once.
    unsafe { ffi::duckdb_destroy_arrow_options(&mut options) };
    for outcome in outcomes {
        assert!(outcome.is_ok(), "{sql}: {outcome:?}");
    }
}

/// The chunk by DuckDB's own export.
unsafe fn duckdb_export(
    options: ffi::duckdb_arrow_options,
    columns: &[Column],
    chunk: ffi::duckdb_data_chunk,
) -> Vec<ArrayRef> {
    let types = columns.iter().map(|column| TypeHandle::new(&column.ty).unwrap()).collect::<Vec<_>>();
    let mut types = types.iter().map(TypeHandle::raw).collect::<Vec<_>>();
    let names = columns.iter().map(|column| CString::new(column.name.as_str()).unwrap()).collect::<Vec<_>>();
    let mut names = names.iter().map(|name| name.as_ptr()).collect::<Vec<_>>();
    let (mut schema, mut array) = (FFI_ArrowSchema::empty(), FFI_ArrowArray::empty());
    let count = types.len() as ffi::idx_t;
    // SAFETY: as many types and names as told; the Arrow structs have the same layout in both crates.
    unsafe {
        let out = (&raw mut schema).cast();
        let error = ffi::duckdb_to_arrow_schema(options, types.as_mut_ptr(), names.as_mut_ptr(), count, out);
        assert!(error.is_null());
        let error = ffi::duckdb_data_chunk_to_arrow(options, chunk, (&raw mut array).cast());
        assert!(error.is_null());
        let array = make_array(from_ffi(array, &schema).unwrap());
        array.as_any().downcast_ref::<StructArray>().unwrap().columns().iter().map(Arc::clone).collect()
    }
}

#[rstest]
#[case::every_type("SELECT * EXCLUDE (uhugeint, bignum, geometry) FROM test_all_types()")]
#[case::every_type_sliced(
    "SELECT * EXCLUDE (uhugeint, bignum, geometry) FROM test_all_types() CROSS JOIN range(3000) \
     WHERE range % 3 = 1"
)]
#[case::constant_list("SELECT [1, 1], ['a', NULL], [[1], [1]], {'a': [1]} FROM range(5000)")]
#[case::constant_sorted(
    "SELECT list_sort(l), list_reverse(l) FROM (SELECT unnest([[3, 1, 2]]) AS l), range(10)"
)]
#[case::constant_filtered(
    "SELECT list_filter(l, x -> x > 1), l[2:] FROM (SELECT unnest([[3, 1, 2], NULL]) AS l), range(10)"
)]
#[case::constant_of_strings(
    "SELECT list_sort(l, 'DESC') FROM (SELECT unnest([['a long string, not inlined', 'b']]) AS l), range(9)"
)]
#[case::aggregated(
    "SELECT list(x), list({'a': x}), map([min(x)], [max(x)]) FROM range(20000) t(x) GROUP BY x % 7"
)]
#[case::unnested(
    "SELECT unnest([[1, 2], [3], NULL, []]), unnest([{'a': [1]}, NULL]), i FROM range(3000) t(i)"
)]
#[case::left_join(
    "SELECT * FROM range(4000) t(i) LEFT JOIN \
     (SELECT i * 2 AS i, [i, i] AS l, {'s': 's' || i} AS s FROM range(900) t(i)) u USING (i)"
)]
#[case::dictionary(
    "SELECT s, [s, s], {'s': s} FROM (SELECT ('value ' || (i % 3))::VARCHAR AS s FROM range(5000) t(i)) \
     ORDER BY s"
)]
#[case::slices(
    "SELECT list_slice(l, 2, 3), l[1:1], l[-1:] FROM (SELECT range(i % 6) AS l FROM range(5000) t(i))"
)]
#[case::overlapping(
    "SELECT list_value(l, l), list_concat(l, l) FROM (SELECT [i, i + 1] AS l FROM range(3000) t(i))"
)]
#[case::sequence("SELECT rowid, i FROM (SELECT i FROM range(3000) t(i)) CROSS JOIN (SELECT 1 AS rowid)")]
#[case::null_parents(
    "SELECT CASE WHEN i % 2 = 0 THEN {'a': 'text ' || i, 'b': [i]} END FROM range(3000) t(i)"
)]
#[case::null_arrays("SELECT [array_value('s' || i, NULL), NULL][i % 2 + 1] FROM range(3000) t(i)")]
#[case::null_unions("SELECT CASE WHEN i % 3 = 0 THEN union_value(a := i) END FROM range(3000) t(i)")]
fn known_shapes(#[case] sql: &str) {
    check(&Probe::new(), sql);
}

/// A projection above a cross product sees one side as constant vectors, but the optimizer would push it
/// below.
#[rstest]
#[case("list_sort(l)")]
#[case("list_reverse(l)")]
#[case("l[2:]")]
#[case("list_filter(l, lambda x: x <> 'b')")]
#[case("list_sort([l, l[2:]])")]
#[case("map([1], [list_sort(l)])")]
#[case("{'s': list_sort(l)}")]
fn lists_computed_from_constants(#[case] expression: &str) {
    let probe = Probe::new();
    probe.batch("PRAGMA disable_optimizer", Fidelity::Standard).unwrap();
    let list = "SELECT unnest([['c', 'a long string, not inlined', 'b'], ['d', NULL]]) AS l";
    check(&probe, &format!("SELECT {expression}, i FROM range(3000) t(i), ({list})"));
    check(&probe, &format!("SELECT {expression}, i FROM ({list}), range(3000) t(i)"));
}

/// A SQL expression of a random type, whose values depend on the row number `i`, and are sometimes NULL.
pub(crate) fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "@::INTEGER",
        "(@ % 100)::UTINYINT",
        "@ % 2 = 0",
        "@::DOUBLE / 3",
        "(@ % 1000)::DECIMAL(18, 3)",
        "(@ % 1000)::DECIMAL(38, 3)",
        "('s' || @)",
        "repeat('long ', (@ % 9)::INTEGER)",
        "(DATE '2000-01-01' + (@ % 1000)::INTEGER)",
        "to_microseconds(@)",
        "('b' || (@ % 9))::BLOB",
        "md5(@::VARCHAR)::UUID",
    ])
    .prop_map(str::to_owned);
    let tree = leaf.prop_recursive(3, 12, 2, |child| {
        prop_oneof![
            child
                .clone()
                .prop_map(|c| format!("list_transform(range(@ % 4), lambda x: {})", at(&c, "(@ + x)"))),
            child.clone().prop_map(|c| format!("list_reverse([{c}, {}])", at(&c, "(@ // 2)"))),
            child.clone().prop_map(|c| format!("[{c}, NULL, {c}][(@ % 3 + 1):]")),
            child.clone().prop_map(|c| format!("array_value({c}, {})", at(&c, "(@ + 1)"))),
            (child.clone(), child.clone()).prop_map(|(a, b)| format!("{{'a': {a}, 'b c': {b}}}")),
            child.clone().prop_map(|c| format!("map([@ % 5, 9], [{c}, {}])", at(&c, "(@ + 2)"))),
            child.clone().prop_map(|c| format!("union_value(m := {c})")),
        ]
    });
    (tree, 0..7_u32).prop_map(|(tree, salt)| match tree.contains("array_value") {
        // DuckDB has no CASE over arrays.
        true => format!("[{tree}, NULL][((@ + {salt}) % 7 = 0)::INTEGER + 1]"),
        false => format!("CASE WHEN (@ + {salt}) % 7 <> 0 THEN {tree} END"),
    })
}

/// The expression for the row number `i`.
pub(crate) fn row_of(expression: &str) -> String {
    at(expression, "i")
}

/// The expression for another row number.
fn at(expression: &str, row: &str) -> String {
    expression.replace('@', row)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_shapes(
        expression in expression(),
        source in prop::sample::select(vec![
            "range(2500) t(i)",
            "range(9000) t(i) WHERE hash(i) % 5 = 0",
            "(SELECT 5 AS i) CROSS JOIN range(2100)",
            "(SELECT i FROM range(2500) t(i) ORDER BY hash(i))",
            "range(2100) t(i) LEFT JOIN (SELECT range * 3 AS i, 1 AS one FROM range(500)) USING (i)",
        ]),
    ) {
        let probe = Probe::new();
        let row = row_of(&expression);
        check(&probe, &format!("SELECT {row} AS c FROM {source}"));
        check(&probe, &format!("SELECT c FROM (SELECT {row} AS c, i FROM {source}) WHERE hash(i) % 3 = 0"));
        check(&probe, &format!("SELECT unnest([c, c]) FROM (SELECT {row} AS c FROM {source})"));
    }
}

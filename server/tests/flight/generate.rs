//! Columns of every Arrow type that FY-2 and FY-7 name, nested up to three deep, with NULLs in them.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::*;
use proptest::prelude::*;
use proptest::sample::select;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::cells::nanoseconds;

/// A column's field.
pub fn field() -> impl Strategy<Value = Field> {
    let leaf = prop_oneof![8 => select(leaves()), 1 => dictionary(), 1 => runs()];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let child = || inner.clone().prop_map(|field| Arc::new(field.with_name("l")));
        prop_oneof![
            child().prop_map(|child| of(DataType::List(child))),
            child().prop_map(|child| of(DataType::LargeList(child))),
            child().prop_map(|child| of(DataType::ListView(child))),
            child().prop_map(|child| of(DataType::LargeListView(child))),
            (child(), 1..4_i32).prop_map(|(child, size)| of(DataType::FixedSizeList(child, size))),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|fields| of(structure(fields))),
            proptest::collection::vec(inner.clone(), 1..4)
                .prop_map(|fields| union(fields, UnionMode::Sparse)),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|fields| union(fields, UnionMode::Dense)),
            (select(vec![DataType::Utf8, DataType::Int32]), inner.clone())
                .prop_map(|(key, value)| of(map(key, value))),
        ]
    })
}

fn of(ty: DataType) -> Field {
    Field::new("c", ty, true)
}

fn leaves() -> Vec<Field> {
    use DataType as T;
    let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    let zones = [None, Some("+02:00".into()), Some("Europe/Paris".into())];
    let stamps = units.iter().flat_map(|unit| zones.iter().map(|zone| T::Timestamp(*unit, zone.clone())));
    let plain = [
        T::Null,
        T::Boolean,
        T::Int8,
        T::Int16,
        T::Int32,
        T::Int64,
        T::UInt8,
        T::UInt16,
        T::UInt32,
        T::UInt64,
        T::Float16,
        T::Float32,
        T::Float64,
        T::Decimal32(9, 2),
        T::Decimal64(18, 4),
        T::Decimal128(38, 10),
        T::Decimal128(4, 0),
        T::Decimal256(38, 3),
        T::Utf8,
        T::LargeUtf8,
        T::Utf8View,
        T::Binary,
        T::LargeBinary,
        T::BinaryView,
        T::FixedSizeBinary(3),
        T::Date32,
        T::Date64,
        T::Time32(TimeUnit::Second),
        T::Time32(TimeUnit::Millisecond),
        T::Time64(TimeUnit::Microsecond),
        T::Time64(TimeUnit::Nanosecond),
        T::Interval(IntervalUnit::YearMonth),
        T::Interval(IntervalUnit::DayTime),
        T::Interval(IntervalUnit::MonthDayNano),
    ];
    let extended = [("arrow.uuid", T::FixedSizeBinary(16)), ("arrow.json", T::Utf8)].map(|(name, ty)| {
        of(ty).with_metadata([("ARROW:extension:name".to_owned(), name.to_owned())].into())
    });
    plain.into_iter().chain(stamps).chain(units.map(T::Duration)).map(of).chain(extended).collect()
}

fn dictionary() -> impl Strategy<Value = Field> {
    let values = [DataType::Utf8, DataType::LargeBinary, DataType::Int64, DataType::Decimal128(38, 10)];
    let keys = [DataType::Int8, DataType::UInt16, DataType::Int32, DataType::Int64];
    (select(keys.to_vec()), select(values.to_vec()))
        .prop_map(|(key, value)| of(DataType::Dictionary(Box::new(key), Box::new(value))))
}

fn runs() -> impl Strategy<Value = Field> {
    select(vec![DataType::Utf8, DataType::Float64, DataType::Boolean]).prop_map(|values| {
        let ends = Arc::new(Field::new("run_ends", DataType::Int32, false));
        of(DataType::RunEndEncoded(ends, Arc::new(Field::new("values", values, true))))
    })
}

fn structure(fields: Vec<Field>) -> DataType {
    let names = ["a", "b", "odd \" name"];
    DataType::Struct(fields.into_iter().zip(names).map(|(field, name)| field.with_name(name)).collect())
}

fn union(fields: Vec<Field>, mode: UnionMode) -> Field {
    let names = ["m", "n", "o"];
    // Type ids need not be positions.
    let members = (3_i8..).step_by(2).zip(fields.into_iter().zip(names));
    let members = members.map(|(id, (field, name))| (id, Arc::new(field.with_name(name)))).collect();
    of(DataType::Union(members, mode))
}

fn map(key: DataType, value: Field) -> DataType {
    let fields = Fields::from(vec![Field::new("key", key, false), value.with_name("value")]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields), false)), false)
}

/// A column of so many rows; the same seed gives the same column.
pub fn column(field: &Field, rows: usize, seed: u64) -> ArrayRef {
    Maker(StdRng::seed_from_u64(seed)).array(field, rows)
}

struct Maker(StdRng);

impl Maker {
    fn array(&mut self, field: &Field, rows: usize) -> ArrayRef {
        match field.extension_type_name() {
            Some("arrow.json") => {
                let texts = self.some(rows, |rng| format!("{{\"k\": [{}, null]}}", rng.random::<u8>()));
                Arc::new(StringArray::from(texts))
            }
            _ => self.scalar(field.data_type(), rows).unwrap_or_else(|| self.nested(field.data_type(), rows)),
        }
    }

    fn some<T>(&mut self, rows: usize, mut make: impl FnMut(&mut StdRng) -> T) -> Vec<Option<T>> {
        (0..rows).map(|_| self.0.random_bool(0.75).then(|| make(&mut self.0))).collect()
    }

    fn nulls(&mut self, rows: usize) -> Option<NullBuffer> {
        Some(self.some(rows, |_| ()).iter().map(Option::is_some).collect())
    }

    fn scalar(&mut self, ty: &DataType, rows: usize) -> Option<ArrayRef> {
        let array: ArrayRef = match ty {
            DataType::Null => Arc::new(NullArray::new(rows)),
            DataType::Boolean => Arc::new(BooleanArray::from(self.some(rows, Rng::random::<bool>))),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Arc::new(StringArray::from(self.some(rows, text)))
            }
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                Arc::new(self.some(rows, bytes).into_iter().collect::<BinaryArray>())
            }
            DataType::FixedSizeBinary(size) => {
                let values = self.some(rows, |rng| (0..*size).map(|_| rng.random()).collect::<Vec<u8>>());
                Arc::new(
                    FixedSizeBinaryArray::try_from_sparse_iter_with_size(values.into_iter(), *size).unwrap(),
                )
            }
            DataType::Float16 | DataType::Float32 => {
                Arc::new(Float32Array::from(self.some(rows, |rng| odd(rng) as f32)))
            }
            DataType::Float64 => Arc::new(Float64Array::from(self.some(rows, odd))),
            _ => return self.number(ty, rows).or_else(|| self.time(ty, rows)),
        };
        Some(if array.data_type() == ty { array } else { cast(&array, ty).unwrap() })
    }

    fn number(&mut self, ty: &DataType, rows: usize) -> Option<ArrayRef> {
        Some(match ty {
            DataType::Int8 => Arc::new(Int8Array::from(self.some(rows, Rng::random::<i8>))),
            DataType::Int16 => Arc::new(Int16Array::from(self.some(rows, Rng::random::<i16>))),
            DataType::Int32 => Arc::new(Int32Array::from(self.some(rows, Rng::random::<i32>))),
            DataType::Int64 => Arc::new(Int64Array::from(self.some(rows, Rng::random::<i64>))),
            DataType::UInt8 => Arc::new(UInt8Array::from(self.some(rows, Rng::random::<u8>))),
            DataType::UInt16 => Arc::new(UInt16Array::from(self.some(rows, Rng::random::<u16>))),
            DataType::UInt32 => Arc::new(UInt32Array::from(self.some(rows, Rng::random::<u32>))),
            DataType::UInt64 => Arc::new(UInt64Array::from(self.some(rows, Rng::random::<u64>))),
            DataType::Decimal32(p, s) => {
                let digits = self.some(rows, |rng| rng.random_range(-9_999_i32..10_000));
                Arc::new(Decimal32Array::from(digits).with_precision_and_scale(*p, *s).unwrap())
            }
            DataType::Decimal64(p, s) => {
                let digits = self.some(rows, |rng| rng.random_range(-10_i64.pow(17)..10_i64.pow(17)));
                Arc::new(Decimal64Array::from(digits).with_precision_and_scale(*p, *s).unwrap())
            }
            DataType::Decimal128(p, s) => {
                let most = 10_i128.pow(u32::from(*p)) - 1;
                let digits = self.some(rows, |rng| rng.random_range(-most..=most));
                Arc::new(Decimal128Array::from(digits).with_precision_and_scale(*p, *s).unwrap())
            }
            DataType::Decimal256(p, s) => {
                let digits = self
                    .some(rows, |rng| i256::from_i128(rng.random_range(-10_i128.pow(37)..10_i128.pow(37))));
                Arc::new(Decimal256Array::from(digits).with_precision_and_scale(*p, *s).unwrap())
            }
            _ => return None,
        })
    }

    /// Instants within a few hundred years; microseconds where DuckDB counts in them.
    fn time(&mut self, ty: &DataType, rows: usize) -> Option<ArrayRef> {
        let mut counts = |limit: i64, unit: TimeUnit, finest: TimeUnit| {
            let step = i64::try_from((nanoseconds(finest) / nanoseconds(unit)).max(1)).unwrap();
            let per_second = i64::try_from(nanoseconds(TimeUnit::Second) / nanoseconds(unit)).unwrap();
            let most = limit * per_second / step;
            Int64Array::from(self.some(rows, |rng| rng.random_range(-most..most) * step))
        };
        let counts: ArrayRef = match ty {
            DataType::Date32 => {
                return Some(
                    cast(&Int32Array::from(self.some(rows, |rng| rng.random_range(-99_999..99_999))), ty)
                        .unwrap(),
                );
            }
            DataType::Date64 => {
                let days = self.some(rows, |rng| rng.random_range(-99_999_i64..99_999) * 86_400_000);
                Arc::new(Int64Array::from(days))
            }
            DataType::Timestamp(unit, Some(_)) => {
                Arc::new(counts(9_000_000_000, *unit, TimeUnit::Microsecond))
            }
            DataType::Timestamp(unit, None) => Arc::new(counts(9_000_000_000, *unit, TimeUnit::Nanosecond)),
            DataType::Duration(unit) => Arc::new(counts(1_000_000, *unit, TimeUnit::Microsecond)),
            DataType::Time64(unit) => {
                let most =
                    i64::try_from(86_400 * nanoseconds(TimeUnit::Second) / nanoseconds(*unit)).unwrap();
                Arc::new(Int64Array::from(self.some(rows, |rng| rng.random_range(0..most))))
            }
            _ => return self.span(ty, rows),
        };
        Some(cast(&counts, ty).unwrap())
    }

    fn span(&mut self, ty: &DataType, rows: usize) -> Option<ArrayRef> {
        Some(match ty {
            DataType::Time32(unit) => {
                let most =
                    i32::try_from(86_400 * nanoseconds(TimeUnit::Second) / nanoseconds(*unit)).unwrap();
                cast(&Int32Array::from(self.some(rows, |rng| rng.random_range(0..most))), ty).unwrap()
            }
            DataType::Interval(IntervalUnit::YearMonth) => {
                Arc::new(IntervalYearMonthArray::from(self.some(rows, |rng| rng.random_range(-999..999))))
            }
            DataType::Interval(IntervalUnit::DayTime) => {
                let make = |rng: &mut StdRng| {
                    IntervalDayTimeType::make_value(rng.random_range(-99..99), rng.random())
                };
                Arc::new(IntervalDayTimeArray::from(self.some(rows, make)))
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                let make = |rng: &mut StdRng| {
                    let nanoseconds = i64::from(rng.random::<i32>()) * 1_000;
                    IntervalMonthDayNanoType::make_value(
                        rng.random_range(-99..99),
                        rng.random_range(-99..99),
                        nanoseconds,
                    )
                };
                Arc::new(IntervalMonthDayNanoArray::from(self.some(rows, make)))
            }
            _ => return None,
        })
    }

    fn nested(&mut self, ty: &DataType, rows: usize) -> ArrayRef {
        match ty {
            DataType::List(child) => {
                let (offsets, values) = self.lists(child, rows);
                Arc::new(ListArray::new(Arc::clone(child), offsets, values, self.nulls(rows)))
            }
            DataType::LargeList(_) | DataType::ListView(_) | DataType::LargeListView(_) => {
                self.other_list(ty, rows)
            }
            DataType::FixedSizeList(child, size) => {
                let values = self.array(child, rows * usize::try_from(*size).unwrap());
                let child = Arc::clone(child);
                Arc::new(
                    FixedSizeListArray::try_new_with_length(child, *size, values, self.nulls(rows), rows)
                        .unwrap(),
                )
            }
            DataType::Struct(fields) => {
                let columns = fields.iter().map(|field| self.array(field, rows)).collect();
                Arc::new(StructArray::new(fields.clone(), columns, self.nulls(rows)))
            }
            DataType::Map(entries, _) => self.map(entries, rows),
            DataType::Union(members, mode) => self.union(members, *mode, rows),
            DataType::Dictionary(key, value) => {
                let values = self.scalar(value, 5).unwrap();
                let keys = Int64Array::from(self.some(rows, |rng| rng.random_range(0..5)));
                let keys = cast(&keys, key).unwrap();
                make_dictionary(key, keys.as_ref(), values)
            }
            DataType::RunEndEncoded(_, values) => {
                let count = rows.div_ceil(3);
                let values = self.scalar(values.data_type(), count).unwrap();
                let ends = (1..=count).map(|run| i32::try_from((run * 3).min(rows)).unwrap());
                Arc::new(RunArray::try_new(&Int32Array::from_iter_values(ends), &values).unwrap())
            }
            other => panic!("no generated column has the type {other}"),
        }
    }

    fn lists(&mut self, child: &Field, rows: usize) -> (OffsetBuffer<i32>, ArrayRef) {
        let lengths: Vec<usize> = (0..rows).map(|_| self.0.random_range(0..4)).collect();
        (OffsetBuffer::from_lengths(lengths.iter().copied()), self.array(child, lengths.iter().sum()))
    }

    fn other_list(&mut self, ty: &DataType, rows: usize) -> ArrayRef {
        let (DataType::LargeList(child) | DataType::ListView(child) | DataType::LargeListView(child)) = ty
        else {
            panic!("{ty} is no list")
        };
        let (offsets, values) = self.lists(child, rows);
        let (child, nulls) = (Arc::clone(child), self.nulls(rows));
        let starts = offsets.iter().take(rows).copied();
        let sizes = offsets.lengths().map(|length| i32::try_from(length).unwrap());
        match ty {
            DataType::LargeList(_) => {
                let offsets = OffsetBuffer::from_lengths(offsets.lengths());
                Arc::new(LargeListArray::new(child, offsets, values, nulls))
            }
            DataType::ListView(_) => {
                let (starts, sizes): (ScalarBuffer<i32>, _) = (starts.collect(), sizes.collect());
                Arc::new(ListViewArray::new(child, starts, sizes, values, nulls))
            }
            _ => {
                let (starts, sizes) = (starts.map(i64::from).collect(), sizes.map(i64::from).collect());
                Arc::new(LargeListViewArray::new(child, starts, sizes, values, nulls))
            }
        }
    }

    fn map(&mut self, entries: &Arc<Field>, rows: usize) -> ArrayRef {
        let DataType::Struct(fields) = entries.data_type() else { panic!("a map has entries") };
        let lengths: Vec<usize> = (0..rows).map(|_| self.0.random_range(0..4)).collect();
        let total: usize = lengths.iter().sum();
        // Distinct throughout, and so within each map.
        let keys =
            cast(&Int32Array::from_iter_values(0..i32::try_from(total).unwrap()), fields[0].data_type());
        let columns = vec![keys.unwrap(), self.array(&fields[1], total)];
        let pairs = StructArray::new(fields.clone(), columns, None);
        let offsets = OffsetBuffer::from_lengths(lengths);
        Arc::new(MapArray::new(Arc::clone(entries), offsets, pairs, self.nulls(rows), false))
    }

    fn union(&mut self, members: &UnionFields, mode: UnionMode, rows: usize) -> ArrayRef {
        let ids: Vec<i8> = members.iter().map(|(id, _)| id).collect();
        let chosen: Vec<i8> = (0..rows).map(|_| ids[self.0.random_range(0..ids.len())]).collect();
        let count = |id: i8, upto: usize| chosen[..upto].iter().filter(|other| **other == id).count();
        let offsets = (mode == UnionMode::Dense).then(|| {
            (0..rows)
                .map(|row| i32::try_from(count(chosen[row], row)).unwrap())
                .collect::<ScalarBuffer<i32>>()
        });
        let length = |id| if mode == UnionMode::Dense { count(id, rows) } else { rows };
        let children = members.iter().map(|(id, field)| self.array(field, length(id))).collect();
        Arc::new(UnionArray::try_new(members.clone(), chosen.into(), offsets, children).unwrap())
    }
}

fn make_dictionary(key: &DataType, keys: &dyn Array, values: ArrayRef) -> ArrayRef {
    match key {
        DataType::Int8 => Arc::new(DictionaryArray::new(keys.as_primitive::<Int8Type>().clone(), values)),
        DataType::UInt16 => Arc::new(DictionaryArray::new(keys.as_primitive::<UInt16Type>().clone(), values)),
        DataType::Int32 => Arc::new(DictionaryArray::new(keys.as_primitive::<Int32Type>().clone(), values)),
        _ => Arc::new(DictionaryArray::new(keys.as_primitive::<Int64Type>().clone(), values)),
    }
}

fn text(rng: &mut StdRng) -> String {
    let letters = ['a', 'Z', '"', '\'', '\\', '\0', '\n', 'é', '漢', '😀'];
    (0..rng.random_range(0..20)).map(|_| letters[rng.random_range(0..letters.len())]).collect()
}

fn bytes(rng: &mut StdRng) -> Vec<u8> {
    (0..rng.random_range(0..20)).map(|_| rng.random()).collect()
}

fn odd(rng: &mut StdRng) -> f64 {
    match rng.random_range(0..8) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => -0.0,
        _ => rng.random_range(-1e4..1e4),
    }
}

//! What a value is, whichever Arrow type carries it: FY-7's types and the FY-2 types that they come back as agree in
//! these.

use arrow::array::*;
use arrow::compute::cast;
use arrow::datatypes::*;

/// A value without its carrier. Times, dates' instants and spans are in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Bool(bool),
    Int(i128),
    /// The bits of a double, with one NaN.
    Float(u64),
    Decimal(i128, i8),
    Text(String),
    Bytes(Vec<u8>),
    /// Months, days, nanoseconds.
    Span(i32, i32, i64),
    List(Vec<Cell>),
    Struct(Vec<(String, Cell)>),
    Map(Vec<(Cell, Cell)>),
    /// The position of a union's member, and its value.
    Member(usize, Box<Cell>),
}

/// The values of a column.
pub fn cells(field: &Field, array: &dyn Array) -> Vec<Cell> {
    (0..array.len()).map(|row| cell(field, array, row)).collect()
}

fn cell(field: &Field, array: &dyn Array, row: usize) -> Cell {
    if array.is_null(row) {
        return Cell::Null;
    }
    match (field.extension_type_name(), array.data_type()) {
        (Some("arrow.uuid"), _) => {
            let bytes = array.as_fixed_size_binary().value(row);
            Cell::Text(uuid::Uuid::from_slice(bytes).unwrap().to_string())
        }
        (_, DataType::Dictionary(..)) => {
            let dictionary = array.as_any_dictionary();
            cell(field, dictionary.values().as_ref(), dictionary.normalized_keys()[row])
        }
        (_, DataType::RunEndEncoded(..)) => {
            let runs = array.as_any().downcast_ref::<RunArray<Int32Type>>().unwrap();
            cell(field, runs.values().as_ref(), runs.get_physical_index(row))
        }
        (_, ty) => {
            scalar(ty, array, row).or_else(|| time(ty, array, row)).unwrap_or_else(|| nested(array, row))
        }
    }
}

fn scalar(ty: &DataType, array: &dyn Array, row: usize) -> Option<Cell> {
    let slice = array.slice(row, 1);
    let to = |ty: DataType| cast(&slice, &ty).unwrap();
    Some(match ty {
        DataType::Null => Cell::Null,
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        ty if ty.is_integer() => {
            Cell::Int(to(DataType::Decimal128(38, 0)).as_primitive::<Decimal128Type>().value(0))
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let double = to(DataType::Float64).as_primitive::<Float64Type>().value(0);
            Cell::Float(if double.is_nan() { f64::NAN.to_bits() } else { double.to_bits() })
        }
        DataType::Decimal32(_, s) | DataType::Decimal64(_, s) | DataType::Decimal128(_, s) => {
            Cell::Decimal(to(DataType::Decimal128(38, *s)).as_primitive::<Decimal128Type>().value(0), *s)
        }
        DataType::Decimal256(_, s) => {
            Cell::Decimal(array.as_primitive::<Decimal256Type>().value(row).to_i128().unwrap(), *s)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            Cell::Text(to(DataType::Utf8).as_string::<i32>().value(0).to_owned())
        }
        DataType::FixedSizeBinary(_) => Cell::Bytes(array.as_fixed_size_binary().value(row).to_vec()),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            Cell::Bytes(to(DataType::Binary).as_binary::<i32>().value(0).to_vec())
        }
        _ => return None,
    })
}

fn time(ty: &DataType, array: &dyn Array, row: usize) -> Option<Cell> {
    let slice = array.slice(row, 1);
    let count = || cast(&slice, &DataType::Int64).unwrap().as_primitive::<Int64Type>().value(0);
    Some(match ty {
        DataType::Date32 => Cell::Int(i128::from(array.as_primitive::<Date32Type>().value(row)) * DAY),
        DataType::Date64 => Cell::Int(i128::from(count()) * 1_000_000),
        DataType::Time32(unit) => {
            let count = cast(&slice, &DataType::Int32).unwrap().as_primitive::<Int32Type>().value(0);
            Cell::Int(i128::from(count) * nanoseconds(*unit))
        }
        DataType::Time64(unit) | DataType::Timestamp(unit, _) => {
            Cell::Int(i128::from(count()) * nanoseconds(*unit))
        }
        DataType::Duration(unit) => {
            Cell::Span(0, 0, i64::try_from(i128::from(count()) * nanoseconds(*unit)).unwrap())
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            Cell::Span(array.as_primitive::<IntervalYearMonthType>().value(row), 0, 0)
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let span = array.as_primitive::<IntervalDayTimeType>().value(row);
            Cell::Span(0, span.days, i64::from(span.milliseconds) * 1_000_000)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let span = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            Cell::Span(span.months, span.days, span.nanoseconds)
        }
        _ => return None,
    })
}

/// Nanoseconds of a day.
pub const DAY: i128 = 86_400_000_000_000;

/// Nanoseconds of a unit.
pub fn nanoseconds(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

fn nested(array: &dyn Array, row: usize) -> Cell {
    match array.data_type() {
        DataType::List(child) => Cell::List(cells(child, array.as_list::<i32>().value(row).as_ref())),
        DataType::LargeList(child) => Cell::List(cells(child, array.as_list::<i64>().value(row).as_ref())),
        DataType::ListView(child) => {
            Cell::List(cells(child, array.as_list_view::<i32>().value(row).as_ref()))
        }
        DataType::LargeListView(child) => {
            Cell::List(cells(child, array.as_list_view::<i64>().value(row).as_ref()))
        }
        DataType::FixedSizeList(child, _) => {
            Cell::List(cells(child, array.as_fixed_size_list().value(row).as_ref()))
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            Cell::Struct(columns.map(|(f, column)| (f.name().clone(), cell(f, column, row))).collect())
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let column = |at: usize| cells(&entries.fields()[at], entries.column(at));
            Cell::Map(column(0).into_iter().zip(column(1)).collect())
        }
        DataType::Union(members, _) => {
            let (union, id) = (array.as_union(), array.as_union().type_id(row));
            let position = members.iter().position(|(member, _)| member == id).unwrap();
            let (_, field) = members.iter().nth(position).unwrap();
            let value = cell(field, union.child(id).as_ref(), union.value_offset(row));
            Cell::Member(position, Box::new(value))
        }
        other => panic!("no generated column has the type {other}"),
    }
}

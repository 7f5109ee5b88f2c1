//! Reads the notation of `notation.rs` back into Arrow fields, for data that a step sends.

use crate::fault::{Fault, Result};
use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit, UnionFields, UnionMode};
use std::sync::Arc;

/// `name type`, `name type!`, `name type@extension`; a name with blanks stands in double quotes.
///
/// # Errors
/// Anything else.
pub fn field(text: &str) -> Result<Field> {
    let text = text.trim();
    let malformed = || Fault(format!("{text:?} is not `name type`"));
    let (name, kind) = match text.strip_prefix('"') {
        Some(rest) => rest.split_once("\" ").ok_or_else(malformed)?,
        None => text.split_once(' ').ok_or_else(malformed)?,
    };
    let (kind, extension) = match kind.rfind('@') {
        Some(at) if !kind[at..].contains('>') => (&kind[..at], Some(&kind[at + 1..])),
        _ => (kind, None),
    };
    let (kind, nullable) = kind.strip_suffix('!').map_or((kind, true), |kind| (kind, false));
    let field = Field::new(name, data_type(kind)?, nullable);
    Ok(match extension {
        Some(extension) => field.with_metadata(
            [
                ("ARROW:extension:name".to_owned(), extension.to_owned()),
                ("ARROW:extension:metadata".to_owned(), String::new()),
            ]
            .into(),
        ),
        None => field,
    })
}

/// A type in the notation of the spec.
///
/// # Errors
/// Text that names no type.
pub fn data_type(text: &str) -> Result<DataType> {
    let text = text.trim();
    let open = text.find(['(', '<']).unwrap_or(text.len());
    let (head, tail) = text.split_at(open);
    let inside = tail.get(1..tail.rfind([')', '>']).unwrap_or(tail.len())).unwrap_or_default();
    let unknown = || Fault(format!("{text:?} is no Arrow type"));
    simple(head)
        .or_else(|| with_unit(head, inside))
        .map_or_else(|| composed(head, inside, tail).ok_or_else(unknown)?, Ok)
}

fn simple(head: &str) -> Option<DataType> {
    use DataType as T;
    Some(match head {
        "null" => T::Null,
        "bool" => T::Boolean,
        "int8" => T::Int8,
        "int16" => T::Int16,
        "int32" => T::Int32,
        "int64" => T::Int64,
        "uint8" => T::UInt8,
        "uint16" => T::UInt16,
        "uint32" => T::UInt32,
        "uint64" => T::UInt64,
        "float16" => T::Float16,
        "float32" => T::Float32,
        "float64" => T::Float64,
        "utf8" => T::Utf8,
        "large_utf8" => T::LargeUtf8,
        "utf8_view" => T::Utf8View,
        "binary" => T::Binary,
        "large_binary" => T::LargeBinary,
        "binary_view" => T::BinaryView,
        "date32" => T::Date32,
        "date64" => T::Date64,
        _ => return None,
    })
}

fn with_unit(head: &str, inside: &str) -> Option<DataType> {
    use DataType as T;
    let (first, second) =
        inside.split_once(',').map_or((inside, None), |(first, second)| (first, Some(second.trim())));
    let decimal = || Some((first.parse().ok()?, second?.parse().ok()?));
    Some(match head {
        "time32" => T::Time32(unit(first)?),
        "time64" => T::Time64(unit(first)?),
        "duration" => T::Duration(unit(first)?),
        "timestamp" => T::Timestamp(unit(first)?, second.map(Arc::from)),
        "fixed_size_binary" => T::FixedSizeBinary(first.parse().ok()?),
        "decimal32" => decimal().map(|(precision, scale)| T::Decimal32(precision, scale))?,
        "decimal64" => decimal().map(|(precision, scale)| T::Decimal64(precision, scale))?,
        "decimal128" => decimal().map(|(precision, scale)| T::Decimal128(precision, scale))?,
        "decimal256" => decimal().map(|(precision, scale)| T::Decimal256(precision, scale))?,
        "interval" => T::Interval(match first {
            "year_month" => IntervalUnit::YearMonth,
            "day_time" => IntervalUnit::DayTime,
            "month_day_nano" => IntervalUnit::MonthDayNano,
            _ => return None,
        }),
        _ => return None,
    })
}

fn composed(head: &str, inside: &str, tail: &str) -> Option<Result<DataType>> {
    use DataType as T;
    let item = || field(inside).map(Arc::new);
    let fields = || split(inside).into_iter().map(field).collect::<Result<Vec<_>>>();
    Some(match head {
        "list" => item().map(T::List),
        "large_list" => item().map(T::LargeList),
        "list_view" => item().map(T::ListView),
        "large_list_view" => item().map(T::LargeListView),
        "fixed_size_list" => {
            let size = tail[tail.rfind('[')? + 1..].strip_suffix(']')?.parse().ok()?;
            item().map(|item| T::FixedSizeList(item, size))
        }
        "struct" => fields().map(|fields| T::Struct(fields.into())),
        "map" => fields()
            .map(|fields| T::Map(Arc::new(Field::new("entries", T::Struct(fields.into()), false)), false)),
        "sparse_union" => fields().map(|fields| T::Union(numbered(fields), UnionMode::Sparse)),
        "dense_union" => fields().map(|fields| T::Union(numbered(fields), UnionMode::Dense)),
        "dictionary" => {
            let [key, value] = split(inside).try_into().ok()?;
            data_type(key).and_then(|key| Ok(T::Dictionary(Box::new(key), Box::new(data_type(value)?))))
        }
        _ => return None,
    })
}

fn numbered(fields: Vec<Field>) -> UnionFields {
    (0_i8..).zip(fields.into_iter().map(Arc::new)).collect()
}

fn unit(text: &str) -> Option<TimeUnit> {
    Some(match text {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        "ns" => TimeUnit::Nanosecond,
        _ => return None,
    })
}

/// The comma-separated parts at the outermost level.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrow_data::notation;
    use rstest::rstest;

    #[rstest]
    #[case("a int32")]
    #[case("a uint64!")]
    #[case("a timestamp(us,Etc/UTC)")]
    #[case("a decimal128(10,2)")]
    #[case("a list<l int32>")]
    #[case("a fixed_size_list<l float32!>[3]")]
    #[case("a struct<x int32, y map<key utf8!, value list<l decimal128(4,1)>>>")]
    #[case("a dictionary<int32, utf8>")]
    #[case("a sparse_union<n int32, s utf8>")]
    #[case("a interval(month_day_nano)")]
    #[case("a large_utf8")]
    #[case("a fixed_size_binary(16)")]
    fn notation_reads_what_it_writes(#[case] text: &str) {
        assert_eq!(notation::field(&field(text).unwrap()), text);
    }

    #[test]
    fn quoted_names_and_extensions() {
        let read = field("\"my name\" utf8@arrow.json").unwrap();
        assert_eq!(
            (read.name().as_str(), read.metadata()["ARROW:extension:name"].as_str()),
            ("my name", "arrow.json")
        );
        assert!(field("a int33").is_err());
    }
}

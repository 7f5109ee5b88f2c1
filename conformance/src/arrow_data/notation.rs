//! Arrow types as text: `list<l int32>`, `timestamp(us,Etc/UTC)` (spec/README.md, "Schemas").

use arrow::datatypes::{DataType, Field, IntervalUnit, Schema, TimeUnit, UnionMode};

/// `name type`, with `!` for not null.
pub fn field(field: &Field) -> String {
    let required = if field.is_nullable() { "" } else { "!" };
    format!("{} {}{required}", field.name(), data_type(field.data_type()))
}

/// One text per column.
pub fn schema(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|column| field(column)).collect()
}

/// The notation of a type.
pub fn data_type(kind: &DataType) -> String {
    use DataType as T;
    match kind {
        T::Null => "null".to_owned(),
        T::Boolean => "bool".to_owned(),
        T::Time32(unit) => format!("time32({})", time(*unit)),
        T::Time64(unit) => format!("time64({})", time(*unit)),
        T::Duration(unit) => format!("duration({})", time(*unit)),
        T::Timestamp(unit, None) => format!("timestamp({})", time(*unit)),
        T::Timestamp(unit, Some(zone)) => format!("timestamp({},{zone})", time(*unit)),
        T::Interval(unit) => format!("interval({})", interval(*unit)),
        T::Decimal32(precision, scale) => format!("decimal32({precision},{scale})"),
        T::Decimal64(precision, scale) => format!("decimal64({precision},{scale})"),
        T::Decimal128(precision, scale) => format!("decimal128({precision},{scale})"),
        T::Decimal256(precision, scale) => format!("decimal256({precision},{scale})"),
        T::FixedSizeBinary(width) => format!("fixed_size_binary({width})"),
        T::FixedSizeList(item, size) => format!("fixed_size_list<{}>[{size}]", field(item)),
        T::Dictionary(key, value) => format!("dictionary<{}, {}>", data_type(key), data_type(value)),
        other => nested(other).unwrap_or_else(|| plain(other)),
    }
}

fn nested(kind: &DataType) -> Option<String> {
    use DataType as T;
    Some(match kind {
        T::List(item) => format!("list<{}>", field(item)),
        T::LargeList(item) => format!("large_list<{}>", field(item)),
        T::ListView(item) => format!("list_view<{}>", field(item)),
        T::LargeListView(item) => format!("large_list_view<{}>", field(item)),
        T::Struct(fields) => format!("struct<{}>", join(fields.iter())),
        T::Map(entries, _) => match entries.data_type() {
            T::Struct(fields) => format!("map<{}>", join(fields.iter())),
            other => format!("map<{}>", data_type(other)),
        },
        T::Union(fields, UnionMode::Sparse) => {
            format!("sparse_union<{}>", join(fields.iter().map(|(_, item)| item)))
        }
        T::Union(fields, UnionMode::Dense) => {
            format!("dense_union<{}>", join(fields.iter().map(|(_, item)| item)))
        }
        T::RunEndEncoded(_, values) => format!("run_end_encoded<{}>", field(values)),
        _ => return None,
    })
}

/// `LargeUtf8` as `large_utf8`: Arrow's own name in snake case.
fn plain(kind: &DataType) -> String {
    let mut text = String::new();
    for letter in format!("{kind:?}").chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text.replace("u_int", "uint")
}

fn join<'a>(fields: impl Iterator<Item = &'a std::sync::Arc<Field>>) -> String {
    fields.map(|item| field(item)).collect::<Vec<_>>().join(", ")
}

fn time(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

fn interval(unit: IntervalUnit) -> &'static str {
    match unit {
        IntervalUnit::YearMonth => "year_month",
        IntervalUnit::DayTime => "day_time",
        IntervalUnit::MonthDayNano => "month_day_nano",
    }
}

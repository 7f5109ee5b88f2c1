//! The Arrow type that carries each DuckDB type (FY-2), and the schema of a result.

use std::sync::Arc;

use arrow::datatypes::{
    DataType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaRef, TimeUnit, UnionFields,
};

use super::{Column, Fidelity, LogicalType};

/// The schema of a result's batches by FY-2, or by its exact variant.
///
/// `time_zone` is the session's `TimeZone`, which TIMESTAMPTZ columns name. The metadata that Flight adds is not
/// here.
pub fn arrow_schema(columns: &[Column], fidelity: Fidelity, time_zone: &str) -> SchemaRef {
    let types = Types { fidelity, time_zone: time_zone.into() };
    let fields: Fields = columns.iter().map(|column| types.column(column)).collect();
    Arc::new(Schema::new(fields))
}

struct Types {
    fidelity: Fidelity,
    time_zone: Arc<str>,
}

impl Types {
    /// A result column: nullable, except UNION, whose Arrow layout has no validity of its own (FY-2).
    fn column(&self, column: &Column) -> Field {
        let nullable = !matches!(column.ty, LogicalType::Union(_));
        Field::new(&column.name, self.data_type(&column.ty), nullable)
    }

    /// A field inside a nested type. A union's NULL counts as one of its parent's logical nulls, so that
    /// unions are nullable here.
    fn child(&self, name: &str, ty: &LogicalType) -> FieldRef {
        Arc::new(Field::new(name, self.data_type(ty), true))
    }

    fn data_type(&self, ty: &LogicalType) -> DataType {
        use LogicalType as T;
        match ty {
            T::Boolean => DataType::Boolean,
            T::TinyInt => DataType::Int8,
            T::SmallInt => DataType::Int16,
            T::Integer | T::Null => DataType::Int32,
            T::BigInt => DataType::Int64,
            T::UTinyInt => DataType::UInt8,
            T::USmallInt => DataType::UInt16,
            T::UInteger => DataType::UInt32,
            T::UBigInt => DataType::UInt64,
            T::Float => DataType::Float32,
            T::Double => DataType::Float64,
            T::HugeInt => DataType::Decimal128(38, 0),
            T::Decimal { width, scale } => DataType::Decimal128(*width, scale.cast_signed()),
            T::UHugeInt | T::TimeTz | T::Bit | T::Interval => self.inexact(ty),
            T::Blob => DataType::Binary,
            _ => self.temporal_or_nested(ty),
        }
    }

    /// The types whose Arrow carrier loses something: Exact sends their text.
    fn inexact(&self, ty: &LogicalType) -> DataType {
        match (self.fidelity, ty) {
            (Fidelity::Standard, LogicalType::UHugeInt) => DataType::Decimal128(38, 0),
            (Fidelity::Standard, LogicalType::TimeTz) => DataType::Time64(TimeUnit::Microsecond),
            (Fidelity::Standard, LogicalType::Bit) => DataType::Binary,
            (Fidelity::Standard, LogicalType::Interval) => DataType::Interval(IntervalUnit::MonthDayNano),
            _ => DataType::Utf8,
        }
    }

    fn temporal_or_nested(&self, ty: &LogicalType) -> DataType {
        use LogicalType as T;
        match ty {
            T::Date => DataType::Date32,
            T::Time => DataType::Time64(TimeUnit::Microsecond),
            T::TimeNs => DataType::Time64(TimeUnit::Nanosecond),
            T::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            T::TimestampS => DataType::Timestamp(TimeUnit::Second, None),
            T::TimestampMs => DataType::Timestamp(TimeUnit::Millisecond, None),
            T::TimestampNs => DataType::Timestamp(TimeUnit::Nanosecond, None),
            T::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(&self.time_zone))),
            T::List(child) => DataType::List(self.child("l", child)),
            T::Array(child, size) => DataType::FixedSizeList(self.child("", child), size.cast_signed()),
            T::Struct(fields) => DataType::Struct(self.fields(fields)),
            T::Map(key, value) => self.map(key, value),
            T::Union(members) => self.union(members),
            // VARCHAR, JSON, UUID, ENUM, BIGNUM, VARIANT, GEOMETRY and whatever else exists travel as their
            // text.
            _ => DataType::Utf8,
        }
    }

    fn fields(&self, fields: &[(String, LogicalType)]) -> Fields {
        fields.iter().map(|(name, ty)| self.child(name, ty)).collect()
    }

    fn map(&self, key: &LogicalType, value: &LogicalType) -> DataType {
        let key = Field::new("key", self.data_type(key), false);
        let entries = Fields::from(vec![Arc::new(key), self.child("value", value)]);
        DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
    }

    fn union(&self, members: &[(String, LogicalType)]) -> DataType {
        let fields = self.fields(members);
        // DuckDB allows 256 members and Arrow 128 type ids; ids past the hundred and twenty-eighth cannot be
        // named.
        let members = (0..=i8::MAX).zip(fields.iter().cloned()).collect::<UnionFields>();
        DataType::Union(members, arrow::datatypes::UnionMode::Sparse)
    }
}

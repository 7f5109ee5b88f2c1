//! What every column builder does, and which builder serves which type.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

pub(super) use crate::fault::Fault;
use crate::types::{Fidelity, LogicalType};

use super::lists::{list_builder, map_builder};
use super::primitive::{BooleanBuilder, Copied, Mapped};
use super::strings::{BlobBuilder, StringBuffers, VarcharBuilder};
use super::structs::{ArrayBuilder, StructBuilder};
use super::text::TextBuilder;
use super::union::UnionBuilder;
use super::variant::VariantBuilder;
use super::vector::Vector;
use super::{geometry, primitive, text};

/// Copies rows of DuckDB vectors to the end of one Arrow array.
pub(super) trait ColumnBuilder: Send {
    /// Appends `len` rows of the vector from row `from` on.
    ///
    /// # Safety
    /// The vector is flat, of the builder's type, and has `from + len` rows.
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault>;

    /// Appends rows that are NULL.
    fn append_nulls(&mut self, len: usize);

    /// About how many bytes the rows take so far.
    fn bytes(&self) -> usize;

    /// The array of all rows appended; the builder is empty afterwards.
    fn finish(&mut self) -> Result<ArrayRef, Fault>;
}

/// The builder that turns vectors of a DuckDB type into arrays of the Arrow type chosen for it.
pub(super) fn column_builder(
    ty: &LogicalType,
    arrow: &DataType,
    fidelity: Fidelity,
) -> Box<dyn ColumnBuilder> {
    use LogicalType as T;
    match ty {
        T::Boolean => Box::new(BooleanBuilder::default()),
        T::TinyInt => Box::new(Copied::<Int8Type>::new(arrow)),
        T::SmallInt => Box::new(Copied::<Int16Type>::new(arrow)),
        T::Integer | T::Null => Box::new(Copied::<Int32Type>::new(arrow)),
        T::BigInt => Box::new(Copied::<Int64Type>::new(arrow)),
        T::UTinyInt => Box::new(Copied::<UInt8Type>::new(arrow)),
        T::USmallInt => Box::new(Copied::<UInt16Type>::new(arrow)),
        T::UInteger => Box::new(Copied::<UInt32Type>::new(arrow)),
        T::UBigInt => Box::new(Copied::<UInt64Type>::new(arrow)),
        T::Float => Box::new(Copied::<Float32Type>::new(arrow)),
        T::Double => Box::new(Copied::<Float64Type>::new(arrow)),
        T::HugeInt => Box::new(Mapped::new(arrow, primitive::hugeint)),
        T::Decimal { width, .. } => decimal_builder(*width, arrow),
        T::Varchar | T::Json => Box::new(VarcharBuilder::default()),
        T::Blob => Box::new(BlobBuilder::default()),
        T::UHugeInt | T::TimeTz | T::Bit | T::Interval => inexact_builder(ty, arrow, fidelity),
        _ => temporal_builder(ty, arrow).unwrap_or_else(|| nested_or_text_builder(ty, arrow, fidelity)),
    }
}

/// A decimal's storage grows with its width.
fn decimal_builder(width: u8, arrow: &DataType) -> Box<dyn ColumnBuilder> {
    match width {
        0..=4 => Box::new(Mapped::new(arrow, |value: i16| Ok(i128::from(value)))),
        5..=9 => Box::new(Mapped::new(arrow, |value: i32| Ok(i128::from(value)))),
        10..=18 => Box::new(Mapped::new(arrow, |value: i64| Ok(i128::from(value)))),
        _ => Box::new(Mapped::new(arrow, primitive::hugeint)),
    }
}

/// The types that Exact sends as text.
fn inexact_builder(ty: &LogicalType, arrow: &DataType, fidelity: Fidelity) -> Box<dyn ColumnBuilder> {
    match (fidelity, ty) {
        (Fidelity::Standard, LogicalType::UHugeInt) => Box::new(Mapped::new(arrow, primitive::uhugeint)),
        (Fidelity::Standard, LogicalType::TimeTz) => Box::new(Mapped::new(arrow, primitive::local_time)),
        (Fidelity::Standard, LogicalType::Interval) => Box::new(Mapped::new(arrow, primitive::interval)),
        (Fidelity::Standard, _) => Box::new(BlobBuilder::default()),
        (Fidelity::Exact, LogicalType::UHugeInt) => Box::new(TextBuilder::new(text::uhugeint)),
        (Fidelity::Exact, LogicalType::TimeTz) => Box::new(TextBuilder::new(text::time_tz)),
        (Fidelity::Exact, LogicalType::Interval) => Box::new(TextBuilder::new(text::interval)),
        (Fidelity::Exact, _) => Box::new(TextBuilder::new(text::bits)),
    }
}

fn temporal_builder(ty: &LogicalType, arrow: &DataType) -> Option<Box<dyn ColumnBuilder>> {
    use LogicalType as T;
    Some(match ty {
        T::Date => Box::new(Copied::<Date32Type>::new(arrow)),
        T::Time => Box::new(Copied::<Time64MicrosecondType>::new(arrow)),
        T::TimeNs => Box::new(Copied::<Time64NanosecondType>::new(arrow)),
        T::Timestamp | T::TimestampTz => Box::new(Copied::<TimestampMicrosecondType>::new(arrow)),
        T::TimestampS => Box::new(Copied::<TimestampSecondType>::new(arrow)),
        T::TimestampMs => Box::new(Copied::<TimestampMillisecondType>::new(arrow)),
        T::TimestampNs => Box::new(Copied::<TimestampNanosecondType>::new(arrow)),
        _ => return None,
    })
}

fn nested_or_text_builder(ty: &LogicalType, arrow: &DataType, fidelity: Fidelity) -> Box<dyn ColumnBuilder> {
    use LogicalType as T;
    match (ty, arrow) {
        (T::List(child), DataType::List(field)) => list_builder(child, field, fidelity),
        (T::Array(child, _), DataType::FixedSizeList(field, size)) => {
            Box::new(ArrayBuilder::new(child, field, *size, fidelity))
        }
        (T::Struct(children), DataType::Struct(fields)) => {
            Box::new(StructBuilder::new(children, fields, fidelity))
        }
        (T::Map(key, value), DataType::Map(entries, _)) => map_builder(key, value, entries, fidelity),
        (T::Union(members), DataType::Union(fields, _)) => {
            Box::new(UnionBuilder::new(members, fields, fidelity))
        }
        (T::Uuid, _) => Box::new(TextBuilder::new(text::uuid)),
        (T::BigNum, _) => Box::new(TextBuilder::new(text::bignum)),
        (T::Enum(values), _) => text::enum_builder(Arc::clone(values)),
        (T::Variant, _) => Box::new(VariantBuilder::default()),
        (T::Geometry(_), _) => Box::new(TextBuilder::new(geometry::geometry)),
        _ => Box::new(Unsupported::default()),
    }
}

/// A type that has no conversion: only NULL can be sent.
#[derive(Default)]
struct Unsupported(StringBuffers);

impl ColumnBuilder for Unsupported {
    unsafe fn append(&mut self, vector: Vector<'_>, from: usize, len: usize) -> Result<(), Fault> {
        // SAFETY: the caller's promise.
        let validity = unsafe { vector.validity(from, len) };
        if (0..len).any(|i| validity.is_none_or(|bits| bits.is_valid(i))) {
            return Err(Fault::new("values of this type cannot be sent; cast them in the statement"));
        }
        self.append_nulls(len);
        Ok(())
    }

    fn append_nulls(&mut self, len: usize) {
        self.0.append_nulls(len);
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Fault> {
        self.0.finish_text()
    }
}

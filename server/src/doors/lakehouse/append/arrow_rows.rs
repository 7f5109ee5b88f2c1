//! An append's body as Arrow IPC: columns that know their types (LU-08).

use std::collections::HashSet;
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{cast, max, min};
use arrow::datatypes::{DataType, Decimal128Type, Field, Schema, SchemaRef};

use super::rows::Read;
use crate::doors::lakehouse::arrow_batches::ArrowBatches;
use crate::doors::lakehouse::extract::too_large;
use crate::doors::lakehouse::response::{ApiError, Result};
use duck::types::{LogicalType, input};
use engine::ingest::{Append, AppendColumn, AppendGroup, IngestTarget, Kinds};
use engine::{Error, ErrorKind};

/// Reads the rows of an IPC stream or file, whose batches take at most `limit` bytes decompressed, each message at most
/// `message_limit`.
///
/// # Errors
/// `bad-request` for a body that is neither, `payload-too-large` beyond the limit.
pub(super) fn read(body: &[u8], limit: usize, message_limit: u64, target: IngestTarget) -> Result<Read> {
    let mut reader = ArrowBatches::open(Cursor::new(body), message_limit).map_err(malformed)?;
    let (schema, mut batches) = (reader.schema(), Vec::new());
    while let Some(batch) = reader.next() {
        batches.push(batch.map_err(malformed)?);
        if reader.bytes() > limit as u64 {
            return Err(too_large(limit));
        }
    }
    Ok(gather(&schema, &batches, target).map_or_else(Read::NoRows, Read::Rows))
}

fn malformed(fault: Error) -> ApiError {
    match fault.kind() {
        ErrorKind::InvalidData => ApiError::bad_request(fault.message()),
        _ => fault.into(),
    }
}

fn gather(schema: &Schema, batches: &[RecordBatch], target: IngestTarget) -> engine::Result<Append> {
    let mut seen = HashSet::new();
    let mut columns = Vec::new();
    for (at, field) in schema.fields().iter().enumerate() {
        if !seen.insert(field.name().to_lowercase()) {
            let message = format!("the column \"{}\" is there twice", field.name());
            return Err(Error::new(ErrorKind::InvalidData, message));
        }
        let ty = input::input_type(field)?;
        let arrays = batches.iter().map(|batch| batch.column(at));
        columns.push(AppendColumn { name: field.name().clone(), kinds: kinds(&ty, arrays)?, ty: Some(ty) });
    }
    let fields = schema.fields().iter().enumerate();
    let renamed: Vec<Field> =
        fields.map(|(at, field)| field.as_ref().clone().with_name(format!("c{at}"))).collect();
    let renamed = Arc::new(Schema::new(renamed));
    let groups = batches.iter().filter(|batch| batch.num_rows() > 0).map(|batch| group(&renamed, batch));
    Ok(Append { target, columns, groups: groups.collect::<engine::Result<_>>()? })
}

/// A batch under names that cannot collide.
fn group(schema: &SchemaRef, batch: &RecordBatch) -> engine::Result<AppendGroup> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let rows = RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options);
    let rows = rows.map_err(|fault| Error::internal(format!("the rows cannot be gathered: {fault}")))?;
    Ok(AppendGroup { columns: (0..batch.num_columns()).collect(), rows })
}

/// What kinds of values a typed column holds.
fn kinds<'a>(ty: &LogicalType, mut arrays: impl Iterator<Item = &'a ArrayRef>) -> engine::Result<Kinds> {
    use LogicalType as T;
    let mut kinds = Kinds::default();
    match ty {
        T::Null => {}
        T::Boolean => kinds.booleans = true,
        T::Float | T::Double => kinds.fractions = true,
        T::Decimal { scale, .. } if *scale > 0 => kinds.fractions = true,
        T::Varchar => kinds.strings = true,
        T::Json | T::List(_) | T::Array(..) | T::Struct(_) | T::Map(..) => kinds.nested = true,
        _ if is_integer(ty) => kinds.integers = arrays.try_fold(None, range)?,
        _ => kinds.others = true,
    }
    Ok(kinds)
}

fn is_integer(ty: &LogicalType) -> bool {
    use LogicalType as T;
    let signed = matches!(ty, T::TinyInt | T::SmallInt | T::Integer | T::BigInt | T::HugeInt);
    let unsigned = matches!(ty, T::UTinyInt | T::USmallInt | T::UInteger | T::UBigInt);
    signed || unsigned || matches!(ty, T::Decimal { .. })
}

/// The range of integers so far, with those of one more array.
fn range(known: Option<(i128, i128)>, array: &ArrayRef) -> engine::Result<Option<(i128, i128)>> {
    let wide = cast(array, &DataType::Decimal128(38, 0)).map_err(|fault| {
        Error::new(ErrorKind::InvalidData, format!("an integer column cannot be read: {fault}"))
    })?;
    let wide = wide.as_primitive::<Decimal128Type>();
    let Some(found) = min(wide).zip(max(wide)) else { return Ok(known) };
    Ok(Some(known.map_or(found, |known| (known.0.min(found.0), known.1.max(found.1)))))
}

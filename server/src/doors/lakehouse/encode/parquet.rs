//! `format: parquet`: one file, its row groups sent as they fill (LQ-16, LQ-17).

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use super::{Encode, prepare};
use duck::types::{Column, ResultShape};
use engine::{Error, Result};

/// A row group is closed at this many bytes of encoded columns, so that memory stays bounded.
const ROW_GROUP: usize = 8 << 20;

/// Rows as one Parquet file.
pub(crate) struct Parquet {
    columns: Arc<[Column]>,
    schema: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
}

impl Parquet {
    /// An encoder of results of that shape.
    ///
    /// # Errors
    /// `Internal` if Parquet has no schema for it.
    pub(crate) fn new(shape: &ResultShape) -> Result<Self> {
        let fields: Fields = shape.schema.fields().iter().map(parquet_field).collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))
            .map_err(|fault| write(&fault))?;
        Ok(Self { columns: Arc::clone(&shape.columns), schema, writer })
    }

    fn convert(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let arrays = self.columns.iter().zip(batch.columns()).zip(self.schema.fields());
        let arrays =
            arrays.map(|((column, array), field)| convert(column, array, field)).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|fault| arrow(&fault))
    }
}

impl Encode for Parquet {
    fn header(&mut self, _out: &mut Vec<u8>) {}

    fn rows(&mut self, batch: &RecordBatch, from: usize, _enough: usize, out: &mut Vec<u8>) -> Result<usize> {
        let rows = self.convert(&batch.slice(from, batch.num_rows() - from))?;
        self.writer.write(&rows).map_err(|fault| write(&fault))?;
        if self.writer.in_progress_size() >= ROW_GROUP {
            self.writer.flush().map_err(|fault| write(&fault))?;
        }
        out.append(self.writer.inner_mut());
        Ok(batch.num_rows())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.writer.finish().map_err(|fault| write(&fault))?;
        out.append(self.writer.inner_mut());
        Ok(())
    }
}

/// The field as Parquet stores it: instants in UTC, seconds as milliseconds, and as text what Parquet's Arrow mapping lacks.
fn parquet_field(field: &FieldRef) -> FieldRef {
    if is_unmapped(field.data_type()) {
        return Arc::new(Field::new(field.name(), DataType::Utf8, true));
    }
    Arc::new(field.as_ref().clone().with_data_type(storable(field.data_type())).with_nullable(true))
}

/// Whether a type, or one inside it, has no place in Parquet: unions, structs without fields.
fn is_unmapped(ty: &DataType) -> bool {
    match ty {
        DataType::Union(..) => true,
        DataType::List(child) | DataType::FixedSizeList(child, _) | DataType::Map(child, _) => {
            is_unmapped(child.data_type())
        }
        DataType::Struct(fields) => {
            fields.is_empty()
                || fields.iter().any(|field| field.name().is_empty() || is_unmapped(field.data_type()))
        }
        _ => false,
    }
}

fn storable(ty: &DataType) -> DataType {
    let child =
        |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(storable(field.data_type())));
    match ty {
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        // Parquet has no seconds.
        DataType::Timestamp(TimeUnit::Second, zone) => {
            DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
        }
        DataType::List(field) => DataType::List(child(field)),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(child(field), *size),
        DataType::Map(field, sorted) => DataType::Map(child(field), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(child).collect()),
        other => other.clone(),
    }
}

fn convert(column: &Column, array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    if array.data_type() == field.data_type() {
        return Ok(Arc::clone(array));
    }
    if is_unmapped(array.data_type()) {
        return as_text(column, array);
    }
    cast(array, field.data_type()).map_err(|fault| arrow(&fault))
}

/// A column as the text that csv would have.
fn as_text(column: &Column, array: &ArrayRef) -> Result<ArrayRef> {
    let cell = prepare::cell(&column.ty, array)?;
    let mut builder = StringBuilder::with_capacity(array.len(), array.len() * 16);
    let mut text = Vec::new();
    for row in 0..array.len() {
        if cell.is_null(row) {
            builder.append_null();
            continue;
        }
        text.clear();
        cell.text(row, &mut text);
        builder.append_value(String::from_utf8_lossy(&text));
    }
    Ok(Arc::new(builder.finish()))
}

fn write(fault: &ParquetError) -> Error {
    Error::internal(format!("the result cannot be written as Parquet: {fault}"))
}

fn arrow(fault: &ArrowError) -> Error {
    Error::internal(format!("the result cannot be written as Parquet: {fault}"))
}

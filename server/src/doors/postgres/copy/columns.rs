//! The columns of a table, filled from the values of records: numbers and texts as what they are, others as the texts from
//! which DuckDB casts them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;

use super::options::CopyFormat;
use crate::doors::postgres::decode::{self, Parameter, ParameterType};
use crate::doors::postgres::encode::ValueFormat;
use crate::doors::postgres::report::{Result, SqlReport};
use crate::doors::postgres::types;
use duck::types::{Column, LogicalType};

/// A batch is handed over once it is this large.
const BATCH_BYTES: usize = 1 << 20;

/// Or once it has so many rows.
const BATCH_ROWS: usize = 16_384;

/// The columns of a batch to be.
pub(super) struct ColumnBuilders {
    schema: SchemaRef,
    columns: Vec<(Column, ColumnBuilder)>,
    format: ValueFormat,
    rows: usize,
    bytes: usize,
}

enum ColumnBuilder {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Double(Float64Builder),
    Text(StringBuilder),
    Blob(BinaryBuilder),
}

impl ColumnBuilder {
    fn of(ty: &LogicalType) -> Self {
        use LogicalType as T;
        match ty {
            T::Boolean => Self::Boolean(BooleanBuilder::new()),
            T::TinyInt | T::UTinyInt | T::SmallInt | T::USmallInt | T::Integer | T::UInteger | T::BigInt => {
                Self::Integer(Int64Builder::new())
            }
            T::Double => Self::Double(Float64Builder::new()),
            T::Blob => Self::Blob(BinaryBuilder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    fn ty(&self) -> DataType {
        match self {
            Self::Boolean(_) => DataType::Boolean,
            Self::Integer(_) => DataType::Int64,
            Self::Double(_) => DataType::Float64,
            Self::Text(_) => DataType::Utf8,
            Self::Blob(_) => DataType::Binary,
        }
    }

    fn null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Blob(builder) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Blob(builder) => Arc::new(builder.finish()),
        }
    }

    /// Adds a value as it came, where that takes no reading; tells whether it was that.
    fn add_plain(&mut self, ty: &LogicalType, format: ValueFormat, value: &Bytes) -> bool {
        match (self, format, ty) {
            (Self::Integer(builder), ValueFormat::Binary, LogicalType::BigInt | LogicalType::UInteger) => {
                let number = value.as_ref().try_into().ok().map(i64::from_be_bytes);
                let number =
                    number.filter(|number| *ty == LogicalType::BigInt || u32::try_from(*number).is_ok());
                number.map(|number| builder.append_value(number)).is_some()
            }
            (Self::Integer(builder), ValueFormat::Binary, LogicalType::Integer) => {
                let number = value.as_ref().try_into().ok().map(i32::from_be_bytes);
                number.map(|number| builder.append_value(number.into())).is_some()
            }
            (Self::Integer(builder), ValueFormat::Binary, LogicalType::SmallInt) => {
                let number = value.as_ref().try_into().ok().map(i16::from_be_bytes);
                number.map(|number| builder.append_value(number.into())).is_some()
            }
            (Self::Double(builder), ValueFormat::Binary, _) => {
                let number = value.as_ref().try_into().ok().map(f64::from_be_bytes);
                number.map(|number| builder.append_value(number)).is_some()
            }
            (Self::Blob(builder), ValueFormat::Binary, _) => {
                builder.append_value(value);
                true
            }
            (Self::Text(builder), _, LogicalType::Varchar) if memchr::memchr(0, value).is_none() => {
                let text = std::str::from_utf8(value);
                text.map(|text| builder.append_value(text)).is_ok()
            }
            _ => false,
        }
    }

    /// Adds a value that was read.
    fn add(&mut self, parameter: Parameter) -> Result<()> {
        match (self, parameter) {
            (Self::Blob(builder), Parameter::Blob(bytes)) => builder.append_value(&bytes),
            (builder, Parameter::Literal(None, _)) => builder.null(),
            (Self::Boolean(builder), Parameter::Literal(Some(text), _)) => {
                builder.append_value(text == "true");
            }
            (Self::Integer(builder), Parameter::Literal(Some(text), _)) => {
                builder.append_value(text.parse().map_err(|_| mismatch())?);
            }
            (Self::Double(builder), Parameter::Literal(Some(text), _)) => {
                builder.append_value(double(&text)?);
            }
            (Self::Text(builder), Parameter::Literal(Some(text), _)) => builder.append_value(text),
            _ => return Err(mismatch()),
        }
        Ok(())
    }
}

fn mismatch() -> SqlReport {
    SqlReport::error("XX000", "a value was read as one of another type")
}

fn double(text: &str) -> Result<f64> {
    let trimmed = text.trim();
    let names = |c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E');
    match trimmed.parse::<f64>() {
        Ok(number) if number.is_finite() || trimmed.contains(names) => Ok(number),
        Ok(_) => {
            Err(SqlReport::error("22003", format!("\"{text}\" is out of range for type double precision")))
        }
        Err(_) => Err(SqlReport::error(
            "22P02",
            format!("invalid input syntax for type double precision: \"{text}\""),
        )),
    }
}

impl ColumnBuilders {
    /// Columns for values of this format.
    pub(super) fn new(columns: &[Column], format: CopyFormat) -> Self {
        let columns: Vec<_> =
            columns.iter().map(|column| (column.clone(), ColumnBuilder::of(&column.ty))).collect();
        let fields = columns.iter().map(|(column, builder)| Field::new(&column.name, builder.ty(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let format = if format == CopyFormat::Binary { ValueFormat::Binary } else { ValueFormat::Text };
        Self { schema, columns, format, rows: 0, bytes: 0 }
    }

    /// The schema of the batches.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Adds the values of a record.
    ///
    /// # Errors
    /// What is wrong with a value, and the number of its column.
    pub(super) fn add(&mut self, values: &[Option<Bytes>]) -> Result<(), (SqlReport, usize)> {
        for (at, (value, (column, builder))) in values.iter().zip(&mut self.columns).enumerate() {
            let Some(value) = value else {
                builder.null();
                continue;
            };
            self.bytes += value.len();
            if builder.add_plain(&column.ty, self.format, value) {
                continue;
            }
            let wanted = ParameterType { oid: types::oid(&column.ty), resolved: &column.ty };
            let read = decode::value(wanted, self.format, value, at + 1);
            read.and_then(|read| builder.add(read)).map_err(|report| (report, at))?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Whether there is enough for a batch.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// The rows so far, if there are any.
    ///
    /// # Errors
    /// XX000 for columns that do not fit together.
    pub(super) fn take(&mut self) -> Result<Option<RecordBatch>> {
        if std::mem::take(&mut self.rows) == 0 {
            return Ok(None);
        }
        self.bytes = 0;
        let arrays = self.columns.iter_mut().map(|(_, builder)| builder.finish()).collect();
        let batch = RecordBatch::try_new(self.schema(), arrays);
        batch.map(Some).map_err(|fault| SqlReport::error("XX000", fault.to_string()))
    }

    /// The columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().map(|(column, _)| column)
    }
}

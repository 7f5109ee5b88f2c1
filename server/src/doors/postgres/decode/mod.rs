//! Parameters on their way to a statement (PW-17, PW-18).
//!
//! Whatever its format, a parameter becomes the text of a literal and the type that it is a literal of; DuckDB reads it as it
//! reads `'42'` where a number is wanted.

mod array;
mod binary;
mod text;

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;

use super::encode::ValueFormat;
use super::report::{Result, SqlReport};
use super::types;
use super::wire::Malformed;
use super::wire::fields::utf8;
use duck::types::LogicalType;
use engine::{Bind, BindBy};

/// A parameter, ready to be bound.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Parameter {
    /// A literal of a type; of none, a text. Without a text it is NULL.
    Literal(Option<String>, Option<LogicalType>),
    /// Bytes.
    Blob(Bytes),
}

/// What a statement wants in the place of a parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParameterType<'a> {
    /// The type that the client was told or has told.
    pub(super) oid: u32,
    /// The type that DuckDB has found out.
    pub(super) resolved: &'a LogicalType,
}

impl ParameterType<'_> {
    /// The type of which the value is a literal: the declared one, or where that says nothing, the one that is wanted.
    fn literal(self) -> Option<LogicalType> {
        let resolved = || Some(self.resolved.clone()).filter(|ty| *ty != LogicalType::Unknown);
        if types::is_text(self.oid) || types::oid(self.resolved) == self.oid {
            resolved().or_else(|| types::logical(self.oid))
        } else {
            types::logical(self.oid).or_else(resolved)
        }
    }
}

/// Reads the values of a Bind.
///
/// # Errors
/// 22P02, 22P03, 22003 or 22021 for a value that is none of its type.
pub(super) fn parameters(
    wanted: &[ParameterType<'_>],
    format: impl Fn(usize) -> Result<ValueFormat>,
    values: &[Option<Bytes>],
) -> Result<Bind> {
    let read = |(at, (wanted, given)): (usize, (&ParameterType<'_>, &Option<Bytes>))| {
        let Some(given) = given else { return Ok(Parameter::Literal(None, wanted.literal())) };
        value(*wanted, format(at)?, given, at + 1)
    };
    let parameters = wanted.iter().zip(values).enumerate().map(read);
    bind(parameters.collect::<Result<Vec<_>>>()?)
}

/// Reads a value, that of the parameter or the column of this number.
///
/// # Errors
/// As [`parameters`].
pub(super) fn value(
    wanted: ParameterType<'_>,
    format: ValueFormat,
    value: &Bytes,
    number: usize,
) -> Result<Parameter> {
    match format {
        ValueFormat::Text => text::read(wanted, value),
        ValueFormat::Binary => binary::read(wanted, value, number),
    }
}

/// The types that parameters will have, as far as that is known before their values are; numbers may have any digits.
pub(super) fn types(wanted: &[ParameterType<'_>]) -> Vec<LogicalType> {
    let ty = |wanted: &ParameterType<'_>| match wanted.oid {
        types::NUMERIC if *wanted.resolved == LogicalType::Unknown => {
            LogicalType::Decimal { width: 38, scale: 9 }
        }
        _ => wanted.literal().unwrap_or(LogicalType::Varchar),
    };
    wanted.iter().map(ty).collect()
}

fn bind(parameters: Vec<Parameter>) -> Result<Bind> {
    let (mut fields, mut columns, mut literals) = (Vec::new(), Vec::<ArrayRef>::new(), Vec::new());
    for parameter in parameters {
        let (ty, column, literal): (_, ArrayRef, _) = match parameter {
            Parameter::Literal(text, literal) => {
                (DataType::Utf8, Arc::new(StringArray::from(vec![text])), literal)
            }
            Parameter::Blob(bytes) => (DataType::Binary, Arc::new(BinaryArray::from_vec(vec![&bytes])), None),
        };
        fields.push(Field::new("", ty, true));
        columns.push(column);
        // A text is bound as one.
        literals.push(literal.filter(|ty| *ty != LogicalType::Varchar));
    }
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
    let rows = rows.map_err(|fault| SqlReport::error("XX000", fault.to_string()))?;
    Ok(Bind { literals, ..Bind::new(rows, BindBy::Position) })
}

/// Bytes as a text without zeros.
fn plain(bytes: &[u8]) -> Result<&str> {
    match memchr::memchr(0, bytes) {
        Some(_) => Err(Malformed::NotUtf8(0).into()),
        None => Ok(utf8(bytes)?),
    }
}

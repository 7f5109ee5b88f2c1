//! The one function from a result's shape to the schema that Flight clients see (FY-1), and its IPC form.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Fields, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::{IpcMessage, SchemaAsIpc};
use bytes::Bytes;

use duck::types::arrow::arrow_schema;
use duck::types::{Column, Fidelity, LogicalType, ResultShape};
use engine::{Error, Result};

const TYPE_NAME: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";
const PRECISION: &str = "ARROW:FLIGHT:SQL:PRECISION";
const SCALE: &str = "ARROW:FLIGHT:SQL:SCALE";
const EXTENSION_NAME: &str = "ARROW:extension:name";
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";

/// The zone that TIMESTAMPTZ parameters are announced in; values of any zone bind.
const UTC: &str = "Etc/UTC";

/// Whether JSON columns are marked as `arrow.json` (FY-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonStyle {
    /// Plain Utf8, as dbt maps strings.
    Plain,
    /// Utf8 with the extension's metadata.
    Extension,
}

/// The schema of a result: the engine's Arrow types with DuckDB's type names beside them (FY-4, FY-5).
pub(super) fn flight_schema(shape: &ResultShape, json: JsonStyle) -> SchemaRef {
    let columns = shape.columns.iter().zip(shape.schema.fields());
    let fields: Fields = columns.map(|(column, field)| flight_field(column, field, json)).collect();
    Arc::new(Schema::new(fields))
}

/// One column of [`flight_schema`].
pub(super) fn flight_field(column: &Column, field: &FieldRef, json: JsonStyle) -> FieldRef {
    let field = match json {
        JsonStyle::Plain => Arc::clone(field),
        JsonStyle::Extension => mark_json(field, &column.ty),
    };
    let mut metadata = field.metadata().clone();
    metadata.extend(type_metadata(&column.ty));
    Arc::new(field.as_ref().clone().with_metadata(metadata))
}

fn type_metadata(ty: &LogicalType) -> HashMap<String, String> {
    let mut metadata = HashMap::from([(TYPE_NAME.to_owned(), ty.to_string())]);
    if let LogicalType::Decimal { width, scale } = ty {
        metadata.insert(PRECISION.to_owned(), width.to_string());
        metadata.insert(SCALE.to_owned(), scale.to_string());
    }
    metadata
}

/// The field with every JSON in it marked, nested ones too.
fn mark_json(field: &FieldRef, ty: &LogicalType) -> FieldRef {
    let data_type = match (field.data_type(), ty) {
        (DataType::Utf8, LogicalType::Json) => {
            let metadata = [(EXTENSION_NAME, "arrow.json"), (EXTENSION_METADATA, "")];
            let metadata = metadata.map(|(k, v)| (k.to_owned(), v.to_owned()));
            return Arc::new(field.as_ref().clone().with_metadata(metadata.into()));
        }
        (DataType::List(child), LogicalType::List(ty)) => DataType::List(mark_json(child, ty)),
        (DataType::FixedSizeList(child, n), LogicalType::Array(ty, _)) => {
            DataType::FixedSizeList(mark_json(child, ty), *n)
        }
        (DataType::Struct(children), LogicalType::Struct(types)) => {
            DataType::Struct(mark_all(children, types))
        }
        (DataType::Map(entries, sorted), LogicalType::Map(key, value)) => {
            let types = [(String::new(), key.as_ref().clone()), (String::new(), value.as_ref().clone())];
            let DataType::Struct(pair) = entries.data_type() else { return Arc::clone(field) };
            let pair = DataType::Struct(mark_all(pair, &types));
            DataType::Map(Arc::new(entries.as_ref().clone().with_data_type(pair)), *sorted)
        }
        _ => return Arc::clone(field),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

fn mark_all(fields: &Fields, types: &[(String, LogicalType)]) -> Fields {
    fields.iter().zip(types).map(|(field, (_, ty))| mark_json(field, ty)).collect()
}

/// The schema of a statement's parameters: nullable, by identifier, unresolved types as Utf8 (FP-3).
pub(super) fn parameter_schema(parameters: &[(String, LogicalType)]) -> SchemaRef {
    let known = |ty: &LogicalType| match ty {
        LogicalType::Null | LogicalType::Unknown => LogicalType::Varchar,
        ty => ty.clone(),
    };
    let columns: Vec<Column> =
        parameters.iter().map(|(name, ty)| Column { name: name.clone(), ty: known(ty) }).collect();
    let fields = arrow_schema(&columns, Fidelity::Standard, UTC);
    let nullable: Fields =
        fields.fields().iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect();
    Arc::new(Schema::new(nullable))
}

/// A schema as an encapsulated IPC message, as FlightInfo, SchemaResult and prepared statements carry it.
///
/// # Errors
/// `Internal` when Arrow cannot encode it.
pub(super) fn ipc(schema: &Schema) -> Result<Bytes> {
    let message: IpcMessage = SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into().map_err(
        |e: arrow::error::ArrowError| Error::internal(format!("The schema cannot be encoded: {e}")),
    )?;
    Ok(message.0)
}

//! What is in a driver's answers: bytes in base64, and Arrow data as IPC streams.

use super::{flight, messages};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use serde_json::{Map, Value};
use tonic::Status;

/// The bytes of a field of an answer; none if it is not there.
///
/// # Errors
/// A field that is not base64.
pub(crate) fn decoded(answer: &Map<String, Value>, field: &str) -> Result<Bytes, Status> {
    answer.get(field).map_or_else(|| Ok(Bytes::new()), |value| bytes(value, field))
}

/// The bytes of each item of a list in an answer.
///
/// # Errors
/// Items that are not base64.
pub(crate) fn list(answer: &Map<String, Value>, field: &str) -> Result<Vec<Bytes>, Status> {
    let items = answer.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| bytes(item, field)).collect()
}

fn bytes(value: &Value, field: &str) -> Result<Bytes, Status> {
    let wrong = |fault| Status::unknown(format!("the driver's {field}: {fault}"));
    messages::bytes(value.as_str().unwrap_or_default()).map_err(wrong)
}

/// Schema, rows and number of batches of an answer's `arrow`, put into an outcome; nothing where it has none.
///
/// # Errors
/// Bytes that are no IPC stream.
pub(crate) fn schema_and_rows(answer: &Value, outcome: &mut Map<String, Value>) -> Result<usize, Status> {
    let Some(answer) = answer.as_object().filter(|answer| answer.get("arrow").is_some_and(Value::is_string))
    else {
        return Ok(0);
    };
    let bytes = decoded(answer, "arrow")?;
    let wrong = |error: &dyn std::fmt::Display| Status::unknown(format!("the driver's arrow: {error}"));
    let reader = StreamReader::try_new(bytes.as_ref(), None).map_err(|error| wrong(&error))?;
    flight::announce(outcome, &reader.schema());
    let mut batches = 0;
    for batch in reader {
        let batch = batch.map_err(|error| wrong(&error))?;
        flight::add_rows(outcome, flight::rows_of(&batch).map_err(|fault| wrong(&fault))?);
        batches += 1;
    }
    Ok(batches)
}

/// Batches as an IPC stream in base64.
///
/// # Errors
/// Arrow's.
pub(crate) fn stream(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Value, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    Ok(messages::base64(&writer.into_inner()?).into())
}

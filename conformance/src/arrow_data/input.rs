//! Record batches from the `columns` and `rows` of a step.

use super::read;
use crate::fault::{During, Fault, Result};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, UnionArray};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UnionMode};
use arrow::json::ReaderBuilder;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The schema of a step's `columns`.
///
/// # Errors
/// A text that is no `name type`.
pub fn schema(columns: &[String]) -> Result<SchemaRef> {
    let fields = columns.iter().map(|text| read::field(text)).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

/// The rows as one batch.
///
/// # Errors
/// Values that do not fit their column, or a row of another width.
pub fn batch(schema: &SchemaRef, rows: &[Vec<Value>]) -> Result<RecordBatch> {
    let column = |(index, field): (usize, &Arc<Field>)| {
        let values: Vec<&Value> = rows.iter().map(|row| row.get(index).unwrap_or(&Value::Null)).collect();
        array(field, &values)
    };
    if let Some(row) = rows.iter().find(|row| row.len() != schema.fields().len()) {
        return Err(Fault(format!("a row of {} values for {} columns", row.len(), schema.fields().len())));
    }
    let columns = schema.fields().iter().enumerate().map(column).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).during("building a batch")
}

fn array(field: &Field, values: &[&Value]) -> Result<ArrayRef> {
    match field.data_type() {
        DataType::Union(..) => union(field, values),
        kind => {
            // What Arrow's JSON reader cannot build, it can cast to.
            let (built, detour) = match kind {
                DataType::Dictionary(_, inner) => (inner.as_ref().clone(), true),
                DataType::Interval(_) => (DataType::Utf8, true),
                DataType::Timestamp(unit, Some(_)) => {
                    (DataType::Timestamp(*unit, Some("+00:00".into())), true)
                }
                other => (other.clone(), false),
            };
            let array = decode(field.name(), &built, values)?;
            if detour { cast(&array, kind).during(&format!("column {}", field.name())) } else { Ok(array) }
        }
    }
}

fn decode(name: &str, kind: &DataType, values: &[&Value]) -> Result<ArrayRef> {
    let schema = Arc::new(Schema::new(vec![Field::new("v", kind.clone(), true)]));
    let mut lines = Vec::new();
    for value in values {
        let line = Value::Object(Map::from_iter([("v".to_owned(), (*value).clone())]));
        serde_json::to_writer(&mut lines, &line).during(name)?;
        lines.push(b'\n');
    }
    let what = format!("column {name}");
    let mut reader = ReaderBuilder::new(schema)
        .with_batch_size(values.len().max(1))
        .build(lines.as_slice())
        .during(&what)?;
    match reader.next() {
        Some(batch) => Ok(Arc::clone(batch.during(&what)?.column(0))),
        None => Ok(arrow::array::new_empty_array(kind)),
    }
}

/// Values as `{member: value}`. The children of a dense union hold their own values only.
fn union(field: &Field, values: &[&Value]) -> Result<ArrayRef> {
    let DataType::Union(members, mode) = field.data_type() else { return Err(Fault::new("not a union")) };
    let member_of = |value: &Value| {
        value.as_object().and_then(|map| map.iter().next()).map(|(name, value)| (name.clone(), value.clone()))
    };
    let chosen: Vec<Option<(String, Value)>> = values.iter().map(|value| member_of(value)).collect();
    let mut ids = vec![0_i8; values.len()];
    let mut offsets = vec![0_i32; values.len()];
    let mut children = Vec::new();
    for (id, member) in members.iter() {
        let mut column = Vec::new();
        for (row, choice) in chosen.iter().enumerate() {
            let own = choice.as_ref().filter(|(name, _)| name == member.name());
            if own.is_some() {
                ids[row] = id;
                offsets[row] = i32::try_from(column.len()).during("building a union")?;
            }
            if own.is_some() || *mode == UnionMode::Sparse {
                column.push(own.map_or(Value::Null, |(_, value)| value.clone()));
            }
        }
        children.push(array(member, &column.iter().collect::<Vec<_>>())?);
    }
    let offsets = (*mode == UnionMode::Dense).then(|| offsets.into());
    UnionArray::try_new(members.clone(), ids.into(), offsets, children)
        .map(|array| Arc::new(array) as ArrayRef)
        .during("building a union")
}

/// The batch in pieces of at most `rows` rows; one empty piece if it is empty.
///
/// # Errors
/// Arrow's, if it cannot take rows.
pub fn pieces(batch: &RecordBatch, rows: usize) -> Result<Vec<RecordBatch>> {
    let rows = rows.max(1);
    let starts = (0..batch.num_rows().max(1)).step_by(rows);
    starts.map(|start| compact(&batch.slice(start, rows.min(batch.num_rows() - start)))).collect()
}

/// A copy without the offsets of a slice, as other clients send it.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let indices = UInt32Array::from_iter_values(0..u32::try_from(batch.num_rows()).unwrap_or(u32::MAX));
    let columns = batch
        .columns()
        .iter()
        .map(|column| take(column, &indices, None))
        .collect::<std::result::Result<Vec<_>, _>>();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns.during("slicing a batch")?, &options)
        .during("slicing a batch")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrow_data::values;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("a int64", json!(9007199254740991_i64))]
    #[case("a decimal128(10,2)", serde_json::from_str("1.50").unwrap())]
    #[case("a utf8", json!("é"))]
    #[case("a binary", json!("00ff"))]
    #[case("a date32", json!("2024-01-15"))]
    #[case("a time64(us)", json!("13:45:00.500"))]
    #[case("a timestamp(us)", json!("2024-01-15T13:45:00.123456"))]
    #[case("a timestamp(us,Europe/Paris)", json!("2024-07-15T13:45:00+02:00"))]
    #[case("a interval(month_day_nano)", json!("1 mons 2 days"))]
    #[case("a dictionary<int32, utf8>", json!("x"))]
    #[case("a list<l int32>", json!([1, null]))]
    #[case("a struct<x int32, y utf8>", json!({"x": 1, "y": null}))]
    #[case("a map<key utf8!, value int32>", json!({"k": 1}))]
    #[case("a float32", serde_json::from_str("0.1").unwrap())]
    #[case("a bool", json!(null))]
    fn values_survive_the_round_trip(#[case] column: &str, #[case] value: Value) {
        let schema = schema(&[column.to_owned()]).unwrap();
        let batch = batch(&schema, &[vec![value.clone()]]).unwrap();
        assert_eq!(values::rows(&batch).unwrap(), [json!([value])]);
    }

    #[test]
    fn unions_name_their_member() {
        let schema = schema(&["u sparse_union<n int32, s utf8>".to_owned()]).unwrap();
        let batch = batch(&schema, &[vec![json!({"s": "x"})], vec![json!({"n": 7})]]).unwrap();
        assert_eq!(values::rows(&batch).unwrap(), [json!(["x"]), json!([7])]);
    }

    #[test]
    fn pieces_hold_every_row() {
        let schema = schema(&["a int32".to_owned()]).unwrap();
        let rows: Vec<Vec<Value>> = (0..5).map(|n| vec![json!(n)]).collect();
        let sizes: Vec<usize> =
            pieces(&batch(&schema, &rows).unwrap(), 2).unwrap().iter().map(RecordBatch::num_rows).collect();
        assert_eq!(sizes, [2, 2, 1]);
    }
}

//! Parameters of a statement (LQ-14): JSON scalars as one row of Arrow columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, NullArray, RecordBatch,
    RecordBatchOptions, StringArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Number, Value};

use crate::doors::lakehouse::response::{ApiError, Result};
use engine::{Bind, BindBy, HUGEINT_EXTENSION};

/// Where Arrow fields name their extension type.
const EXTENSION_TYPE_NAME_KEY: &str = "ARROW:extension:name";

/// Reads `params`: an object binds by name, an array in order.
///
/// # Errors
/// `bad-request` for another JSON type, a nested value, or a number that no DuckDB type holds.
pub(super) fn bind(params: Value) -> Result<Bind> {
    let (by, columns) = match params {
        Value::Object(named) => (BindBy::Name, named.into_iter().collect()),
        Value::Array(values) => {
            let positions = values.into_iter().enumerate();
            (BindBy::Position, positions.map(|(at, value)| ((at + 1).to_string(), value)).collect::<Vec<_>>())
        }
        _ => return Err(ApiError::bad_request("the field `params` must be an object or an array")),
    };
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    for (name, value) in columns {
        let array = array(&name, &value)?;
        fields.push(field(name, &array));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|fault| ApiError::bad_request(format!("the field `params` cannot be bound: {fault}")))?;
    Ok(Bind::new(rows, by))
}

fn field(name: String, array: &ArrayRef) -> Field {
    let field = Field::new(name, array.data_type().clone(), true);
    match array.data_type() {
        // The only decimals here are integers beyond BIGINT.
        DataType::Decimal128(..) => field.with_metadata(HashMap::from([(
            EXTENSION_TYPE_NAME_KEY.to_owned(),
            HUGEINT_EXTENSION.to_owned(),
        )])),
        _ => field,
    }
}

fn array(name: &str, value: &Value) -> Result<ArrayRef> {
    Ok(match value {
        Value::Null => Arc::new(NullArray::new(1)),
        Value::Bool(value) => Arc::new(BooleanArray::from(vec![*value])),
        Value::String(value) => Arc::new(StringArray::from(vec![value.as_str()])),
        Value::Number(value) => number(name, value)?,
        Value::Array(_) | Value::Object(_) => {
            return Err(ApiError::bad_request(format!(
                "the parameter `{name}` is nested; parameters are scalars"
            )));
        }
    })
}

/// An integer as BIGINT, or as a 128-bit one if it is larger; a number with a fraction or an exponent as DOUBLE.
fn number(name: &str, number: &Number) -> Result<ArrayRef> {
    let digits = number.as_str();
    if let Ok(value) = digits.parse::<i64>() {
        return Ok(Arc::new(Int64Array::from(vec![value])));
    }
    if let Ok(value) = digits.parse::<i128>() {
        let huge = Decimal128Array::from(vec![value]).with_precision_and_scale(38, 0);
        return Ok(Arc::new(huge.map_err(|_| too_large(name))?));
    }
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() && digits.contains(['.', 'e', 'E']) => {
            Ok(Arc::new(Float64Array::from(vec![value])))
        }
        _ => Err(too_large(name)),
    }
}

fn too_large(name: &str) -> ApiError {
    ApiError::bad_request(format!("the parameter `{name}` is a number that no type holds"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn types(params: &str) -> Vec<(String, DataType)> {
        let bind = bind(serde_json::from_str(params).unwrap()).unwrap();
        assert_eq!(bind.rows.num_rows(), 1);
        let schema = bind.rows.schema();
        schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    }

    #[test]
    fn an_object_binds_by_name() {
        let named = types(r#"{"b":true,"a":null}"#);
        assert_eq!(named, [("b".to_owned(), DataType::Boolean), ("a".to_owned(), DataType::Null)]);
    }

    #[rstest]
    #[case("[9223372036854775807]", DataType::Int64)]
    #[case("[9223372036854775808]", DataType::Decimal128(38, 0))]
    #[case("[1.0]", DataType::Float64)]
    #[case("[1e3]", DataType::Float64)]
    #[case(r#"["x"]"#, DataType::Utf8)]
    fn scalars_have_their_type(#[case] params: &str, #[case] expected: DataType) {
        assert_eq!(types(params), [("1".to_owned(), expected)]);
    }

    #[rstest]
    #[case(json!([[1]]))]
    #[case(json!({"a": {}}))]
    #[case(json!("x"))]
    fn other_values_are_refused(#[case] params: Value) {
        bind(params).unwrap_err();
    }

    #[test]
    fn integers_beyond_128_bits_are_refused() {
        bind(serde_json::from_str(&format!("[1{}]", "0".repeat(40))).unwrap()).unwrap_err();
    }
}

//! One SQL statement over either door, with the same outcome.

use super::flight::Call;
use super::gate::Gate;
use super::http::Request;
use crate::fault::{Fault, Result};
use serde_json::{Map, Value, json};

/// The outcome of `POST /query` as `columns`, `rows` and `error`.
///
/// # Errors
/// No answer, or one that is not the stream of LQ-03.
pub async fn rest(request: Request, client: reqwest::Client, gate: Gate) -> Result<Value> {
    let mut outcome = request.in_lines().send(&client, gate).await?;
    let Some(Value::Array(mut lines)) = outcome.get_mut("lines").map(Value::take) else {
        return Err(Fault(format!("POST /query answered {outcome}")));
    };
    let error = lines.pop_if(|line| line.get("error").is_some()).map(|mut line| line["error"].take());
    // The first line is about the query, the second names the columns.
    let mut lines = lines.into_iter().skip(1);
    let columns = lines
        .next()
        .as_ref()
        .and_then(Value::as_array)
        .map(|columns| columns.iter().map(|column| column["name"].clone()).collect::<Vec<_>>());
    let rows: Vec<Value> = lines.collect();
    let mut outcome = json!({"columns": columns, "row_count": rows.len(), "error": error});
    outcome["rows"] = rows.into();
    Ok(outcome)
}

/// The outcome of a query over Flight SQL in the same form, values as the LN table has them.
///
/// # Errors
/// A stream the runner cannot read.
pub async fn flight(call: Call, command: bytes::Bytes, gate: Gate) -> Result<Value> {
    let outcome = call.query(command, gate).await?;
    let error = if outcome["status"] == "OK" { Value::Null } else { outcome["message"].clone() };
    let columns = outcome["schema"].as_array().map(|columns| columns.iter().map(name_of).collect::<Vec<_>>());
    let kinds = kinds(&outcome);
    let as_ln = |row: &Value| {
        row.as_array()
            .map(|row| row.iter().zip(&kinds).map(|(value, kind)| kind.of(value)).collect::<Value>())
    };
    let rows: Vec<Option<Value>> =
        outcome["rows"].as_array().map(|rows| rows.iter().map(as_ln).collect()).unwrap_or_default();
    Ok(json!({"columns": columns, "row_count": rows.len(), "rows": rows, "error": error}))
}

fn name_of(column: &Value) -> Value {
    let text = column.as_str().unwrap_or_default();
    text.rsplit_once(' ').map_or(text, |(name, _)| name).into()
}

/// How a column's Arrow values become LN values.
#[derive(Clone, Copy)]
enum Kind {
    Json,
    Float,
    Other,
}

fn kinds(outcome: &Value) -> Vec<Kind> {
    let empty = (Vec::new(), Vec::new());
    let (columns, metadata) =
        outcome["schema"].as_array().zip(outcome["metadata"].as_array()).unwrap_or((&empty.0, &empty.1));
    let kind = |(column, metadata): (&Value, &Value)| match metadata
        .get("ARROW:FLIGHT:SQL:TYPE_NAME")
        .and_then(Value::as_str)
    {
        Some("JSON" | "VARIANT") => Kind::Json,
        _ if column
            .as_str()
            .is_some_and(|column| column.ends_with(" float64") || column.ends_with(" float32")) =>
        {
            Kind::Float
        }
        _ => Kind::Other,
    };
    columns.iter().zip(metadata).map(kind).collect()
}

impl Kind {
    fn of(self, value: &Value) -> Value {
        match (self, value) {
            (Self::Json, Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
            (Self::Float, Value::String(_)) => Value::Null,
            _ => value.clone(),
        }
    }
}

/// The body of a `/query` in a session.
pub fn body(statement: &str, session: &str) -> Map<String, Value> {
    Map::from_iter([("statement".to_owned(), statement.into()), ("session_id".to_owned(), session.into())])
}

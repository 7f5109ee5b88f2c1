//! One SQL statement over either door, with the same outcome.

use super::Client;
use super::answers;
use super::http::Request;
use super::rpc::{Call, Wire};
use crate::fault::{Fault, Result};
use crate::gate::Gate;
use serde_json::{Map, Value, json};

/// The outcome of `POST /query` as `columns`, `rows` and `error`.
///
/// # Errors
/// No answer, or one that is not the stream of LQ-03.
pub async fn rest(request: Request, client: Client, gate: Gate) -> Result<Value> {
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

/// As [`rest`], by a driver's client of the Lakehouse API if it has one; `call` says what and where.
///
/// # Errors
/// As there.
pub async fn rest_by(call: Value, request: Request, client: Client, gate: Gate) -> Result<Value> {
    if let Some(driver) = client.driven().filter(|driver| driver.makes("sql.rest"))
        && let Some(answer) = driver.call("sql.rest", call, &mut Gate::open(), Value::clone).await?
    {
        return Ok(counted(answer));
    }
    rest(request, client, gate).await
}

/// An outcome that a driver gave, with the number of its rows.
fn counted(mut answer: Value) -> Value {
    let rows = answer["rows"].as_array().map_or(0, Vec::len);
    answer["row_count"] = rows.into();
    answer
}

/// As [`flight`], by a driver's SQL client if it has one.
///
/// # Errors
/// As there.
pub async fn flight_by(call: Call, statement: &str, command: bytes::Bytes, mut gate: Gate) -> Result<Value> {
    if let Wire::Driver(driver, url) = &call.wire
        && driver.makes("sql.flight")
    {
        let fields = call.addressed(url, json!({"statement": statement}));
        if let Some(answer) = driver.call("sql.flight", fields, &mut gate, of_driver).await? {
            return Ok(of_driver(&answer));
        }
    }
    flight(call, command, gate).await
}

/// Rows as they are, or Arrow data, and the error.
fn of_driver(answer: &Value) -> Value {
    if answer.get("rows").is_some() {
        return counted(answer.clone());
    }
    let mut found = Map::new();
    let (status, message) = match answers::schema_and_rows(answer, &mut found) {
        Err(status) => ("UNKNOWN", status.message().into()),
        Ok(_) if answer["error"].is_null() => ("OK", Value::Null),
        Ok(_) => ("UNKNOWN", answer["error"].clone()),
    };
    found.insert("status".to_owned(), status.into());
    found.insert("message".to_owned(), message);
    as_rest(&Value::Object(found))
}

/// The outcome of a query over Flight SQL in the same form, values as the LN table has them.
///
/// # Errors
/// A stream the runner cannot read.
pub async fn flight(call: Call, command: bytes::Bytes, gate: Gate) -> Result<Value> {
    Ok(as_rest(&call.query(command, gate).await?))
}

fn as_rest(outcome: &Value) -> Value {
    let error = if outcome["status"] == "OK" { Value::Null } else { outcome["message"].clone() };
    let columns = outcome["schema"].as_array().map(|columns| columns.iter().map(name_of).collect::<Vec<_>>());
    let kinds = kinds(outcome);
    let as_ln = |row: &Value| {
        row.as_array()
            .map(|row| row.iter().zip(&kinds).map(|(value, kind)| kind.of(value)).collect::<Value>())
    };
    let rows: Vec<Option<Value>> =
        outcome["rows"].as_array().map(|rows| rows.iter().map(as_ln).collect()).unwrap_or_default();
    json!({"columns": columns, "row_count": rows.len(), "rows": rows, "error": error})
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

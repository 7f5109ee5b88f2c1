//! `POST /explain`: which tables a statement would read, and DuckDB's plan (LE).

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::extract::{Caller, JsonBody};
use super::openapi::JsonAnswers;
use super::response::{ApiError, Result};
use super::statement::{self, ConnectionErrors, Context};
use engine::Error;

/// A statement to explain.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"statement": "SELECT 1", "include_plan": true}))]
pub(super) struct ExplainBody {
    #[schema(nullable = false, required = true)]
    statement: Option<String>,
    catalog: Option<String>,
    schema: Option<String>,
    #[schema(format = Uuid)]
    session_id: Option<String>,
    include_plan: Option<bool>,
}

/// What a statement would read. Files and bytes are the hosted service's; nothing is known of them here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Explanation {
    tables: Vec<ScannedTable>,
    total_files: Option<u64>,
    total_bytes: Option<u64>,
    scanned_files_estimate: Option<u64>,
    scanned_bytes_estimate: Option<u64>,
    statement: String,
    /// One tree of `{name, children, extra_info}`, if it was asked for.
    #[schema(value_type = Option<Vec<Object>>)]
    plan: Option<Value>,
    error: Option<String>,
    connections_errors: ConnectionErrors,
}

/// One scan of a base table.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TableScan)]
pub(super) struct ScannedTable {
    table_name: String,
    estimated_rows: Option<u64>,
    filters: Option<String>,
    total_files: Option<u64>,
    total_bytes: Option<u64>,
    scanned_files_estimate: Option<u64>,
    scanned_bytes_estimate: Option<u64>,
}

/// Explains a statement in the named session's context, and executes nothing.
///
/// # Errors
/// `bad-request` for a missing statement or a malformed session id; `limit-exceeded`.
#[utoipa::path(post, path = "/explain", tag = "Query", request_body = ExplainBody,
    responses((status = 200, body = Explanation, description = "The tables and plan, or the statement's error"), JsonAnswers))]
pub(super) async fn run(caller: Caller, JsonBody(body): JsonBody<ExplainBody>) -> Result<Json<Explanation>> {
    let (statement, lines) = statement::trimmed(&statement::required(&caller.0, body.statement)?);
    let Context { target, session } =
        Context::open(&caller, &statement, body.catalog, body.schema, body.session_id).await?;
    let _gone = caller.cancel_on_drop();
    let explained = session.explain(statement.clone(), target, &caller.1).await;
    let (plan, error) = match statement::told(explained, lines)? {
        Ok(text) => (Some(parse(&text)?), None),
        Err(error) => (None, Some(error)),
    };
    Ok(Json(Explanation {
        tables: plan.as_ref().map(scans).unwrap_or_default(),
        total_files: None,
        total_bytes: None,
        scanned_files_estimate: None,
        scanned_bytes_estimate: None,
        statement,
        plan: plan.filter(|_| body.include_plan == Some(true)),
        error,
        connections_errors: ConnectionErrors {},
    }))
}

fn parse(plan: &str) -> Result<Value> {
    serde_json::from_str(plan)
        .map_err(|fault| ApiError::from(Error::internal(format!("DuckDB's plan is not JSON: {fault}"))))
}

/// The base-table scans of a plan, in its order.
fn scans(plan: &Value) -> Vec<ScannedTable> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Value> = children(plan);
    while let Some(node) = waiting.pop() {
        found.extend(scan(&node["extra_info"]));
        waiting.extend(children(&node["children"]));
    }
    found
}

/// The nodes of an array, the last first, as a stack of nodes to visit wants them.
fn children(nodes: &Value) -> Vec<&Value> {
    nodes.as_array().into_iter().flatten().rev().collect()
}

fn scan(details: &Value) -> Option<ScannedTable> {
    let table_name = details["Table"].as_str()?.to_owned();
    let filters = match &details["Filters"] {
        Value::String(filter) => Some(filter.clone()),
        Value::Array(filters) => {
            Some(filters.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" AND "))
        }
        _ => None,
    };
    Some(ScannedTable {
        table_name,
        estimated_rows: details["Estimated Cardinality"].as_str().and_then(|rows| rows.parse().ok()),
        filters,
        total_files: None,
        total_bytes: None,
        scanned_files_estimate: None,
        scanned_bytes_estimate: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scans_come_in_plan_order_with_their_filters() {
        let leaf = |table: &str, filters: Value| {
            let extra = json!({"Table": table, "Filters": filters, "Estimated Cardinality": "20"});
            json!({"name": "SEQ_SCAN", "children": [], "extra_info": extra})
        };
        let join = json!({"name": "HASH_JOIN", "extra_info": {}, "children": [
            leaf("memory.main.b", json!("x>1")), leaf("memory.main.c", Value::Null)]});
        let plan = json!([{"name": "UNION", "extra_info": {}, "children": [
            leaf("memory.main.a", json!(["i>1", "j=2"])), join]}]);
        let found: Vec<_> = scans(&plan)
            .into_iter()
            .map(|scan| (scan.table_name, scan.estimated_rows, scan.filters))
            .collect();
        assert_eq!(
            found,
            [
                ("memory.main.a".to_owned(), Some(20), Some("i>1 AND j=2".to_owned())),
                ("memory.main.b".to_owned(), Some(20), Some("x>1".to_owned())),
                ("memory.main.c".to_owned(), Some(20), None),
            ]
        );
    }
}

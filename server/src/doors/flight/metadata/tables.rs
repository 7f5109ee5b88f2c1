//! GetTables, with the schema of each table if asked for (FM-2, FM-4).

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, RecordBatch};
use arrow_flight::sql::CommandGetTables;

use super::super::session::FlightSession;
use super::table_schema::table_schema;
use super::{TABLE_TYPES, fields, shaped};
use engine::{Call, CatalogQuery, Result, TableRef};

/// The rows of GetTables.
///
/// # Errors
/// DuckDB's error, `Cancelled`.
pub(super) async fn rows(
    session: &Arc<FlightSession>,
    command: &CommandGetTables,
    call: &Arc<Call>,
) -> Result<RecordBatch> {
    let found = session.engine.list(&query(command), call).await?;
    let mut columns = found.columns().to_vec();
    if command.include_schema {
        columns.push(schemas(session, &found, call).await?);
    }
    shaped(fields::tables(command.include_schema), columns)
}

fn query(command: &CommandGetTables) -> CatalogQuery {
    let asked = &command.table_types;
    // JDBC tools ask for TABLE.
    let alias = |ty: &str| ty == "BASE TABLE" && asked.iter().any(|asked| asked == "TABLE");
    let wanted = |ty: &str| asked.is_empty() || asked.iter().any(|asked| asked == ty) || alias(ty);
    let [base_tables, temporary_tables, views] = TABLE_TYPES.map(wanted);
    CatalogQuery::Tables {
        catalog: command.catalog.clone(),
        schema_like: command.db_schema_filter_pattern.clone(),
        table_like: command.table_name_filter_pattern.clone(),
        base_tables,
        temporary_tables,
        views,
    }
}

async fn schemas(session: &Arc<FlightSession>, found: &RecordBatch, call: &Arc<Call>) -> Result<ArrayRef> {
    let mut schemas = Vec::with_capacity(found.num_rows());
    for row in 0..found.num_rows() {
        let text = |column: usize| found.column(column).as_string::<i32>().value(row).to_owned();
        let table = TableRef { catalog: text(0), schema: text(1), table: text(2) };
        schemas.push(table_schema(session, table, text(3) == "VIEW", call).await?);
    }
    Ok(Arc::new(BinaryArray::from_iter_values(schemas)))
}

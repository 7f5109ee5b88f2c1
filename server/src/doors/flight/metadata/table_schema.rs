//! The schema of a table or view, as GetTables shows it (FM-4, FY-6).

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{FieldRef, Fields, Schema};
use bytes::Bytes;

use super::super::schema::{flight_field, ipc};
use super::super::session::FlightSession;
use duck::types::{Column, LogicalType};
use engine::{Call, CatalogQuery, ErrorKind, Result, TableRef};

/// A table's encapsulated IPC schema; an empty one for a view that no longer binds.
///
/// # Errors
/// DuckDB's error, `Cancelled`.
pub(super) async fn table_schema(
    session: &FlightSession,
    table: TableRef,
    is_view: bool,
    call: &Arc<Call>,
) -> Result<Bytes> {
    let shape = match session.engine.table_shape(&table, call).await {
        Ok(shape) => shape,
        Err(error) if error.kind() == ErrorKind::Sql => return ipc(&Schema::empty()),
        Err(error) => return Err(error),
    };
    let details = session.engine.list(&CatalogQuery::Columns(table.clone()), call).await?;
    let details = Details::new(&details);
    let json = session.options.lock().json_style();
    let described =
        shape.columns.iter().zip(shape.schema.fields()).enumerate().map(|(at, (column, field))| {
            let field = flight_field(column, field, json);
            describe(&field, column, &table, is_view, details.get(at))
        });
    ipc(&Schema::new(described.collect::<Fields>()))
}

/// What the catalog knows about one column.
struct Detail {
    nullable: bool,
    remarks: Option<String>,
}

struct Details<'a>(&'a RecordBatch);

impl<'a> Details<'a> {
    fn new(batch: &'a RecordBatch) -> Self {
        Self(batch)
    }

    fn get(&self, row: usize) -> Detail {
        if row >= self.0.num_rows() {
            return Detail { nullable: true, remarks: None };
        }
        let (nullable, remarks) = (self.0.column(1).as_boolean(), self.0.column(2).as_string::<i32>());
        Detail {
            nullable: nullable.is_null(row) || nullable.value(row),
            remarks: remarks.is_valid(row).then(|| remarks.value(row).to_owned()),
        }
    }
}

fn describe(field: &FieldRef, column: &Column, table: &TableRef, is_view: bool, detail: Detail) -> FieldRef {
    let flag = |on: bool| if on { "1" } else { "0" }.to_owned();
    let mut facts = vec![
        ("CATALOG_NAME", table.catalog.clone()),
        // Readers differ on this one's name.
        ("SCHEMA_NAME", table.schema.clone()),
        ("DB_SCHEMA_NAME", table.schema.clone()),
        ("TABLE_NAME", table.table.clone()),
        ("IS_AUTO_INCREMENT", flag(false)),
        ("IS_CASE_SENSITIVE", flag(column.ty == LogicalType::Varchar)),
        ("IS_READ_ONLY", flag(is_view)),
        ("IS_SEARCHABLE", flag(true)),
    ];
    facts.extend(detail.remarks.map(|remarks| ("REMARKS", remarks)));
    let facts = facts.into_iter().map(|(key, value)| (format!("ARROW:FLIGHT:SQL:{key}"), value));
    let metadata: HashMap<String, String> = field.metadata().clone().into_iter().chain(facts).collect();
    // A view's columns are nullable whatever the catalog says, and a union's never are (FY-2).
    let nullable = field.is_nullable() && (is_view || detail.nullable);
    Arc::new(field.as_ref().clone().with_metadata(metadata).with_nullable(nullable))
}

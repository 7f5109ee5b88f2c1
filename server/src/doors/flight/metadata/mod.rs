//! The metadata commands: what each answers with, exactly (FM).

mod fields;
mod keys;
mod sql_info;
mod table_schema;
mod tables;
mod xdbc;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTables, CommandGetXdbcTypeInfo,
};

use super::session::FlightSession;
use engine::{Call, CatalogQuery, Error, Result};

/// A metadata command.
pub(super) enum Metadata {
    Catalogs,
    DbSchemas(CommandGetDbSchemas),
    Tables(CommandGetTables),
    TableTypes,
    PrimaryKeys(CommandGetPrimaryKeys),
    ExportedKeys(CommandGetExportedKeys),
    ImportedKeys(CommandGetImportedKeys),
    CrossReference(CommandGetCrossReference),
    SqlInfo(CommandGetSqlInfo),
    XdbcTypeInfo(CommandGetXdbcTypeInfo),
}

/// Every table type there is, in order (FM-3).
const TABLE_TYPES: [&str; 3] = ["BASE TABLE", "LOCAL TEMPORARY", "VIEW"];

impl Metadata {
    /// The schema of the answer, which holds for FlightInfo and stream (FM-1).
    pub(super) fn schema(&self) -> SchemaRef {
        match self {
            Self::Catalogs => fields::catalogs(),
            Self::DbSchemas(_) => fields::db_schemas(),
            Self::Tables(command) => fields::tables(command.include_schema),
            Self::TableTypes => fields::table_types(),
            Self::PrimaryKeys(_) => fields::primary_keys(),
            Self::ExportedKeys(_) | Self::ImportedKeys(_) | Self::CrossReference(_) => fields::foreign_keys(),
            Self::SqlInfo(_) => sql_info::schema(),
            Self::XdbcTypeInfo(_) => xdbc::schema(),
        }
    }

    /// The rows of the answer, as the session sees them now.
    ///
    /// # Errors
    /// DuckDB's error, `Cancelled`.
    pub(super) async fn rows(&self, session: &Arc<FlightSession>, call: &Arc<Call>) -> Result<RecordBatch> {
        match self {
            Self::Catalogs => self.list(session, &CatalogQuery::Catalogs, call).await,
            Self::DbSchemas(command) => self.list(session, &schemas(command), call).await,
            Self::Tables(command) => tables::rows(session, command, call).await,
            Self::TableTypes => {
                shaped(self.schema(), vec![Arc::new(StringArray::from(TABLE_TYPES.to_vec()))])
            }
            Self::PrimaryKeys(command) => self.list(session, &keys::primary(command), call).await,
            Self::ExportedKeys(command) => self.list(session, &keys::exported(command), call).await,
            Self::ImportedKeys(command) => self.list(session, &keys::imported(command), call).await,
            Self::CrossReference(command) => self.list(session, &keys::between(command), call).await,
            Self::SqlInfo(command) => {
                let words = sql_info::vocabulary(session, &command.info, call).await?;
                sql_info::batch(&command.info, words)
            }
            Self::XdbcTypeInfo(command) => xdbc::batch(command.data_type),
        }
    }

    async fn list(
        &self,
        session: &FlightSession,
        query: &CatalogQuery,
        call: &Arc<Call>,
    ) -> Result<RecordBatch> {
        let found = session.engine.list(query, call).await?;
        shaped(self.schema(), found.columns().to_vec())
    }
}

fn schemas(command: &CommandGetDbSchemas) -> CatalogQuery {
    CatalogQuery::Schemas {
        catalog: command.catalog.clone(),
        schema_like: command.db_schema_filter_pattern.clone(),
    }
}

/// Columns under the exact schema of their command.
fn shaped(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema, columns)
        .map_err(|e| Error::internal(format!("The metadata does not fit its schema: {e}")))
}

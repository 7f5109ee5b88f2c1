//! What a session can see, and where it stands: lookups that the protocols' metadata is made of.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;

use super::call::Call;
use super::session::{Execute, Session, Statement, Target, Window, bind_parameters};
use super::sql::{TableRef, catalog as text};
use crate::error::{Error, Result};
use duck::types::{Fidelity, ResultShape};

/// What to list. A filter of `None` filters nothing; a pattern is LIKE with `%`, `_` and the escape `\`.
#[derive(Debug, Clone)]
pub enum CatalogQuery {
    /// `catalog_name`.
    Catalogs,
    /// `catalog_name, db_schema_name`.
    Schemas {
        /// The catalog.
        catalog: Option<String>,
        /// Pattern of the schema.
        schema_like: Option<String>,
    },
    /// `catalog_name, db_schema_name, table_name, table_type`.
    Tables {
        /// The catalog.
        catalog: Option<String>,
        /// Pattern of the schema.
        schema_like: Option<String>,
        /// Pattern of the table.
        table_like: Option<String>,
        /// Whether to list base tables.
        base_tables: bool,
        /// Whether to list temporary tables.
        temporary_tables: bool,
        /// Whether to list views.
        views: bool,
    },
    /// `name, nullable, remarks` of a table's columns in order.
    Columns(TableRef),
    /// `catalog_name, db_schema_name, table_name, column_name, key_name, key_sequence`.
    PrimaryKeys(KeySide),
    /// The thirteen columns of Flight SQL's foreign keys (FM-1).
    ForeignKeys {
        /// The side that is referred to.
        primary: KeySide,
        /// The side that refers.
        foreign: KeySide,
        /// By which side the keys are ordered.
        order: KeyOrder,
    },
    /// `kind, word`: reserved keywords, and functions by what they are about (FM-6).
    Vocabulary,
}

/// One side of a key.
#[derive(Debug, Clone, Default)]
pub struct KeySide {
    /// The catalog.
    pub catalog: Option<String>,
    /// The schema.
    pub schema: Option<String>,
    /// The table.
    pub table: Option<String>,
}

/// By which side foreign keys are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrder {
    /// By the table referred to.
    Primary,
    /// By the table that refers.
    Foreign,
}

impl CatalogQuery {
    fn sql(&self) -> &'static str {
        match self {
            Self::Catalogs => text::CATALOGS,
            Self::Schemas { .. } => text::SCHEMAS,
            Self::Tables { .. } => text::TABLES,
            Self::Columns(_) => text::COLUMNS,
            Self::PrimaryKeys(_) => text::PRIMARY_KEYS,
            Self::ForeignKeys { order: KeyOrder::Primary, .. } => text::FOREIGN_KEYS_BY_PRIMARY,
            Self::ForeignKeys { order: KeyOrder::Foreign, .. } => text::FOREIGN_KEYS_BY_FOREIGN,
            Self::Vocabulary => text::VOCABULARY,
        }
    }

    fn filters(&self) -> Vec<ArrayRef> {
        match self {
            Self::Catalogs | Self::Vocabulary => vec![],
            Self::Schemas { catalog, schema_like } => vec![exact(catalog), like(schema_like)],
            Self::Tables { catalog, schema_like, table_like, base_tables, temporary_tables, views } => vec![
                exact(catalog),
                like(schema_like),
                like(table_like),
                flag(*base_tables),
                flag(*temporary_tables),
                flag(*views),
            ],
            Self::Columns(TableRef { catalog, schema, table }) => {
                vec![name(catalog), name(schema), name(table)]
            }
            Self::PrimaryKeys(side) => side.filters().into(),
            Self::ForeignKeys { primary, foreign, .. } => [primary.filters(), foreign.filters()].concat(),
        }
    }
}

impl KeySide {
    fn filters(&self) -> [ArrayRef; 3] {
        [exact(&self.catalog), exact(&self.schema), exact(&self.table)]
    }
}

fn exact(filter: &Option<String>) -> ArrayRef {
    Arc::new(StringArray::from(vec![filter.as_deref()]))
}

/// DuckDB refuses a pattern that ends in its escape; such a backslash stands for itself.
fn like(pattern: &Option<String>) -> ArrayRef {
    let pattern = pattern.clone().map(|mut pattern| {
        let escapes = pattern.len() - pattern.trim_end_matches('\\').len();
        pattern.extend((escapes % 2 == 1).then_some('\\'));
        pattern
    });
    exact(&pattern)
}

fn name(name: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![name]))
}

fn flag(on: bool) -> ArrayRef {
    Arc::new(BooleanArray::from(vec![on]))
}

impl Session {
    /// The rows of a catalog query, with the columns that its variant names.
    ///
    /// # Errors
    /// DuckDB's error, in an aborted transaction; `Cancelled`.
    pub async fn list(self: &Arc<Self>, query: &CatalogQuery, call: &Arc<Call>) -> Result<RecordBatch> {
        self.look_up(query.sql(), query.filters(), call).await
    }

    /// The columns of a table or view.
    ///
    /// # Errors
    /// DuckDB's error, for a view that no longer binds; `Cancelled`.
    pub async fn table_shape(self: &Arc<Self>, table: &TableRef, call: &Arc<Call>) -> Result<ResultShape> {
        let all = text::all_rows(table);
        let plan = self.plan(all, Target::default(), Fidelity::Standard, call).await?;
        Ok(plan.shape)
    }

    async fn look_up(
        self: &Arc<Self>,
        sql: &'static str,
        filters: Vec<ArrayRef>,
        call: &Arc<Call>,
    ) -> Result<RecordBatch> {
        let bind = (!filters.is_empty()).then(|| bind_parameters(filters)).transpose()?;
        let request = Execute {
            statement: Statement::Sql(sql.to_owned()),
            target: Target::default(),
            bind,
            window: Window::default(),
            fidelity: Fidelity::Standard,
            finish_writes: false,
            early_shape: false,
            ahead: true,
        };
        let mut rows = self.execute(request, call).await?;
        let schema = Arc::clone(&rows.shape().schema);
        let mut batches = Vec::new();
        while let Some(batch) = rows.next().await {
            batches.push(batch?);
        }
        concat_batches(&schema, &batches)
            .map_err(|e| Error::internal(format!("the catalog cannot be read: {e}")))
    }
}

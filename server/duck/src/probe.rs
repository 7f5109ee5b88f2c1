//! What the unit tests of this folder need of an instance: the result of a query, by its chunks or in one
//! batch.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::{BatchBuilder, Chunk, Connection, Database, Prepared, ResultSet, Settings, Value, Workers};
use crate::error::Result;
use crate::types::arrow::arrow_schema;
use crate::types::{Column, Fidelity, ResultShape};

pub(super) struct Probe {
    pub(super) connection: Connection,
    _database: Database,
}

impl Probe {
    pub(super) fn new() -> Self {
        let database = Database::open_in_memory(&Settings::new(), 2, &Workers::new(1)).unwrap();
        Self { connection: database.connect().unwrap(), _database: database }
    }

    /// The query's result in one batch, through the exporter.
    pub(super) fn batch(&self, sql: &str, fidelity: Fidelity) -> Result<RecordBatch> {
        self.bound_batch(sql, &[], fidelity)
    }

    /// As [`Probe::batch`], with parameters.
    pub(super) fn bound_batch(&self, sql: &str, values: &[Value], fidelity: Fidelity) -> Result<RecordBatch> {
        let mut builder = None;
        let columns = self.for_each_chunk(sql, values, |columns, chunk| {
            let builder =
                builder.get_or_insert_with(|| BatchBuilder::new(&shape(columns, fidelity), fidelity));
            builder.append_chunk(chunk)
        })?;
        builder.unwrap_or_else(|| BatchBuilder::new(&shape(&columns, fidelity), fidelity)).finish()
    }

    /// Streams the query, and gives back its columns.
    pub(super) fn for_each_chunk(
        &self,
        sql: &str,
        values: &[Value],
        visit: impl FnMut(&Arc<[Column]>, &Chunk) -> Result<()>,
    ) -> Result<Arc<[Column]>> {
        self.visit(sql, values, |statement| statement.start_streaming()?.execute(), visit)
    }

    /// As [`Probe::for_each_chunk`], with the whole result in memory first.
    pub(super) fn for_each_stored_chunk(
        &self,
        sql: &str,
        visit: impl FnMut(&Arc<[Column]>, &Chunk) -> Result<()>,
    ) -> Result<Arc<[Column]>> {
        self.visit(sql, &[], Prepared::execute, visit)
    }

    fn visit(
        &self,
        sql: &str,
        values: &[Value],
        execute: impl Fn(&mut Prepared) -> Result<ResultSet>,
        mut visit: impl FnMut(&Arc<[Column]>, &Chunk) -> Result<()>,
    ) -> Result<Arc<[Column]>> {
        let mut statement = self.connection.prepare(sql)?;
        for (index, value) in (1..).zip(values) {
            statement.bind(index, value)?;
        }
        let mut result = execute(&mut statement)?;
        let columns = result.columns();
        while let Some(chunk) = result.fetch()? {
            visit(&columns, &chunk)?;
        }
        Ok(columns)
    }
}

pub(super) fn shape(columns: &Arc<[Column]>, fidelity: Fidelity) -> ResultShape {
    ResultShape { columns: Arc::clone(columns), schema: arrow_schema(columns, fidelity, "Etc/UTC") }
}

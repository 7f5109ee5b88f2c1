//! RunningQueries statements of DuckDB's and sending their rows.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::encode::{self, ValueFormat};
use super::fault::Halt;
use super::job::Job;
use super::report::SqlReport;
use super::statement::PortalRows;
use super::wire::Wire;
use duck::types::{Column, LogicalType};
use engine::ResultStream;

/// What was sent of a result.
pub(super) struct Sent {
    pub(super) rows: usize,
    /// Whether there are none left.
    pub(super) is_all: bool,
}

/// How rows are to be sent.
pub(super) struct Sending<'a> {
    pub(super) sql: &'a str,
    /// The columns that the client was told; those that are there, where it was told none.
    pub(super) told: Option<&'a Arc<[Column]>>,
    /// The formats of the columns; of those beyond, text.
    pub(super) formats: &'a [ValueFormat],
    /// So many rows at most.
    pub(super) limit: usize,
}

impl PortalRows {
    /// Sends rows as they are computed.
    ///
    /// # Errors
    /// DuckDB's; 22008 for a value that its type in PostgreSQL has no room for.
    pub(super) async fn send(&mut self, wire: &mut Wire, job: &Job, how: Sending<'_>) -> Result<Sent, Halt> {
        let columns = Arc::clone(&self.columns);
        let told: Vec<LogicalType> =
            how.told.unwrap_or(&columns).iter().map(|column| column.ty.clone()).collect();
        let format = |at: usize| how.formats.get(at).copied().unwrap_or(ValueFormat::Text);
        let mut sent = 0;
        while sent < how.limit {
            let Some((batch, from)) = self.next_batch(wire, how.sql).await? else {
                return Ok(Sent { rows: sent, is_all: true });
            };
            let to = batch.num_rows().min(from.saturating_add(how.limit - sent));
            let written = encode::rows(&batch, &columns, &told, format, from..to, wire.out.raw())?;
            sent += written;
            job.count_rows(written);
            if from + written < batch.num_rows() {
                self.batch = Some((batch, from + written));
            }
            wire.flush_if_full().await?;
        }
        Ok(Sent { rows: sent, is_all: false })
    }

    /// What is to be sent next of the latest batch, or the next one.
    async fn next_batch(&mut self, wire: &mut Wire, sql: &str) -> Result<Option<(RecordBatch, usize)>, Halt> {
        if let Some(batch) = self.batch.take() {
            return Ok(Some(batch));
        }
        match wire.watch(self.stream.next()).await? {
            None => Ok(None),
            Some(batch) => Ok(Some((batch.map_err(|error| SqlReport::of(&error, sql))?, 0))),
        }
    }
}

/// Reads a result to its end that gives no rows of its own: the number of those that were changed.
///
/// # Errors
/// DuckDB's.
pub(super) async fn count(wire: &mut Wire, mut stream: ResultStream, sql: &str) -> Result<u64, Halt> {
    let mut total = 0;
    while let Some(batch) = wire.watch(stream.next()).await? {
        let batch = batch.map_err(|error| SqlReport::of(&error, sql))?;
        let counts = batch.column_by_name("Count").filter(|_| batch.num_columns() == 1);
        let counts = counts.and_then(|column| column.as_primitive_opt::<Int64Type>());
        total += counts.map_or(0, |counts| counts.iter().flatten().map(i64::unsigned_abs).sum());
    }
    Ok(total)
}

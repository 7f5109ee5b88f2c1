//! RunningQueries statements of DuckDB's and sending their rows.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use super::encode::{self, ValueFormat};
use super::fault::Halt;
use super::faults;
use super::job::Job;
use super::report::SqlReport;
use super::statement::PortalRows;
use super::wire::Wire;
use duck::types::{Column, LogicalType};
use engine::{ActingFault, ResultStream};

/// What was sent of a result.
#[derive(Debug, Default)]
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
    /// Whether they are sent at all, or left out.
    pub(super) is_sent: bool,
}

impl Sending<'_> {
    /// The types that the client was told, of what has these columns.
    fn types(&self, columns: &Arc<[Column]>) -> Vec<LogicalType> {
        self.told.unwrap_or(columns).iter().map(|column| column.ty.clone()).collect()
    }

    fn format(&self, at: usize) -> ValueFormat {
        self.formats.get(at).copied().unwrap_or(ValueFormat::Text)
    }
}

impl PortalRows {
    /// Sends rows as they are computed.
    ///
    /// # Errors
    /// DuckDB's; 22008 for a value that its type in PostgreSQL has no room for.
    pub(super) async fn send(&mut self, wire: &mut Wire, job: &Job, how: Sending<'_>) -> Result<Sent, Halt> {
        let columns = Arc::clone(&self.columns);
        let told = how.types(&columns);
        let failed = |error| SqlReport::of(&error, how.sql);
        let fault = faults::rows_before(job.call()).filter(|_| how.is_sent);
        let limit = fault.as_ref().map_or(how.limit, |(_, rows)| how.limit.min(*rows));
        let mut sent = 0;
        while sent < limit {
            let Some(batch) = wire.watch(self.stream.next()).await? else {
                return Ok(Sent { rows: sent, is_all: true });
            };
            let batch = batch.map_err(failed)?;
            let (mut from, rows) = (0, batch.num_rows());
            let to = rows.min(limit - sent);
            while how.is_sent && from < to {
                let written =
                    encode::rows(&batch, &columns, &told, |at| how.format(at), from..to, wire.out.raw())?;
                from += written;
                job.count_rows(written);
                wire.flush_if_full().await?;
            }
            sent += to;
            if to < rows {
                let rest = batch.slice(to, rows - to);
                drop(batch);
                wire.watch(self.stream.put_back(rest)).await?.map_err(failed)?;
            }
        }
        if let Some((acting, rows)) = fault
            && sent >= rows
        {
            return self.strike(wire, job, &how, &acting).await;
        }
        Ok(Sent { rows: sent, is_all: false })
    }

    /// As many rows were sent as come before the effect of a rule.
    async fn strike(
        &mut self,
        wire: &mut Wire,
        job: &Job,
        how: &Sending<'_>,
        acting: &ActingFault,
    ) -> Result<Sent, Halt> {
        acting.strikes();
        if acting.effects().is_torn
            && let Some(batch) = wire.watch(self.stream.next()).await?
        {
            let batch = batch.map_err(|error| SqlReport::of(&error, how.sql))?;
            let columns = Arc::clone(&self.columns);
            let told = how.types(&columns);
            let before = wire.out.bytes().len();
            encode::rows(&batch, &columns, &told, |at| how.format(at), 0..1, wire.out.raw())?;
            let half = before + (wire.out.bytes().len() - before) / 2;
            wire.out.raw().truncate(half);
        }
        wire.flush().await?;
        Err(faults::end(wire, job.call(), acting).await)
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

//! A pass over one of the store's tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::rows;
use super::tables::{Column, Run, Table};
use crate::events::Snapshot;
use duck::{ChunkWriter, TableScan};

/// One execution's pass over a table.
pub(super) struct StoreScan {
    snapshot: Arc<Snapshot>,
    columns: Vec<Column>,
    runs: Vec<Run>,
    next: AtomicUsize,
}

/// As many rows as DuckDB's vectors hold.
const RUN: usize = 2048;

impl StoreScan {
    pub(super) fn new(table: Table, snapshot: Arc<Snapshot>, places: &[usize]) -> Self {
        let split = |chunk: usize, len: usize| {
            (0..len).step_by(RUN).map(move |start| Run { chunk, rows: start..len.min(start + RUN) })
        };
        let runs = match table {
            Table::Events => {
                let chunks = snapshot.events.chunks().iter().enumerate();
                chunks.flat_map(|(chunk, events)| split(chunk, events.len())).collect()
            }
            Table::Identities | Table::Ids => split(0, table.row_count(&snapshot)).collect(),
        };
        // A place that is none of ours would be DuckDB's row number, which these tables do not offer.
        let columns = places.iter().filter_map(|&place| table.columns().get(place).copied()).collect();
        Self { snapshot, columns, runs, next: AtomicUsize::new(0) }
    }
}

impl TableScan for StoreScan {
    fn threads(&self) -> usize {
        self.runs.len()
    }

    fn next<'scan>(&'scan self, out: &mut ChunkWriter<'_, 'scan>) -> usize {
        let Some(run) = self.runs.get(self.next.fetch_add(1, Ordering::Relaxed)) else { return 0 };
        for (place, column) in self.columns.iter().enumerate() {
            let Some(mut writer) = out.column(place) else { continue };
            match *column {
                Column::Event(column) => rows::write_events(&self.snapshot, run, column, &mut writer),
                Column::Identity(column) => rows::write_identities(&self.snapshot, run, column, &mut writer),
                Column::Id(column) => rows::write_ids(&self.snapshot, run, column, &mut writer),
            }
        }
        run.rows.len()
    }
}

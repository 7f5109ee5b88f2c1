//! The server's current figures, as `altertable.system.metrics` shows them (AC-12).

use std::sync::atomic::{AtomicBool, Ordering};

use crate::events::Micros;
use crate::vitals::resident_kilobytes;
use duck::types::LogicalType;
use duck::{ChunkWriter, TableScan};

/// The table function's name for them.
pub(super) const METRICS: &str = "metrics";

/// Name, value and the time of reading; the number comes first, because counting rows reads the first column.
pub(super) fn columns() -> Vec<(&'static str, LogicalType)> {
    vec![
        ("value", LogicalType::Double),
        ("name", LogicalType::Varchar),
        ("recorded_at", LogicalType::TimestampTz),
    ]
}

/// How much memory the process occupies, in bytes; 0 where the system does not say.
pub(super) fn memory() -> f64 {
    f64::from(resident_kilobytes()) * 1024.0
}

/// One reading.
pub(super) struct MetricsScan {
    figures: [(&'static str, f64); 4],
    columns: Vec<usize>,
    recorded_at: Micros,
    done: AtomicBool,
}

impl MetricsScan {
    pub(super) fn new(figures: [(&'static str, f64); 4], columns: &[usize]) -> Self {
        Self { figures, columns: columns.to_vec(), recorded_at: Micros::now(), done: AtomicBool::new(false) }
    }
}

impl TableScan for MetricsScan {
    fn threads(&self) -> usize {
        1
    }

    fn next<'scan>(&'scan self, out: &mut ChunkWriter<'_, 'scan>) -> usize {
        if self.done.swap(true, Ordering::Relaxed) {
            return 0;
        }
        for (place, column) in self.columns.iter().enumerate() {
            let Some(mut writer) = out.column(place) else { continue };
            for (row, (name, value)) in self.figures.iter().enumerate() {
                match column {
                    0 => writer.double(row, *value),
                    1 => writer.text(row, Some(name)),
                    _ => writer.integer(row, self.recorded_at.0),
                }
            }
        }
        self.figures.len()
    }
}

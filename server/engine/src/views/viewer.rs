//! What a tenant's statements see of the store, and when.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};

use super::calls::{self, CALLS, CallScan, Calls};
use super::metrics::{self, METRICS};
use super::scan::StoreScan;
use super::tables::Table;
use crate::config::EngineConfig;
use crate::events::{Snapshot, Store};
use crate::journal::Journal;
use duck::types::LogicalType;
use duck::{ConnectionId, TableScan, TableSource};

/// The project that a tenant sees (AC-02).
#[derive(Clone)]
pub struct ShownProject {
    /// Where it is.
    pub store: Arc<Store>,
    /// Its API key.
    pub key: String,
    /// Its environment.
    pub environment: String,
}

impl ShownProject {
    /// What a declared user sees: the project chosen for that user, else the first declared one, else none (AC-03).
    pub(crate) fn of_declared(user: &str, config: &EngineConfig, store: &Arc<Store>) -> Option<Self> {
        let chosen = config.product_analytics.iter().find(|choice| choice.user == user);
        let (key, environment) = match chosen {
            Some(choice) => (&choice.api_key, &choice.environment),
            None => (config.api_keys.first()?, config.environments.first()?),
        };
        Some(Self { store: Arc::clone(store), key: key.clone(), environment: environment.clone() })
    }

    /// Whether both are one project.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.key == other.key && self.environment == other.environment
    }

    /// The project of a key in the first environment; an undeclared user sees the key of that user's name (LX-13).
    pub(crate) fn of_key(key: &str, config: &EngineConfig, store: &Arc<Store>) -> Option<Self> {
        let environment = config.environments.first()?.clone();
        Some(Self { store: Arc::clone(store), key: key.to_owned(), environment })
    }
}

impl std::fmt::Debug for ShownProject {
    /// The key is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShownProject").field("environment", &self.environment).finish_non_exhaustive()
    }
}

/// One instance's view of the store: the source of its table function.
#[derive(Default)]
pub struct Viewer {
    /// Changed when another tenant takes the instance over: one that was made beside, to be seeded.
    project: RwLock<Option<ShownProject>>,
    journal: RwLock<Option<Arc<Journal>>>,
    pins: Mutex<Pins>,
    statements: AtomicU64,
}

/// What the scans of each connection share.
#[derive(Default)]
struct Pins {
    snapshots: HashMap<ConnectionId, Pin>,
    /// The calls that the running statement began with, for as long as any of its scans is alive. A transaction sees
    /// those that come meanwhile, so that none keeps a journal beyond its limit.
    calls: HashMap<ConnectionId, Weak<Calls>>,
}

/// Which snapshot a connection's scans read.
enum Pin {
    /// The one that the running statement began with, for as long as any of its scans is alive.
    Statement(Weak<Snapshot>),
    /// The one that the open transaction read first (AC-04).
    Transaction(Option<Arc<Snapshot>>),
}

impl std::fmt::Debug for Viewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Viewer").field("pins", &self.pins.lock().snapshots.len()).finish_non_exhaustive()
    }
}

impl Viewer {
    /// Shows `project` from now on.
    pub fn show(&self, project: ShownProject) {
        *self.project.write() = Some(project);
    }

    /// Shows the calls of `journal` from now on (RJ-5).
    pub fn show_calls(&self, journal: Arc<Journal>) {
        *self.journal.write() = Some(journal);
    }

    /// A statement of `reader` begins: it sees what has been accepted by now, or what its open transaction saw.
    pub fn begin(&self, reader: ConnectionId, in_transaction: bool) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let mut pins = self.pins.lock();
        pins.calls.remove(&reader);
        if !in_transaction {
            pins.snapshots.remove(&reader);
        } else if !matches!(pins.snapshots.get(&reader), Some(Pin::Transaction(_))) {
            pins.snapshots.insert(reader, Pin::Transaction(None));
        }
    }

    /// The connection `reader` is closed.
    pub fn forget(&self, reader: ConnectionId) {
        let mut pins = self.pins.lock();
        pins.calls.remove(&reader);
        pins.snapshots.remove(&reader);
    }

    fn calls(&self, reader: ConnectionId) -> Arc<Calls> {
        let mut pins = self.pins.lock();
        if let Some(calls) = pins.calls.get(&reader).and_then(Weak::upgrade) {
            return calls;
        }
        let journal = self.journal.read().clone();
        let calls: Arc<Calls> = journal.map(|journal| journal.entries()).unwrap_or_default().into();
        pins.calls.insert(reader, Arc::downgrade(&calls));
        calls
    }

    fn snapshot(&self, reader: ConnectionId) -> Arc<Snapshot> {
        let mut pins = self.pins.lock();
        match pins.snapshots.entry(reader).or_insert(Pin::Statement(Weak::new())) {
            Pin::Statement(pin) => pin.upgrade().unwrap_or_else(|| {
                let snapshot = self.current();
                *pin = Arc::downgrade(&snapshot);
                snapshot
            }),
            Pin::Transaction(pin) => Arc::clone(pin.get_or_insert_with(|| self.current())),
        }
    }

    fn metrics(&self, reader: ConnectionId, columns: &[usize]) -> metrics::MetricsScan {
        let snapshot = self.snapshot(reader);
        let figures = [
            ("requests", snapshot.requests as f64),
            ("events", snapshot.events.len() as f64),
            ("queries", self.statements.load(Ordering::Relaxed) as f64),
            ("memory", metrics::memory()),
        ];
        metrics::MetricsScan::new(figures, columns)
    }

    fn current(&self) -> Arc<Snapshot> {
        let shown = self.project.read();
        let snapshot =
            shown.as_ref().and_then(|project| project.store.snapshot(&project.key, &project.environment));
        snapshot.unwrap_or_default()
    }
}

impl TableSource for Viewer {
    fn columns(&self, table: &str) -> Option<Vec<(&'static str, LogicalType)>> {
        if table == METRICS {
            return Some(metrics::columns());
        }
        if table == CALLS {
            return Some(calls::columns());
        }
        let columns = Table::named(table)?.columns();
        Some(columns.iter().map(|column| (column.name(), column.ty())).collect())
    }

    fn open(&self, table: &str, reader: ConnectionId, columns: Vec<usize>) -> Option<Box<dyn TableScan>> {
        if table == METRICS {
            return Some(Box::new(self.metrics(reader, &columns)));
        }
        if table == CALLS {
            return Some(Box::new(CallScan::new(self.calls(reader), &columns)));
        }
        let table = Table::named(table)?;
        Some(Box::new(StoreScan::new(table, self.snapshot(reader), &columns)))
    }

    fn row_count(&self, table: &str, _reader: ConnectionId) -> usize {
        if table == CALLS {
            return self.journal.read().as_ref().map_or(0, |journal| journal.len());
        }
        Table::named(table).map_or(0, |table| table.row_count(&self.current()))
    }
}

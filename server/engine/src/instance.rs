//! One opened DuckDB instance with its private folder, and a pool that opens the next one ahead of time.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::blocking::{self, MayBlock};
use super::config::EngineConfig;
use super::ingest::LoadLocks;
use super::spool::{SpoolFolder, SpoolSpace};
use super::sql;
use super::views::{self, Viewer};
use crate::error::{Error, ErrorKind, Result};
use duck::{Connection, Database, ScanRegistry, Settings, Workers, is_fault_of_engine};

/// How long the end of the process waits for a database that is being opened, in milliseconds; it takes about 15.
const LAST_OPENING_MS: u32 = 200;

/// How many connections are opened ahead of the sessions that need them.
const AHEAD: usize = 2;

/// A tenant's database; replaced as a whole when DuckDB fails fatally.
#[derive(Debug)]
pub struct Instance {
    /// None once it is being closed.
    database: Option<Database>,
    scans: ScanRegistry,
    loads: LoadLocks,
    folder: Arc<SpoolFolder>,
    space: Arc<SpoolSpace>,
    viewer: Arc<Viewer>,
    sealed: bool,
    broken: AtomicBool,
    changes: AtomicU64,
    /// Whether a macro may have been made: listing them takes longer than all else.
    may_have_macros: AtomicBool,
    ahead: Mutex<Vec<Connection>>,
    /// Whether PostgreSQL's catalogs are attached.
    has_postgres: AtomicBool,
    attaching: Mutex<()>,
}

impl Instance {
    /// Opens a database with the declared catalogs, closed to files and network unless allowed. Blocks for about
    /// 15 ms.
    ///
    /// # Errors
    /// Config when DuckDB does not take a configured limit or cannot attach a configured file.
    pub(super) fn open(config: &EngineConfig, workers: &Workers) -> Result<Arc<Self>> {
        let folder = SpoolFolder::new(&config.temporary_folder);
        let threads = config.tenant_threads.unwrap_or_else(cores);
        let database = Database::open_in_memory(&settings(config, &folder), threads, workers)
            .map_err(|error| as_config(&error.into(), config))?;
        let connection = database.connect()?;
        let scans = ScanRegistry::install(&connection)?;
        connection.withdraw_variant_decoder(sql::NO_VARIANT)?;
        // The TimeZone setting belongs to icu, which DuckDB compiled in does not have; it then counts in UTC.
        if cfg!(not(feature = "bundled")) {
            connection.run(sql::START_ZONE)?;
        }
        let viewer = Arc::new(Viewer::default());
        views::attach(&connection, &viewer, config)?;
        for (name, file) in &config.attaches {
            connection
                .run(&sql::attach_file(name, file))
                .map_err(|error| attach_fault(name, &error.into()))?;
        }
        for name in &config.catalogs {
            connection.run(&sql::attach_memory(name)).map_err(|error| attach_fault(name, &error.into()))?;
        }
        if !config.allow_external_access {
            connection.run(&sql::allow_directory(&folder.path().to_string_lossy()))?;
            connection.run(sql::NO_EXTERNAL_ACCESS)?;
        }
        lock(&connection)?;
        Ok(Arc::new(Self {
            database: Some(database),
            scans,
            loads: LoadLocks::default(),
            space: SpoolSpace::new(Arc::clone(&folder), config.limits.tenant_spool),
            folder,
            viewer,
            sealed: !config.allow_external_access,
            broken: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            may_have_macros: AtomicBool::new(false),
            ahead: Mutex::default(),
            has_postgres: AtomicBool::new(false),
            attaching: Mutex::default(),
        }))
    }

    /// A connection whose queries tell how far they are. No other session has ever used it.
    ///
    /// # Errors
    /// DuckDB's, when the instance is beyond use.
    pub(super) fn connect(&self, _: &MayBlock) -> Result<Connection> {
        let ready = self.ahead.lock().pop();
        ready.map_or_else(|| self.open_connection(), Ok)
    }

    fn open_connection(&self) -> Result<Connection> {
        let database =
            self.database.as_ref().ok_or_else(|| Error::internal("the database is being closed"))?;
        let connection = database.connect()?;
        for setting in sql::CONNECTION {
            connection.run(setting)?;
        }
        Ok(connection)
    }

    /// Whether PostgreSQL's catalogs are attached.
    pub(super) fn has_postgres(&self) -> bool {
        self.has_postgres.load(Ordering::SeqCst)
    }

    /// Attaches PostgreSQL's catalogs, unless they are. Blocks.
    ///
    /// # Errors
    /// Internal when their file cannot be written; DuckDB's.
    pub(super) fn attach_postgres(&self) -> Result<()> {
        let _one_at_a_time = self.attaching.lock();
        if self.has_postgres() {
            return Ok(());
        }
        self.folder.create()?;
        views::attach_postgres(&self.open_connection()?, self.folder.path())?;
        self.has_postgres.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// What the database takes in memory. Blocks.
    ///
    /// # Errors
    /// DuckDB's, when the instance is beyond use.
    pub(super) fn bytes(&self) -> Result<u64> {
        self.counted(sql::DATABASE_BYTES)
    }

    /// What its tables take in memory. Blocks.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub(super) fn table_bytes(&self) -> Result<u64> {
        self.counted(sql::TABLE_BYTES)
    }

    fn counted(&self, bytes: &str) -> Result<u64> {
        let rows = self.open_connection()?.query(bytes)?.text_rows()?;
        let bytes = rows.into_iter().flatten().flatten().next();
        Ok(bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or(0))
    }

    /// Opens a connection for the next session, since one has just been closed: most calls over REST name no session,
    /// and opening one takes longer than a small query.
    pub(super) fn open_ahead(&self) {
        if self.is_broken() || self.ahead.lock().len() >= AHEAD {
            return;
        }
        match self.open_connection() {
            Ok(connection) => self.ahead.lock().push(connection),
            // Closing one, which rolls back, may have been too much for the database.
            Err(error) => self.check_after(&error),
        }
    }

    /// Marks the instance as broken if it is, after a statement failed. The text of an error only tells when to look:
    /// whether the database still answers is what counts.
    pub(super) fn check_after(&self, error: &Error) {
        if error.kind() != ErrorKind::Internal && !is_fault_of_engine(error.message()) || self.is_broken() {
            return;
        }
        let answer = self.open_connection().and_then(|connection| Ok(connection.run(sql::PROBE)?));
        if let Err(fault) = answer
            && is_fault_of_engine(fault.message())
        {
            tracing::error!(%error, %fault, "a user's database failed and is replaced");
            self.mark_broken();
        }
    }

    /// Makes streams of Arrow batches readable by SQL on this instance.
    pub(super) fn scans(&self) -> &ScanRegistry {
        &self.scans
    }

    /// What the instance's statements see of the analytics store.
    pub(super) fn viewer(&self) -> &Arc<Viewer> {
        &self.viewer
    }

    /// By which loads into one table wait for one another.
    pub(super) fn loads(&self) -> &LoadLocks {
        &self.loads
    }

    /// Where rows wait for their readers.
    pub(super) fn spool_space(&self) -> &Arc<SpoolSpace> {
        &self.space
    }

    /// The folder for spooled rows and uploads, the only one that SQL may read.
    pub(super) fn spool_folder(&self) -> &Arc<SpoolFolder> {
        &self.folder
    }

    /// Whether SQL sees nothing of the host: what a statement means changes only with what this instance runs.
    pub(super) fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Notes that rows, tables, settings or the place of a session may have changed, upon which plans may differ.
    pub(super) fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// How many changes were noted: plans of the same number are alike.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Whether any macro may be there.
    pub(super) fn may_have_macros(&self) -> bool {
        self.may_have_macros.load(Ordering::SeqCst)
    }

    /// Notes that one may have been made.
    pub(super) fn note_macros(&self) {
        self.may_have_macros.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    pub(super) fn mark_broken(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let connections = std::mem::take(&mut *self.ahead.lock());
        blocking::discard((connections, self.database.take(), Arc::clone(&self.folder)));
    }
}

/// Puts the settings of the instance and the host out of SQL's reach (LX-12).
fn lock(connection: &Connection) -> Result<()> {
    connection.run(&sql::settings::unlocked())?;
    Ok(connection.run(sql::settings::LOCK)?)
}

fn settings(config: &EngineConfig, folder: &SpoolFolder) -> Settings {
    let mut settings: Settings = vec![
        ("autoinstall_known_extensions", "false".to_owned()),
        ("autoload_known_extensions", "false".to_owned()),
        ("temp_directory", folder.path().join("spill").to_string_lossy().into_owned()),
        ("memory_limit", config.tenant_memory_limit.clone()),
    ];
    if !config.allow_external_access {
        // duckdb_extensions() lists this folder; the usual one is the host's, which SQL may not see.
        let extensions = folder.path().join("extensions").to_string_lossy().into_owned();
        settings.push(("extension_directory", extensions));
        // Likewise duckdb_secrets() and CREATE SECRET, which would look for the host's stored ones.
        settings.push(("allow_persistent_secrets", "false".to_owned()));
    }
    settings
}

/// How many cores this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// What DuckDB says of a configuration under which no database is of use, as a start-up fault in one line.
pub(super) fn as_config(error: &Error, config: &EngineConfig) -> Error {
    let why = error.message().lines().next().unwrap_or_default();
    let memory = &config.tenant_memory_limit;
    let message = format!("users' databases cannot be used: {why} (--tenant-memory-limit is {memory})");
    Error::new(ErrorKind::Config, message)
}

fn attach_fault(name: &str, error: &Error) -> Error {
    Error::new(ErrorKind::Config, format!("cannot attach the catalog \"{name}\": {error}"))
}

/// Keeps opened instances ready, so that a new tenant does not wait for DuckDB to open.
#[derive(Debug)]
pub(super) struct InstancePool {
    config: Arc<EngineConfig>,
    workers: Workers,
    ready: Mutex<Vec<Arc<Instance>>>,
    filling: AtomicBool,
    stopped: AtomicBool,
}

impl InstancePool {
    pub(super) fn new(config: Arc<EngineConfig>) -> Arc<Self> {
        let workers = Workers::prepared_by(
            config.limits.worker_threads.unwrap_or_else(cores),
            blocking::prepare_thread,
        );
        Arc::new(Self {
            config,
            workers,
            ready: Mutex::new(Vec::new()),
            filling: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        })
    }

    /// Whether tenants see their calls in SQL (RJ-5).
    pub(super) fn shows_calls(&self) -> bool {
        self.config.mock_catalog
    }

    /// Opens an instance, which need not be kept.
    ///
    /// # Errors
    /// As [`Instance::open`].
    pub(super) fn open(&self) -> Result<Arc<Instance>> {
        Instance::open(&self.config, &self.workers)
    }

    /// An instance, from the pool if one is ready; opens the next in the background. Blocks.
    ///
    /// # Errors
    /// As [`Instance::open`].
    pub(super) fn take(self: &Arc<Self>) -> Result<Arc<Instance>> {
        let ready = self.ready.lock().pop();
        let instance = ready.map_or_else(|| self.open(), Ok)?;
        // DuckDB makes a folder below it for what does not fit into memory, but not this one. Where it cannot be made,
        // those who need it are told.
        if let Err(fault) = instance.folder.create() {
            tracing::debug!(%fault, "statements cannot use the disk");
        }
        self.fill();
        Ok(instance)
    }

    /// Fills the pool no more, and waits for the instance that is being opened, whose temporary files would stay behind at
    /// the end of the process.
    pub(super) async fn stop_filling(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        for _ in 0..LAST_OPENING_MS {
            if !self.filling.load(Ordering::SeqCst) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Opens instances in the background until the pool is full. Nothing is opened before the first tenant comes or is
    /// announced, so that a server nobody uses stays small.
    pub(super) fn fill(self: &Arc<Self>) {
        if self.filling.swap(true, Ordering::SeqCst) {
            return;
        }
        let pool = Arc::clone(self);
        blocking::start(move |_| {
            while !pool.stopped.load(Ordering::SeqCst) && pool.ready.lock().len() < pool.config.pool_size {
                match pool.open() {
                    Ok(instance) => pool.ready.lock().push(instance),
                    Err(error) => {
                        tracing::error!(%error, "cannot open a database");
                        break;
                    }
                }
            }
            pool.filling.store(false, Ordering::SeqCst);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pool_is_filled_ahead_of_the_first_tenant_when_asked_to() {
        let pool = InstancePool::new(Arc::new(EngineConfig::default()));
        assert!(pool.ready.lock().is_empty());
        pool.fill();
        let full = async {
            while pool.ready.lock().len() < pool.config.pool_size {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), full).await.unwrap();
    }
}

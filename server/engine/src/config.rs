//! What the engine needs to know, already checked; the server's flags fill it.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use super::limits::Limits;
use crate::error::{Error, ErrorKind, Result};

/// How many bytes a temporary folder has to take: the files of the first database.
const FIRST_FILES: usize = 1 << 20;

/// A declared user.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The user's name.
    pub name: String,
    /// The user's password.
    pub password: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Which project a user sees as `product_analytics` (AC-02).
#[derive(Clone, PartialEq, Eq)]
pub struct ProjectChoice {
    /// The user.
    pub user: String,
    /// The API key of the project.
    pub api_key: String,
    /// The environment of the project.
    pub environment: String,
}

impl std::fmt::Debug for ProjectChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProjectChoice").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The engine's settings.
#[derive(Clone)]
pub struct EngineConfig {
    /// The declared users.
    pub users: Vec<Account>,
    /// Whether undeclared users get a tenant of their own (LX-13).
    pub allow_any_user: bool,
    /// The declared API keys (AX-03).
    pub api_keys: Vec<String>,
    /// The declared environments (AX-03).
    pub environments: Vec<String>,
    /// Empty catalogs attached for every tenant (LS-09).
    pub catalogs: Vec<String>,
    /// DuckDB files attached read-only for every tenant: name and path (LS-10).
    pub attaches: Vec<(String, String)>,
    /// Which project each user sees; others see the first declared one (AC-02).
    pub product_analytics: Vec<ProjectChoice>,
    /// Whether tenants also see their project under its former name, `altertable` (AC-12).
    pub legacy_altertable_catalog: bool,
    /// Whether tenants see their calls and events in SQL, as the catalog `mock` (RJ-5).
    pub mock_catalog: bool,
    /// DuckDB's `memory_limit` per tenant, such as `4GB`.
    pub tenant_memory_limit: String,
    /// DuckDB's `threads` per tenant; one per core when `None`.
    pub tenant_threads: Option<usize>,
    /// Where private folders for spooled rows and uploads are made, on first need.
    pub temporary_folder: PathBuf,
    /// Whether SQL may read the host's files and open the network.
    pub allow_external_access: bool,
    /// A session without use for this long is discarded (FS-5, LS-04).
    pub session_idle_timeout: Duration,
    /// An undeclared user's tenant without use for this long is dropped (LX-13).
    pub tenant_idle_timeout: Duration,
    /// How many opened databases wait for new tenants.
    pub pool_size: usize,
    /// What a tenant and the process may hold.
    pub limits: Limits,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            users: Vec::new(),
            allow_any_user: false,
            api_keys: Vec::new(),
            environments: vec!["production".to_owned()],
            catalogs: Vec::new(),
            attaches: Vec::new(),
            product_analytics: Vec::new(),
            legacy_altertable_catalog: false,
            mock_catalog: false,
            tenant_memory_limit: "4GB".to_owned(),
            tenant_threads: None,
            temporary_folder: tempfile::env::temp_dir(),
            allow_external_access: false,
            session_idle_timeout: Duration::from_secs(4 * 60 * 60),
            tenant_idle_timeout: Duration::from_secs(600),
            pool_size: 2,
            limits: Limits::default(),
        }
    }
}

impl EngineConfig {
    /// Finds out whether the temporary folder takes what the first databases need, before anybody does.
    ///
    /// # Errors
    /// Config, naming the folder and `TMPDIR`.
    pub fn check_temporary_folder(&self) -> Result<()> {
        let folder = &self.temporary_folder;
        let written =
            tempfile::tempfile_in(folder).and_then(|mut file| file.write_all(&vec![0; FIRST_FILES]));
        written.map_err(|fault| {
            let folder = folder.display();
            let message = format!(
                "cannot write to the temporary folder {folder} ({fault}); set TMPDIR to a writable folder with more space"
            );
            Error::new(ErrorKind::Config, message)
        })
    }

    /// Whether a database may fail to open by what was configured; the defaults are known to work.
    pub fn needs_check(&self) -> bool {
        let default = Self::default();
        !self.attaches.is_empty()
            || !self.catalogs.is_empty()
            || self.tenant_memory_limit != default.tenant_memory_limit
            || self.tenant_threads != default.tenant_threads
    }
}

impl std::fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let users: Vec<&str> = self.users.iter().map(|user| user.name.as_str()).collect();
        f.debug_struct("EngineConfig").field("users", &users).finish_non_exhaustive()
    }
}

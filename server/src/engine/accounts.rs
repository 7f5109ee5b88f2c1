//! Who may log in, and the tenant each user owns.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use super::analytics::Store;
use super::config::EngineConfig;
use super::instance::InstancePool;
use super::projects::Project;
use super::tenant::Tenant;
use crate::error::{Error, ErrorKind, Result};

/// The declared users and the tenants opened so far.
#[derive(Debug)]
pub(super) struct Accounts {
    config: Arc<EngineConfig>,
    pool: Arc<InstancePool>,
    declared: HashMap<String, Arc<Tenant>>,
    analytics: Arc<Store>,
    undeclared: Mutex<HashMap<(String, String), Arc<Tenant>>>,
}

impl Accounts {
    pub(super) fn new(config: Arc<EngineConfig>, pool: Arc<InstancePool>, analytics: Arc<Store>) -> Self {
        let declared = config
            .users
            .iter()
            .map(|account| {
                let project = Project::of_declared(&account.name, &config, &analytics);
                let tenant = Tenant::new(&account.name, true, project, &config, Arc::clone(&pool));
                (account.name.clone(), tenant)
            })
            .collect();
        Self { config, pool, declared, analytics, undeclared: Mutex::new(HashMap::new()) }
    }

    /// The tenant of a user who proved the password.
    ///
    /// Takes the same time whether the user is unknown or the password wrong: the password is compared with every
    /// declared one.
    ///
    /// # Errors
    /// Unauthenticated.
    pub(super) fn authenticate(&self, user: &str, password: &str) -> Result<Arc<Tenant>> {
        let mut matched = subtle::Choice::from(0);
        for account in &self.config.users {
            let name = same(&account.name, user);
            matched |= name & same(&account.password, password);
        }
        let declared = self.declared.get(user);
        match declared {
            Some(tenant) if bool::from(matched) => Ok(Arc::clone(tenant)),
            None if self.config.allow_any_user && !user.is_empty() => Ok(self.undeclared(user, password)),
            _ => Err(Error::new(ErrorKind::Unauthenticated, "Authentication failed: invalid credentials")),
        }
    }

    fn undeclared(&self, user: &str, password: &str) -> Arc<Tenant> {
        let mut tenants = self.undeclared.lock();
        let tenant = tenants.entry((user.to_owned(), password.to_owned())).or_insert_with(|| {
            let project = Project::of_undeclared(user, &self.config, &self.analytics);
            Tenant::new(user, false, project, &self.config, Arc::clone(&self.pool))
        });
        tenant.touch();
        Arc::clone(tenant)
    }

    /// Drops undeclared tenants that nobody has used for the configured time, and returns them for closing.
    pub(super) fn drop_idle(&self) -> Vec<Arc<Tenant>> {
        let limit = self.config.tenant_idle_timeout;
        let mut tenants = self.undeclared.lock();
        let idle: Vec<_> =
            tenants.iter().filter(|(_, tenant)| tenant.idle() >= limit).map(|(key, _)| key.clone()).collect();
        idle.iter().filter_map(|key| tenants.remove(key)).collect()
    }

    /// Every tenant there is.
    pub(super) fn all(&self) -> Vec<Arc<Tenant>> {
        self.declared.values().cloned().chain(self.undeclared.lock().values().cloned()).collect()
    }
}

fn same(expected: &str, given: &str) -> subtle::Choice {
    expected.as_bytes().ct_eq(given.as_bytes())
}

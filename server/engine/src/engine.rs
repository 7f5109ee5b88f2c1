//! Everything behind the doors, as one value.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::Accounts;
use crate::blocking;
use crate::config::EngineConfig;
use crate::error::Result;
use crate::events::{self, Store};
use crate::instance::InstancePool;
use crate::journal::Journal;
use crate::limits;
use crate::meter::Usage;
use crate::tenant::Tenant;
use crate::vitals::{Vitals, resident};

/// How often idle sessions and tenants are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// How much must be free in the allocators for them to be flushed: that holds up whoever allocates meanwhile.
const WORTH_GIVING_BACK: u64 = 64 << 20;

/// How many calls are kept that are no tenant's.
const STRANGERS: usize = 1_000;

/// Everything behind the doors.
#[derive(Debug)]
pub struct Engine {
    pub(crate) config: Arc<EngineConfig>,
    pub(crate) accounts: Accounts,
    pub(crate) events: Arc<Store>,
    /// The calls that are no tenant's.
    strangers: Arc<Journal>,
}

impl Engine {
    /// Makes the engine; opens no database. Its `--memory-limit` holds for the whole process from now on.
    pub fn new(config: EngineConfig) -> Arc<Self> {
        duck::limit_memory(config.limits.memory.unwrap_or_else(limits::most_memory));
        let config = Arc::new(config);
        let pool = InstancePool::new(Arc::clone(&config));
        let events = Arc::new(Store::new(events::Settings {
            keys: config.api_keys.clone(),
            environments: config.environments.clone(),
            allow_any_key: config.allow_any_user,
            limits: config.limits,
        }));
        let accounts = Accounts::new(Arc::clone(&config), pool, Arc::clone(&events));
        let strangers = Arc::new(Journal::of(STRANGERS, config.limits.journal));
        Arc::new(Self { config, accounts, events, strangers })
    }

    /// The settings it was made with.
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// The analytics events and identities of every project.
    pub fn events(&self) -> &Arc<Store> {
        &self.events
    }

    /// The latest calls that are no tenant's: refused for their credentials, most of them.
    pub fn strangers(&self) -> &Arc<Journal> {
        &self.strangers
    }

    /// The tenant of a user who proved the password (FA-1, LX-02); in constant time per declared user.
    ///
    /// # Errors
    /// Unauthenticated.
    pub fn authenticate(&self, user: &str, password: &str) -> Result<Arc<Tenant>> {
        self.accounts.authenticate(user, password)
    }

    /// The tenant of a declared user who shows to know the password without telling it, and what `proof` made of the
    /// password. Of a user who is not declared `proof` is given one that nobody knows, so that both take as long.
    ///
    /// # Errors
    /// Unauthenticated.
    pub fn prove<T>(&self, user: &str, proof: impl FnOnce(&str) -> Option<T>) -> Result<(Arc<Tenant>, T)> {
        self.accounts.prove(user, proof)
    }

    /// How much of its limits the server uses.
    pub fn usage(&self) -> Vec<Usage> {
        let (limits, flag) = (&self.config.limits, "undeclared-user-limit");
        let most = self.accounts.undeclared_users().max(self.events.undeclared_keys());
        let (memory, most_memory) = duck::memory();
        vec![Usage::bytes("memory-limit", memory, most_memory), Usage::new(flag, most, limits.undeclared)]
    }

    /// What the server holds, in numbers.
    pub fn vitals(&self) -> Vitals {
        let mut vitals = Vitals { resident_bytes: resident(), ..Vitals::default() };
        for tenant in self.accounts.all() {
            tenant.add_to(&mut vitals);
        }
        vitals
    }

    /// Opens a database as tenants get it, uses it and drops it again, to find start-up faults such as an attached file
    /// that is no database, or too little memory.
    ///
    /// # Errors
    /// Config, naming the file or setting.
    pub async fn check(self: &Arc<Self>) -> Result<()> {
        let engine = Arc::clone(self);
        blocking::run(move |thread| engine.accounts.try_out(thread)).await
    }

    /// Discards what has idled out, again and again; ends when the engine is gone.
    pub async fn sweep(engine: std::sync::Weak<Self>) {
        let (mut ended, mut kept) = (Vec::new(), 0);
        loop {
            tokio::time::sleep(SWEEP).await;
            let Some(engine) = engine.upgrade() else { return };
            engine.events.drop_idle(engine.config.tenant_idle_timeout);
            for tenant in engine.accounts.drop_idle() {
                tenant.close().await;
            }
            for tenant in engine.accounts.all() {
                tenant.appends().close_spare(false).await;
                for session in tenant.sessions().drop_idle() {
                    session.close().await;
                    ended.push(Arc::downgrade(&session));
                }
            }
            // The protocols let go of a session a little later.
            let all_gone = !ended.is_empty() && ended.iter().all(|session| session.strong_count() == 0);
            // What large results have left is given back once nobody makes more of it.
            let (before, now) = (kept, duck::kept_memory());
            kept = now;
            if all_gone {
                ended.clear();
            }
            if all_gone || now >= WORTH_GIVING_BACK && now == before {
                blocking::start(|_| duck::flush());
            }
        }
    }

    /// Removes the temporary folders and leaves the databases to the end of the process.
    pub async fn abandon(self: Arc<Self>) {
        self.accounts.stop_opening().await;
        for tenant in self.accounts.all() {
            tenant.remove_folder();
        }
        std::mem::forget(self);
    }

    /// Interrupts everything and closes every session.
    pub async fn close(&self) {
        for tenant in self.accounts.all() {
            tenant.close().await;
        }
    }
}

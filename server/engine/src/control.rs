//! What whoever runs the server may change while it runs: users, API keys, and everything back to empty.

use std::sync::Arc;

use crate::accounts::Removed;
use crate::config::Account;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::instance::Instance;
use crate::journal::JournalEntry;
use crate::session::Session;
use crate::tenant::{Anew, Tenant};
use crate::views::ShownProject;

/// What of a tenant is put back to where it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResetParts {
    /// Databases, the log of REST queries and the project; the sessions end with their database.
    pub data: bool,
    /// Sessions, with what belongs to them.
    pub sessions: bool,
    /// The journal.
    pub journal: bool,
    /// The fault rules.
    pub faults: bool,
    /// The clock.
    pub clock: bool,
    /// The tasks of loads.
    pub tasks: bool,
}

/// What a reset has left alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResetDone {
    /// Whether the project is still as it was, since other tenants see it too (AC-02).
    pub skipped_project: bool,
}

impl Engine {
    /// Opens databases in the background for the first tenants, which otherwise wait some 15 ms for theirs. Runs inside
    /// a Tokio runtime.
    pub fn warm_up(&self) {
        self.accounts.warm_up();
    }

    /// Declares a user from now on. With `api_key` that key is declared too, and its project in the first environment
    /// is what the user sees as `product_analytics`; otherwise it is the first declared one (AC-02).
    ///
    /// # Errors
    /// Config when a part is empty, or the name or the key taken; nothing is declared then.
    pub fn add_user(&self, account: Account, api_key: Option<&str>) -> Result<()> {
        if let Some(key) = api_key {
            self.add_api_key(key)?;
        }
        if let Some(project) = api_key.and_then(|key| ShownProject::of_key(key, &self.config, &self.events)) {
            self.begin_made(&account.name, &project);
        }
        self.accounts.add(account, api_key).inspect_err(|_| {
            if let Some(key) = api_key {
                self.events.remove_key(key);
            }
        })
    }

    /// Declares a user with a project of the user's own, in environments of its own, the first of which the user sees
    /// (CT-1).
    ///
    /// # Errors
    /// Config when a part is empty, or the name or the key taken; LimitExceeded for one too many. Nothing is declared
    /// then.
    pub fn make_tenant(&self, account: Account, key: &str, environments: Vec<String>) -> Result<Arc<Tenant>> {
        self.check_new(&account, key)?;
        self.make(account, key, environments, None)
    }

    /// Refuses a tenant that could not be made.
    pub(crate) fn check_new(&self, account: &Account, key: &str) -> Result<()> {
        if account.name.is_empty() || account.password.is_empty() || key.is_empty() {
            return Err(Error::new(ErrorKind::Config, "a tenant needs a name, a password and an API key"));
        }
        self.accounts.check_new(&account.name)
    }

    /// Makes a tenant, whose database begins anew or is that one.
    pub(crate) fn make(
        &self,
        account: Account,
        key: &str,
        environments: Vec<String>,
        database: Option<Arc<Instance>>,
    ) -> Result<Arc<Tenant>> {
        let Some(environment) = environments.first().cloned() else {
            return Err(Error::new(ErrorKind::Config, "a tenant needs an environment"));
        };
        if !self.events.add_key_in(key, environments) {
            return Err(key_taken());
        }
        let project = ShownProject { store: Arc::clone(&self.events), key: key.to_owned(), environment };
        self.begin_made(&account.name, &project);
        self.accounts.make(account, project, database).inspect_err(|_| {
            self.events.remove_key(key);
        })
    }

    /// Refuses a declared user from now on, interrupts what the user runs and drops the user's database. A project that
    /// the user was made with goes as well (CT-2).
    ///
    /// # Errors
    /// NotFound when no user of that name is declared.
    pub async fn remove_user(&self, name: &str) -> Result<()> {
        let removed = self.accounts.remove(name).ok_or_else(|| no_user(name))?;
        self.finish(removed).await;
        Ok(())
    }

    /// As [`remove_user`](Self::remove_user); an undeclared user is a new one from the next call on.
    ///
    /// # Errors
    /// NotFound for a user who is no more.
    pub async fn remove_tenant(&self, tenant: &Tenant) -> Result<()> {
        if tenant.is_declared() {
            return self.remove_user(tenant.name()).await;
        }
        let removed = self.accounts.forget(tenant).ok_or_else(|| no_user(tenant.name()))?;
        self.finish(removed).await;
        Ok(())
    }

    async fn finish(&self, removed: Removed) {
        if let Some(key) = removed.key {
            self.events.remove_key(&key);
        }
        futures::future::join_all(removed.sessions.iter().map(Session::close)).await;
    }

    /// Every tenant there is, by name.
    pub fn tenants(&self) -> Vec<Arc<Tenant>> {
        let mut tenants = self.accounts.all();
        tenants.sort_by(|one, other| one.name().cmp(other.name()));
        tenants
    }

    /// The tenant of a name.
    ///
    /// # Errors
    /// NotFound; FailedPrecondition for a name under which `--allow-any-user` has admitted several passwords.
    pub fn tenant_named(&self, name: &str) -> Result<Arc<Tenant>> {
        let mut found = self.accounts.named(name).into_iter();
        let tenant = found.next().ok_or_else(|| no_user(name))?;
        if found.next().is_some() {
            let message = format!("several users are named \"{name}\", each with a password of its own");
            return Err(Error::new(ErrorKind::FailedPrecondition, message));
        }
        Ok(tenant)
    }

    /// Puts a tenant back to where it began (CT-3). What began before ends with a cancel error; what comes after this
    /// returns finds the new state.
    ///
    /// # Errors
    /// NotFound for a user who is no more.
    pub async fn reset_tenant(&self, tenant: &Tenant, parts: ResetParts) -> Result<ResetDone> {
        let mut done = ResetDone::default();
        let lineage = tenant.lineage();
        if parts.data || parts.sessions {
            let anew = if parts.data { Anew::Database(None) } else { Anew::Sessions };
            let sessions = self.accounts.begin_anew(tenant, anew).ok_or_else(|| no_user(tenant.name()))?;
            end(sessions).await;
        }
        if let Some(project) = lineage.project().filter(|_| parts.data) {
            done.skipped_project = self.accounts.count_viewers(project) > 1;
            if !done.skipped_project {
                self.events.clear_project(&project.key, &project.environment);
            }
        }
        if parts.journal {
            lineage.journal().clear();
        }
        if parts.faults {
            lineage.faults().clear();
        }
        if parts.clock {
            lineage.clock().clear();
        }
        if parts.tasks {
            lineage.forget_tasks();
        }
        Ok(done)
    }

    /// Empties a project, whoever sees it; false if there is none.
    pub fn reset_project(&self, key: &str, environment: &str) -> bool {
        self.events.clear_project(key, environment)
    }

    /// Removes every fault rule, and forgets the tasks that are pending: nothing waits for a word of a test's any more.
    pub fn let_go(&self) {
        for tenant in self.accounts.all() {
            tenant.faults().clear();
            tenant.tasks().clear();
        }
    }

    /// What a declared user ran lately, oldest first; empty for an unknown one.
    pub fn journal(&self, name: &str) -> Vec<Arc<JournalEntry>> {
        self.accounts.find(name).map(|tenant| tenant.journal().entries()).unwrap_or_default()
    }

    /// Declares an API key from now on (AX-03).
    ///
    /// # Errors
    /// Config when it is empty or declared already.
    pub fn add_api_key(&self, key: &str) -> Result<()> {
        if key.is_empty() {
            return Err(Error::new(ErrorKind::Config, "an API key is empty"));
        }
        if !self.events.add_key(key) {
            return Err(key_taken());
        }
        Ok(())
    }

    /// Refuses an API key from now on and drops its events and identities.
    ///
    /// # Errors
    /// NotFound when it is not declared.
    pub fn remove_api_key(&self, key: &str) -> Result<()> {
        if self.events.remove_key(key) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotFound, "there is no such API key"))
    }

    /// Empties the server: every user finds a new database and no session, every project is without events. What is
    /// declared stays.
    pub async fn reset(&self) {
        self.events.clear();
        let ended = self.accounts.renew();
        futures::future::join_all(ended.iter().map(Session::close)).await;
    }
}

/// Interrupts what sessions run; they close behind, since DuckDB may take its time over it.
pub(crate) async fn end(sessions: Vec<Arc<Session>>) {
    let mut closing = Box::pin(async move {
        futures::future::join_all(sessions.iter().map(Session::close)).await;
    });
    // What a session runs is cancelled before anything is waited for.
    if futures::poll!(&mut closing).is_pending() {
        tokio::spawn(closing);
    }
}

fn key_taken() -> Error {
    Error::new(ErrorKind::Config, "an API key is declared already")
}

fn no_user(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no user \"{name}\""))
}

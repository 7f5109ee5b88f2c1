//! What whoever runs the server may change while it runs: users, API keys, and everything back to empty.

use std::sync::Arc;

use crate::config::Account;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::JournalEntry;

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
        self.accounts.add(account, api_key).inspect_err(|_| {
            if let Some(key) = api_key {
                self.events.remove_key(key);
            }
        })
    }

    /// Refuses a declared user from now on, interrupts what the user runs and drops the user's database.
    ///
    /// # Errors
    /// NotFound when no user of that name is declared.
    pub async fn remove_user(&self, name: &str) -> Result<()> {
        let Some(tenant) = self.accounts.remove(name) else {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no user \"{name}\"")));
        };
        tenant.close().await;
        Ok(())
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
            return Err(Error::new(ErrorKind::Config, "an API key is declared already"));
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
        let former = self.accounts.renew();
        futures::future::join_all(former.iter().map(|tenant| tenant.close())).await;
    }
}

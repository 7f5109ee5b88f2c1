//! Who may log in, and the tenant each user owns.

mod places;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub(super) use self::places::HeldPlace;
use super::blocking::MayBlock;
use super::config::{Account, EngineConfig};
use super::events::Store;
use super::instance::{self, Instance, InstancePool};
use super::journal::Journal;
use super::limit_exceeded;
use super::seed_shelf::SeedShelf;
use super::session::{Session, Turns};
use super::sql;
use super::tenant::{Anew, LeftBehind, Lineage, Tenant};
use super::views::ShownProject;
use crate::error::{Error, ErrorKind, Result};

/// The declared users and the tenants opened so far.
#[derive(Debug)]
pub(super) struct Accounts {
    config: Arc<EngineConfig>,
    pool: Arc<InstancePool>,
    /// What tenants begin with.
    seeds: Arc<SeedShelf>,
    /// The threads that all tenants' statements share.
    threads: Arc<Semaphore>,
    declared: RwLock<HashMap<String, Login>>,
    events: Arc<Store>,
    undeclared: Mutex<HashMap<(String, String), Arc<Tenant>>>,
}

/// A declared user: the password and the tenant.
#[derive(Debug)]
struct Login {
    account: Account,
    tenant: Arc<Tenant>,
    /// Whether the user was made while the server runs, together with a project that goes when the user does (CT-1).
    is_made: bool,
}

/// A user who is no more, for closing.
#[derive(Debug)]
pub(super) struct Removed {
    /// The sessions that were open.
    pub(super) sessions: Vec<Arc<Session>>,
    /// The API key that goes with the user.
    pub(super) key: Option<String>,
}

impl Accounts {
    pub(super) fn new(config: Arc<EngineConfig>, pool: Arc<InstancePool>, events: Arc<Store>) -> Self {
        let undeclared = Mutex::default();
        let threads = Turns::of_process(config.limits.threads);
        let seeds = Arc::default();
        let accounts = Self { config, pool, seeds, threads, declared: RwLock::default(), events, undeclared };
        let config = Arc::clone(&accounts.config);
        let logins = config.users.iter().map(|account| {
            let project = ShownProject::of_declared(&account.name, &config, &accounts.events);
            (account.name.clone(), accounts.login(account.clone(), project, false, LeftBehind::default()))
        });
        *accounts.declared.write() = logins.collect();
        accounts
    }

    fn login(
        &self,
        account: Account,
        project: Option<ShownProject>,
        is_made: bool,
        left: LeftBehind,
    ) -> Login {
        let tenant = self.tenant(self.lineage(&account.name, true, project), left);
        Login { account, tenant, is_made }
    }

    fn lineage(&self, name: &str, declared: bool, project: Option<ShownProject>) -> Lineage {
        // An undeclared user sees the key of that name, with which more may have been asked before.
        let former = if declared { None } else { self.events.take_journal(name) };
        let journal = former.unwrap_or_else(|| Arc::new(Journal::new(self.config.limits.journal)));
        Lineage::new(name, declared, project, journal, &self.config.limits)
    }

    fn tenant(&self, lineage: Lineage, left: LeftBehind) -> Arc<Tenant> {
        Tenant::new(lineage, left, &self.config, (&self.pool, &self.seeds), &self.threads)
    }

    /// Declares a user from now on; with a key, that key's first environment is the user's `product_events`.
    ///
    /// # Errors
    /// Config when the name or the password is empty, or the name taken.
    pub(super) fn add(&self, account: Account, api_key: Option<&str>) -> Result<()> {
        if account.name.is_empty() || account.password.is_empty() {
            return Err(Error::new(ErrorKind::Config, "a user needs a name and a password"));
        }
        let project = match api_key {
            Some(key) => ShownProject::of_key(key, &self.config, &self.events),
            None => ShownProject::of_declared(&account.name, &self.config, &self.events),
        };
        self.insert(account, project, None).map(drop)
    }

    /// Declares a user from now on who sees that project, and with whom it goes (CT-1). The database begins anew, or is one
    /// that was made ready for the user.
    ///
    /// # Errors
    /// Config when the name is taken; LimitExceeded for one too many.
    pub(super) fn make(
        &self,
        account: Account,
        project: ShownProject,
        database: Option<Arc<Instance>>,
    ) -> Result<Arc<Tenant>> {
        self.insert(account, Some(project), Some(database))
    }

    /// Refuses a user who could not be made.
    ///
    /// # Errors
    /// As [`make`](Self::make).
    pub(super) fn check_new(&self, name: &str) -> Result<()> {
        self.check(&self.declared.read(), name, true)
    }

    fn check(&self, declared: &HashMap<String, Login>, name: &str, is_made: bool) -> Result<()> {
        if declared.contains_key(name) {
            return Err(Error::new(ErrorKind::Config, format!("the user \"{name}\" is declared already")));
        }
        let most = self.config.limits.made_tenants;
        if is_made && declared.values().filter(|login| login.is_made).count() >= most {
            return Err(limit_exceeded("the tenants made while the server runs", most, "--tenant-limit"));
        }
        Ok(())
    }

    /// Adds a user, who was made while the server runs if there is a `made` database, even one that begins anew.
    fn insert(
        &self,
        account: Account,
        project: Option<ShownProject>,
        made: Option<Option<Arc<Instance>>>,
    ) -> Result<Arc<Tenant>> {
        let mut declared = self.declared.write();
        let (name, is_made) = (account.name.clone(), made.is_some());
        self.check(&declared, &name, is_made)?;
        let login = self.login(account, project, is_made, LeftBehind::of(made.flatten()));
        let tenant = Arc::clone(&login.tenant);
        declared.insert(name, login);
        Ok(tenant)
    }

    /// Refuses a declared user from now on.
    pub(super) fn remove(&self, name: &str) -> Option<Removed> {
        let Login { tenant, is_made, .. } = self.declared.write().remove(name)?;
        tenant.faults().clear();
        tenant.tasks().clear();
        let key = tenant.project().filter(|_| is_made).map(|project| project.key.clone());
        Some(Removed { sessions: tenant.retire(Anew::Database(None)).0, key })
    }

    /// Forgets an undeclared user, who is a new one from the next call on; None if it is none.
    pub(super) fn forget(&self, tenant: &Tenant) -> Option<Removed> {
        let mut tenants = self.undeclared.lock();
        let key = tenants.iter().find(|(_, known)| known.lineage().is(tenant.lineage()));
        let key = key.map(|(key, _)| key.clone())?;
        let former = tenants.remove(&key)?;
        former.faults().clear();
        former.tasks().clear();
        Some(Removed { sessions: former.retire(Anew::Database(None)).0, key: None })
    }

    /// Opens a database as tenants get it, uses it and drops it again.
    ///
    /// # Errors
    /// Config, naming the file or setting that DuckDB does not take.
    pub(super) fn try_out(&self, thread: &MayBlock) -> Result<()> {
        let used = self.pool.open().and_then(|instance| Ok(instance.connect(thread)?.run(sql::FIRST_USE)?));
        used.map_err(|error| match error.kind() {
            ErrorKind::Config => error,
            _ => instance::as_config(&error, &self.config),
        })
    }

    /// Where databases come from.
    pub(super) fn pool(&self) -> &Arc<InstancePool> {
        &self.pool
    }

    /// Opens no more databases ahead.
    pub(super) async fn stop_opening(&self) {
        self.pool.stop_filling().await;
    }

    /// Opens databases ahead of the first tenant.
    pub(super) fn warm_up(&self) {
        self.pool.fill();
    }

    /// Gives every declared user an empty tenant and forgets the others; returns the sessions there were, for closing.
    pub(super) fn renew(&self) -> Vec<Arc<Session>> {
        let former = std::mem::take(&mut *self.undeclared.lock()).into_values();
        let mut ended: Vec<_> = former.flat_map(|tenant| tenant.retire(Anew::Database(None)).0).collect();
        for login in self.declared.write().values_mut() {
            login.tenant.lineage().begin_anew();
            ended.extend(self.follow(&mut login.tenant, Anew::Database(None)));
        }
        ended
    }

    /// Gives a user a new tenant in the place of the present one, whose sessions are returned for closing; None if the
    /// user is no more.
    pub(super) fn begin_anew(&self, tenant: &Tenant, anew: Anew) -> Option<Vec<Arc<Session>>> {
        self.at_place(tenant, |place| self.follow(place, anew))
    }

    /// Does something with the place where a user's tenant is; None if the user is no more.
    fn at_place<T>(&self, tenant: &Tenant, work: impl FnOnce(&mut Arc<Tenant>) -> T) -> Option<T> {
        let lineage = tenant.lineage();
        let mut declared = self.declared.write();
        let login = declared.get_mut(&**lineage.name()).map(|login| &mut login.tenant);
        if let Some(place) = login.filter(|place| place.lineage().is(lineage)) {
            return Some(work(place));
        }
        drop(declared);
        let mut undeclared = self.undeclared.lock();
        let place = undeclared.values_mut().find(|place| place.lineage().is(lineage))?;
        Some(work(place))
    }

    fn follow(&self, place: &mut Arc<Tenant>, anew: Anew) -> Vec<Arc<Session>> {
        let (sessions, left) = place.retire(anew);
        *place = self.tenant(place.lineage().clone(), left);
        sessions
    }

    /// What tenants begin with.
    pub(super) fn seeds(&self) -> &SeedShelf {
        &self.seeds
    }

    /// A tenant that nobody knows, to be seeded.
    pub(super) fn stage(&self, lineage: Lineage, left: LeftBehind) -> Arc<Tenant> {
        self.tenant(lineage, left)
    }

    /// How many tenants see a project.
    pub(super) fn count_viewers(&self, project: &ShownProject) -> usize {
        let sees = |tenant: &Arc<Tenant>| tenant.project().is_some_and(|seen| seen.is(project));
        let declared = self.declared.read().values().filter(|login| sees(&login.tenant)).count();
        declared + self.undeclared.lock().values().filter(|tenant| sees(tenant)).count()
    }

    /// The tenant of a declared user.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Tenant>> {
        self.declared.read().get(name).map(|login| Arc::clone(&login.tenant))
    }

    /// The tenants of a name: the declared one, else each that was admitted under it with a password.
    pub(super) fn named(&self, name: &str) -> Vec<Arc<Tenant>> {
        if let Some(declared) = self.find(name) {
            return vec![declared];
        }
        let undeclared = self.undeclared.lock();
        undeclared.values().filter(|tenant| **tenant.name() == *name).cloned().collect()
    }

    /// The tenant of a user who proved the password.
    ///
    /// Takes the same time whether the user is unknown or the password wrong: the password is compared with every
    /// declared one.
    ///
    /// # Errors
    /// Unauthenticated; LimitExceeded for one undeclared user too many.
    pub(super) fn authenticate(&self, user: &str, password: &str) -> Result<Arc<Tenant>> {
        let declared = self.declared.read();
        let mut matched = subtle::Choice::from(0);
        for Login { account, .. } in declared.values() {
            let name = same(&account.name, user);
            matched |= name & same(&account.password, password);
        }
        match declared.get(user) {
            Some(login) if bool::from(matched) => Ok(Arc::clone(&login.tenant)),
            None if self.config.allow_any_user && !user.is_empty() => self.undeclared(user, password),
            _ => Err(refused()),
        }
    }

    /// The tenant of a declared user who shows to know the password without telling it, and what `proof` made of it. For a
    /// user who is not declared it is given a password that nobody knows.
    ///
    /// # Errors
    /// Unauthenticated.
    pub(super) fn prove<T>(
        &self,
        user: &str,
        proof: impl FnOnce(&str) -> Option<T>,
    ) -> Result<(Arc<Tenant>, T)> {
        let nobodys = Uuid::new_v4().to_string();
        let (password, tenant) = match self.declared.read().get(user) {
            Some(login) => (login.account.password.clone(), Some(Arc::clone(&login.tenant))),
            None => (nobodys, None),
        };
        proof(&password).and_then(|proven| Some((tenant?, proven))).ok_or_else(refused)
    }

    fn undeclared(&self, user: &str, password: &str) -> Result<Arc<Tenant>> {
        let mut tenants = self.undeclared.lock();
        let key = (user.to_owned(), password.to_owned());
        if !tenants.contains_key(&key) {
            self.make_room(&mut tenants)?;
        }
        let tenant = tenants.entry(key).or_insert_with(|| {
            let project = ShownProject::of_key(user, &self.config, &self.events);
            self.tenant(self.lineage(user, false, project), LeftBehind::default())
        });
        tenant.touch();
        Ok(Arc::clone(tenant))
    }

    /// Forgets a user who never opened a database, and so has nothing to lose, if there are as many as there may be.
    fn make_room(&self, tenants: &mut HashMap<(String, String), Arc<Tenant>>) -> Result<()> {
        let most = self.config.limits.undeclared;
        if tenants.len() < most {
            return Ok(());
        }
        let unused = tenants.iter().filter(|(_, tenant)| Arc::strong_count(tenant) == 1 && !tenant.is_open());
        match unused.max_by_key(|(_, tenant)| tenant.idle()).map(|(key, _)| key.clone()) {
            Some(key) => {
                tenants.remove(&key);
                Ok(())
            }
            None => Err(limit_exceeded("the undeclared users", most, "--undeclared-user-limit")),
        }
    }

    /// How many undeclared users there are.
    pub(super) fn undeclared_users(&self) -> usize {
        self.undeclared.lock().len()
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
        let declared: Vec<_> = self.declared.read().values().map(|login| Arc::clone(&login.tenant)).collect();
        declared.into_iter().chain(self.undeclared.lock().values().cloned()).collect()
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Unauthenticated, "Authentication failed: invalid credentials")
}

fn same(expected: &str, given: &str) -> subtle::Choice {
    expected.as_bytes().ct_eq(given.as_bytes())
}

//! The snapshots of one user, by name (SN-1).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::blocking;
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{Size, limit_exceeded};
use crate::replica::{LeftOut, SavedState};

/// How many snapshots a user may have.
const MOST: usize = 100;

/// How long a name may be.
const LONGEST_NAME: usize = 100;

/// One snapshot.
#[derive(Debug)]
pub struct KeptSnapshot {
    name: String,
    made: SystemTime,
    bytes: u64,
    state: SavedState,
}

impl KeptSnapshot {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it was made.
    pub fn made(&self) -> SystemTime {
        self.made
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What of the tenant is not in it.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.state.left_out
    }

    pub(crate) fn state(&self) -> &SavedState {
        &self.state
    }
}

impl Drop for KeptSnapshot {
    fn drop(&mut self) {
        // A database may take its time to close.
        blocking::discard(std::mem::replace(&mut self.state, SavedState::nothing()));
    }
}

/// The snapshots of one user.
#[derive(Debug)]
pub(crate) struct SnapshotShelf {
    limit: u64,
    kept: Mutex<BTreeMap<String, Arc<KeptSnapshot>>>,
    /// Held while the user's state is copied: one copy at a time.
    copying: Arc<AsyncMutex<()>>,
}

impl SnapshotShelf {
    /// An empty shelf for so many bytes.
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, kept: Mutex::default(), copying: Arc::default() }
    }

    /// Waits until no other copy of the user's state is being made; the next one waits until what this returns is dropped,
    /// which whoever copies holds until then, even if nobody waits for the copy any more.
    pub(crate) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.copying).lock_owned().await
    }

    /// Refuses a name that is not one.
    ///
    /// # Errors
    /// InvalidArgument.
    pub(crate) fn check_name(name: &str) -> Result<()> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty()
            || name.len() > LONGEST_NAME
            || name.starts_with('.')
            || !name.chars().all(is_plain)
        {
            return Err(Error::invalid(format!(
                "a snapshot's name has 1 to {LONGEST_NAME} letters, digits, dots, hyphens and underscores, and does not \
                 begin with a dot"
            )));
        }
        Ok(())
    }

    /// Refuses a snapshot of so many bytes for which there is no room, before it is made.
    ///
    /// # Errors
    /// LimitExceeded.
    pub(crate) fn check_room(&self, name: &str, bytes: u64) -> Result<()> {
        self.room(&self.kept.lock(), name, bytes)
    }

    /// Keeps a state under a name, in the place of the one that has it.
    ///
    /// # Errors
    /// LimitExceeded; what was kept stays then.
    pub(crate) fn keep(&self, name: &str, state: SavedState, bytes: u64) -> Result<Arc<KeptSnapshot>> {
        let snapshot = Arc::new(KeptSnapshot { name: name.to_owned(), made: clock::now(), bytes, state });
        let mut kept = self.kept.lock();
        self.room(&kept, name, bytes)?;
        let former = kept.insert(name.to_owned(), Arc::clone(&snapshot));
        drop((kept, former));
        Ok(snapshot)
    }

    fn room(&self, kept: &BTreeMap<String, Arc<KeptSnapshot>>, name: &str, more: u64) -> Result<()> {
        let others = kept.iter().filter(|(other, _)| *other != name);
        let (count, bytes) =
            others.fold((0, more), |(count, bytes), (_, one)| (count + 1, bytes + one.bytes));
        if count >= MOST {
            let message = format!("Limit exceeded: a user may have {MOST} snapshots; remove one first");
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        if bytes > self.limit {
            let what = "the snapshots of this user together";
            return Err(limit_exceeded(what, Size(self.limit), "--snapshot-limit"));
        }
        Ok(())
    }

    /// A snapshot by its name.
    ///
    /// # Errors
    /// NotFound.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<KeptSnapshot>> {
        self.kept.lock().get(name).cloned().ok_or_else(|| unknown(name))
    }

    /// Every snapshot, by name.
    pub(crate) fn all(&self) -> Vec<Arc<KeptSnapshot>> {
        self.kept.lock().values().cloned().collect()
    }

    /// Removes a snapshot.
    ///
    /// # Errors
    /// NotFound.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let removed = self.kept.lock().remove(name);
        removed.map(drop).ok_or_else(|| unknown(name))
    }

    /// What all of them take in memory, and what they may take.
    pub(crate) fn usage(&self) -> (u64, u64) {
        (self.kept.lock().values().map(|snapshot| snapshot.bytes).sum(), self.limit)
    }
}

fn unknown(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no snapshot \"{name}\""))
}

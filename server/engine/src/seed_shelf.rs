//! What tenants begin with (SD-1): set once, before anybody can connect.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::replica::SavedState;

/// What each tenant begins with, if anything.
#[derive(Debug, Default)]
pub(crate) struct SeedShelf(OnceLock<PlantedSeeds>);

/// The states that tenants begin with.
#[derive(Debug, Default)]
pub(crate) struct PlantedSeeds {
    /// Of those who have none of their own.
    pub(crate) of_all: Option<Arc<SavedState>>,
    /// Of declared users, by name.
    pub(crate) of_user: HashMap<String, Arc<SavedState>>,
}

impl SeedShelf {
    /// Has tenants begin with these states; those that are there already are not asked.
    pub(crate) fn plant(&self, seeds: PlantedSeeds) {
        let _ = self.0.set(seeds);
    }

    /// What the user of that name begins with.
    pub(crate) fn of(&self, user: &str) -> Option<&Arc<SavedState>> {
        self.0.get().and_then(|seeds| seeds.of(user))
    }
}

impl PlantedSeeds {
    /// As [`SeedShelf::of`].
    pub(crate) fn of(&self, user: &str) -> Option<&Arc<SavedState>> {
        self.of_user.get(user).or(self.of_all.as_ref())
    }
}

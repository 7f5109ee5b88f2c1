//! The seeds of `--seed`, applied at start to databases of the server's own (SD-2).

use std::path::PathBuf;
use std::sync::Arc;

use super::{SeedPosition, apply, folder, within};
use crate::config::{SeedChoice, SeedOptions};
use engine::{Engine, Error, ErrorKind, Result, SeedPlan, Staging, run_blocking};

/// Applies every seed, and has tenants begin with what came of it.
///
/// # Errors
/// Config, naming file, line or row, and what is wrong.
pub(crate) async fn plant(engine: &Arc<Engine>, options: &SeedOptions) -> Result<()> {
    if options.given.is_empty() {
        return Ok(());
    }
    let mut plan = SeedPlan::default();
    let mut users: Vec<&str> = options.given.iter().filter_map(|choice| choice.user.as_deref()).collect();
    users.sort_unstable();
    users.dedup();
    for user in std::iter::once(None).chain(users.into_iter().map(Some)) {
        let is_for = |choice: &&SeedChoice| choice.user.is_none() || choice.user.as_deref() == user;
        let paths: Vec<PathBuf> =
            options.given.iter().filter(is_for).map(|choice| choice.path.clone()).collect();
        if !paths.is_empty() {
            let staging = engine.stage(user);
            apply_all(paths, &staging, options).await?;
            engine.prepare(&mut plan, user, staging).await?;
        }
    }
    engine.plant(plan)
}

async fn apply_all(paths: Vec<PathBuf>, staging: &Staging, options: &SeedOptions) -> Result<()> {
    let position = SeedPosition::default();
    let work = async {
        for path in paths {
            let most = options.bounds.files;
            let seed = run_blocking(move || folder::find(&path, most)).await?;
            apply(&seed, staging, &position).await?;
        }
        Ok(())
    };
    within(options.timeout, &position, work).await.map_err(|error| match error.kind() {
        ErrorKind::Config => error,
        _ => Error::new(ErrorKind::Config, format!("seed {}", error.message())),
    })
}

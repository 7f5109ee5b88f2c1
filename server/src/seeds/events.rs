//! Events and identities of a seed: a body of /track or /identify on each line (AT, AI).

use std::io::{BufRead as _, BufReader};
use std::sync::Arc;

use super::SeedFile;
use super::apply::{on_line, unreadable, without_mark};
use super::layout::SeedPart;
use crate::doors::analytics;
use engine::events::Item;
use engine::{Call, Error, Result, Staging, run_blocking};

/// How many items are stored at once.
const AT_ONCE: usize = 1000;

/// Stores the items of a file in the staging's project.
///
/// # Errors
/// InvalidArgument for a body that its route would refuse; LimitExceeded beyond --project-event-limit.
pub(super) async fn take(file: Arc<SeedFile>, staging: &Staging, call: &Arc<Call>) -> Result<()> {
    let (staging, call) = (staging.clone(), Arc::clone(call));
    run_blocking(move || {
        let reader = BufReader::new(file.open().map_err(|fault| unreadable(&fault))?);
        let mut items = Vec::new();
        for (at, line) in reader.lines().enumerate() {
            let line = line.map_err(|fault| on_line(&unreadable(&fault), at + 1))?;
            let line = if at == 0 { without_mark(&line) } else { &line };
            if line.trim().is_empty() {
                continue;
            }
            let found =
                read(&file.part, line).and_then(|found| staging.check_environment(&found).map(|()| found));
            items.extend(found.map_err(|error| on_line(&error, at + 1))?);
            if items.len() >= AT_ONCE {
                call.cancel().check()?;
                staging.store(std::mem::take(&mut items), &call)?;
            }
        }
        staging.store(items, &call)
    })
    .await
}

fn read(part: &SeedPart, line: &str) -> Result<Vec<Item>> {
    match part {
        SeedPart::Identities => analytics::identities(line),
        SeedPart::Events => analytics::events(line),
        SeedPart::Sql { .. } | SeedPart::Rows { .. } => Err(Error::internal("these are no events")),
    }
}

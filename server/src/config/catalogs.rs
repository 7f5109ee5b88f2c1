//! The catalogs that users find beside their own.

use std::collections::HashSet;

use super::options::Options;
use super::resolve::{distinct, fault};
use engine::Result;

/// What is declared of them.
pub(super) struct FoundCatalogs {
    /// `--catalog`: empty ones.
    pub(super) catalogs: Vec<String>,
    /// `--attach`: files, each with its name.
    pub(super) attaches: Vec<(String, String)>,
    /// `--mock-catalog`: the users' calls and events.
    pub(super) mock: bool,
}

impl FoundCatalogs {
    /// Reads and checks the options.
    ///
    /// # Errors
    /// Config, for a name that is taken or given twice, and for a file that cannot be read.
    pub(super) fn read(options: &Options) -> Result<Self> {
        let mock = options.mock_catalog.unwrap_or(false);
        let catalogs = catalogs(options.catalog.clone().unwrap_or_default())?;
        let attaches = attaches(options.attach.as_deref().unwrap_or_default(), &catalogs)?;
        if mock {
            let attached = attaches.iter().map(|(name, _)| name);
            catalogs.iter().chain(attached).try_for_each(|name| free_of_mock(name))?;
        }
        Ok(Self { catalogs, attaches, mock })
    }
}

/// Names that an attached catalog cannot have.
const TAKEN_CATALOGS: &[&str] = &["memory", "system", "temp", "product_analytics", "altertable", "main"];

/// Names of catalogs, which DuckDB compares without regard to case.
fn catalogs(given: Vec<String>) -> Result<Vec<String>> {
    let names = distinct(given, "--catalog", true)?;
    names.iter().try_for_each(|name| free_catalog("--catalog", name))?;
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(name.to_lowercase())) {
        return Err(fault(format!("--catalog \"{name}\" is given twice: case makes no difference")));
    }
    Ok(names)
}

fn attaches(given: &[String], catalogs: &[String]) -> Result<Vec<(String, String)>> {
    let mut names: HashSet<String> = catalogs.iter().map(|name| name.to_lowercase()).collect();
    let mut attaches = Vec::with_capacity(given.len());
    for text in given {
        let Some((name, file)) =
            text.split_once('=').filter(|(name, file)| !name.is_empty() && !file.is_empty())
        else {
            return Err(fault(format!("--attach \"{text}\" has to be NAME=FILE")));
        };
        free_catalog("--attach", name)?;
        if !names.insert(name.to_lowercase()) {
            return Err(fault(format!(
                "--attach: the catalog \"{name}\" is declared twice; case makes no difference"
            )));
        }
        if let Err(error) = std::fs::File::open(file) {
            return Err(fault(format!("--attach {name}: cannot read the file {file}: {error}")));
        }
        attaches.push((name.to_owned(), file.to_owned()));
    }
    Ok(attaches)
}

fn free_catalog(flag: &str, name: &str) -> Result<()> {
    if TAKEN_CATALOGS.iter().any(|taken| taken.eq_ignore_ascii_case(name)) {
        return Err(fault(format!("{flag}: the catalog name \"{name}\" is taken by the server")));
    }
    Ok(())
}

/// RJ-5: with `--mock-catalog` that name is the server's.
fn free_of_mock(name: &str) -> Result<()> {
    if name.eq_ignore_ascii_case("mock") {
        return Err(fault(format!(
            "the catalog name \"{name}\" is taken by --mock-catalog: give your catalog another name, or leave that flag out"
        )));
    }
    Ok(())
}

//! What tenants begin with, and what a seed may take (SD).

use std::path::PathBuf;
use std::time::Duration;

use super::options::Options;
use super::resolve::{at_least_one, fault};
use super::size::ByteSize;
use engine::{Account, Result};

/// How long a seed may take, unless told otherwise.
const TIMEOUT: u64 = 600;

/// What tenants begin with, and what a seed may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedOptions {
    /// `--seed`, in order.
    pub given: Vec<SeedChoice>,
    /// `--seed-timeout`: how long all seeds of a tenant may take together; `None` for as long as they like.
    pub timeout: Option<Duration>,
    /// What one that is sent may take.
    pub bounds: SeedBounds,
}

/// A seed on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedChoice {
    /// The user whose it is; `None` for all.
    pub user: Option<String>,
    /// A SQL file or a folder.
    pub path: PathBuf,
}

/// What a seed may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedBounds {
    /// `--seed-limit`: the bytes of one that is sent.
    pub bytes: u64,
    /// `--seed-file-limit`: the files of one.
    pub files: usize,
}

impl SeedOptions {
    /// Reads and checks the options.
    ///
    /// # Errors
    /// Config, naming the flag, for a user whom nobody declares, an empty path and a limit of nothing.
    pub(super) fn read(options: &Options, users: &[Account]) -> Result<Self> {
        let given = options.seed.iter().flatten().map(|text| choice(text, users)).collect::<Result<_>>()?;
        let timeout = options.seed_timeout.unwrap_or(TIMEOUT);
        let bounds = SeedBounds {
            bytes: options.seed_limit.map_or(1 << 30, ByteSize::bytes),
            files: at_least_one(options.seed_file_limit, "--seed-file-limit")?.unwrap_or(10_000),
        };
        Ok(Self { given, timeout: (timeout > 0).then(|| Duration::from_secs(timeout)), bounds })
    }
}

/// `PATH`, or `USER=PATH`: the first `=` ends a user's name unless a `/` comes before it.
fn choice(text: &str, users: &[Account]) -> Result<SeedChoice> {
    let (user, path) = match text.split_once('=') {
        Some((user, path)) if !user.contains('/') => (Some(user), path),
        _ => (None, text),
    };
    if path.is_empty() {
        return Err(fault(format!("--seed \"{text}\" names no file: write --seed PATH or --seed USER=PATH")));
    }
    if let Some(user) = user.filter(|user| !users.iter().any(|account| account.name == *user)) {
        return Err(fault(format!(
            "--seed \"{text}\" is for the user \"{user}\", whom no --user declares; a path that holds = begins with ./ or /"
        )));
    }
    Ok(SeedChoice { user: user.map(str::to_owned), path: path.into() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn users() -> Vec<Account> {
        vec![Account { name: "alice".to_owned(), password: "secret".to_owned() }]
    }

    #[rstest]
    #[case("shop.sql", None, "shop.sql")]
    #[case("alice=shop.sql", Some("alice"), "shop.sql")]
    #[case("alice=a=b.sql", Some("alice"), "a=b.sql")]
    #[case("./a=b.sql", None, "./a=b.sql")]
    #[case("/tmp/alice=b", None, "/tmp/alice=b")]
    fn a_user_stands_before_the_path(#[case] text: &str, #[case] user: Option<&str>, #[case] path: &str) {
        let found = choice(text, &users()).unwrap();
        assert_eq!((found.user.as_deref(), found.path), (user, PathBuf::from(path)));
    }

    #[rstest]
    fn what_names_nobody_or_nothing_is_refused(#[values("bob=x.sql", "a=b", "=x", "alice=", "")] text: &str) {
        choice(text, &users()).unwrap_err();
    }
}

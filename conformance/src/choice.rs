//! Which target to hold to the spec, as flags or variables choose it.

use crate::fault::{During, Fault, Result};
use crate::quirks::Quirks;
use crate::target::{Account, Addresses, IMAGE, Kind, Target};
use clap::{Args, Command, FromArgMatches, ValueEnum};
use std::path::PathBuf;

/// The flags, each with its variable.
#[derive(Debug, Args)]
pub struct Choice {
    /// What to test.
    #[arg(long, env = "CONFORMANCE_TARGET", value_enum, default_value_t = TargetKind::InProcess)]
    target: TargetKind,
    /// Image, for `--target container`.
    #[arg(long, env = "CONFORMANCE_IMAGE", default_value = IMAGE)]
    image: String,
    /// Lakehouse REST address, for `--target url`.
    #[arg(long, env = "CONFORMANCE_URL", default_value = "http://127.0.0.1:15000")]
    url: String,
    /// Product Analytics address, for `--target url`.
    #[arg(long, env = "CONFORMANCE_ANALYTICS_URL", default_value = "http://127.0.0.1:15001")]
    analytics_url: String,
    /// Flight SQL address, for `--target url`.
    #[arg(long, env = "CONFORMANCE_FLIGHT_URL", default_value = "http://127.0.0.1:15002")]
    flight_url: String,
    /// `name:password` of the only account, if the server does not accept any.
    #[arg(long, env = "CONFORMANCE_USER", hide_env_values = true)]
    user: Option<String>,
    /// `name:password` of another account, as which the liveness judge runs `SELECT 42` where there are no others.
    #[arg(long, env = "CONFORMANCE_SECOND_USER", hide_env_values = true)]
    second_user: Option<String>,
    /// API key of the only account.
    #[arg(long, env = "CONFORMANCE_API_KEY", default_value = "", hide_env_values = true)]
    api_key: String,
    /// TOML file of what the target lacks and where it is known to fail.
    #[arg(long, env = "CONFORMANCE_QUIRKS")]
    quirks: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TargetKind {
    /// A server in this process for each set of flags.
    InProcess,
    /// A container for each set of flags.
    Container,
    /// Servers that run already.
    Url,
}

impl Choice {
    /// The choice that the `CONFORMANCE_*` variables make.
    ///
    /// # Errors
    /// A variable with a value that is none of its own.
    pub fn from_variables() -> Result<Self> {
        let command = Self::augment_args(Command::new("conformance"));
        let matches =
            command.try_get_matches_from(["conformance"]).during("reading the CONFORMANCE_* variables")?;
        Self::from_arg_matches(&matches).during("reading the CONFORMANCE_* variables")
    }

    /// The target that was chosen.
    ///
    /// # Errors
    /// An unreadable quirks file, or a user without a password.
    pub fn target(&self) -> Result<Target> {
        let quirks = self.quirks.as_deref().map_or_else(|| Ok(Quirks::default()), Quirks::load)?;
        let kind = match self.target {
            TargetKind::InProcess => Kind::InProcess,
            TargetKind::Container => Kind::Container(self.image.clone()),
            TargetKind::Url => Kind::Url(Addresses {
                lakehouse: self.url.trim_end_matches('/').to_owned(),
                analytics: self.analytics_url.trim_end_matches('/').to_owned(),
                flight: self.flight_url.clone(),
                account: account(self.user.as_deref(), &self.api_key)?,
                judge: self.judge()?,
            }),
        };
        Ok(Target::new(kind, quirks))
    }

    /// Anybody is another tenant where the server takes anybody.
    fn judge(&self) -> Result<Option<Account>> {
        let made_up = self.user.is_none().then(Account::fresh);
        Ok(account(self.second_user.as_deref(), "")?.or(made_up))
    }
}

fn account(pair: Option<&str>, api_key: &str) -> Result<Option<Account>> {
    let Some(pair) = pair else { return Ok(None) };
    let malformed = || Fault::new("--user and --second-user are name:password");
    let (user, password) = pair.split_once(':').ok_or_else(malformed)?;
    Ok(Some(Account { user: user.to_owned(), password: password.to_owned(), api_key: api_key.to_owned() }))
}

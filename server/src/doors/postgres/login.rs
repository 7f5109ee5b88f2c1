//! Logging in, and what a client is told then (PW-04 to PW-07).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::cancels::RunningQueries;
use super::client::Client;
use super::fault::Halt;
use super::faults;
use super::job::Job;
use super::report::{Result, SqlReport};
use super::savepoints::Savepoints;
use super::scram::{MECHANISM, ScramExchange};
use super::server::PostgresDoor;
use super::settings::{self, ClientSettings};
use super::sqlstate;
use super::start::Start;
use super::transaction::Block;
use super::wire::Wire;
use super::wire::fields::{BodyFields, utf8};
use engine::{ErrorKind, Tenant};

/// Parameters of a start that are no settings.
const NO_SETTINGS: [&str; 4] = ["user", "database", "options", "replication"];

/// Logs a client in.
///
/// # Errors
/// What the client is told; the connection ends then.
pub(super) async fn log_in(start: &mut Start, door: &Arc<PostgresDoor>) -> Result<Client, Halt> {
    let job = Job::new("Login", &door.metrics);
    let outcome = admit(start, door, &job).await.map_err(|fault| match fault {
        Halt::Gone => Halt::Gone,
        Halt::Told(report) => fatal(*report).into(),
    });
    job.ended(&outcome, 0);
    outcome
}

async fn admit(start: &mut Start, door: &Arc<PostgresDoor>, job: &Job) -> Result<Client, Halt> {
    let parameters = start.parameters.clone();
    if parameters.get("replication").is_some_and(|value| !is_off(value)) {
        return Err(SqlReport::fatal("08004", "replication is not supported").into());
    }
    let Some(user) = parameters.get("user").filter(|user| !user.is_empty()) else {
        return Err(SqlReport::fatal("28000", "no PostgreSQL user name specified in startup packet").into());
    };
    let tenant = authenticate(&mut start.wire, door, user).await?;
    job.admit(&tenant, parameters.get("application_name").map_or("", String::as_str));
    faults::meet_login(&mut start.wire, job).await?;
    start.wire.out.authentication(0, &[]);
    let mut client = open(door, tenant, user, &parameters).await?;
    let entered = enter(&mut client, job, &parameters).await;
    if let Err(report) = entered {
        client.close().await;
        return Err(report.into());
    }
    Ok(client)
}

fn is_off(value: &str) -> bool {
    ["off", "false", "no", "0", "f", "n"].contains(&value.to_ascii_lowercase().as_str())
}

/// Whatever fails while a connection begins ends it. Nobody can cancel that but the server itself, which ends the sessions
/// of a user who is reset or removed (CT-3).
fn fatal(report: SqlReport) -> SqlReport {
    if report.code == sqlstate::CANCELLED { SqlReport::farewell() } else { report.into_fatal() }
}

/// The user of a password, or of a proof of it.
async fn authenticate(wire: &mut Wire, door: &PostgresDoor, user: &str) -> Result<Arc<Tenant>, Halt> {
    let refused = |error: engine::Error| match error.kind() {
        ErrorKind::Unauthenticated => {
            SqlReport::fatal("28P01", format!("password authentication failed for user \"{user}\""))
        }
        _ => SqlReport::of(&error, ""),
    };
    if door.engine.config().allow_any_user {
        wire.out.authentication(3, &[]);
        let password = answer(wire).await?.text()?;
        return Ok(door.engine.authenticate(user, &password).map_err(refused)?);
    }
    wire.out.authentication(10, format!("{MECHANISM}\0\0").as_bytes());
    let mut first = answer(wire).await?;
    if first.text()? != MECHANISM {
        return Err(
            SqlReport::fatal("08P01", "client selected an invalid SASL authentication mechanism").into()
        );
    }
    let Some(first) = first.value()? else {
        return Err(SqlReport::fatal("08P01", "malformed SCRAM message").into());
    };
    let exchange = ScramExchange::begin(&door.salts, user, scram_text(&first)?)?;
    wire.out.authentication(11, exchange.challenge.as_bytes());
    let last = answer(wire).await?.rest();
    let proof = exchange.finish(scram_text(&last)?)?;
    let (tenant, signature) = door.engine.prove(user, |password| proof.check(password)).map_err(refused)?;
    wire.out.authentication(12, signature.as_bytes());
    Ok(tenant)
}

fn scram_text(message: &[u8]) -> Result<&str> {
    utf8(message).map_err(|_| SqlReport::fatal("08P01", "malformed SCRAM message"))
}

/// What a client answers to a question of the login.
async fn answer(wire: &mut Wire) -> Result<BodyFields, Halt> {
    wire.flush().await?;
    match wire.message().await? {
        (b'p', body) => Ok(BodyFields::new(body)),
        (b'X', _) => Err(Halt::Gone),
        (tag, _) => {
            let message = format!("expected password response, got message type {tag}");
            Err(SqlReport::fatal("08P01", message).into())
        }
    }
}

async fn open(
    door: &Arc<PostgresDoor>,
    tenant: Arc<Tenant>,
    user: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Client> {
    let session = tenant.open_session().await.map_err(|error| match error.kind() {
        ErrorKind::LimitExceeded => SqlReport::fatal("53300", error.message()),
        _ => SqlReport::of(&error, ""),
    })?;
    let mut settings = ClientSettings::default();
    settings.own("session_authorization", user);
    let catalog = parameters.get("database").filter(|name| !name.is_empty() && *name != user).cloned();
    Ok(Client {
        door: Arc::clone(door),
        tenant,
        session,
        catalog,
        settings,
        settings_share: None,
        block: Block::default(),
        savepoints: Savepoints::default(),
        statements: HashMap::new(),
        portals: HashMap::new(),
        running: Arc::new(RunningQueries::default()),
    })
}

/// Goes where the client wants to be, with the settings that it wants.
async fn enter(client: &mut Client, job: &Job, parameters: &BTreeMap<String, String>) -> Result<()> {
    client.enter_catalog(job.call()).await?;
    let named = parameters
        .iter()
        .filter(|(name, _)| !NO_SETTINGS.contains(&name.as_str()) && !name.starts_with("_pq_."));
    let named = named.map(|(name, value)| (name.clone(), value.clone()));
    let options = options(parameters.get("options").map_or("", String::as_str))?;
    for (name, value) in options.into_iter().chain(named) {
        // Drivers ask for what old servers had.
        let value = client.settings.check(&name, Some(&value))?;
        client.act(&name, &value, job.call()).await?;
        client.settings.acted(&name, &value);
        client.settings.set_at_start(&name, value);
    }
    Ok(())
}

/// The settings in `-c name=value --name=value`, where a backslash keeps a blank from ending a word.
fn options(text: &str) -> Result<Vec<(String, String)>> {
    let (mut words, mut word, mut inside) = (Vec::new(), String::new(), false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                word.extend(chars.next());
                inside = true;
            }
            c if c.is_ascii_whitespace() => {
                if std::mem::take(&mut inside) {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => {
                word.push(c);
                inside = true;
            }
        }
    }
    if inside {
        words.push(word);
    }
    let (mut found, mut words) = (Vec::new(), words.into_iter());
    while let Some(word) = words.next() {
        let assignment = match (word.as_str(), word.strip_prefix("-c"), word.strip_prefix("--")) {
            ("-c", _, _) => words.next(),
            (_, Some(rest), _) | (_, _, Some(rest)) => Some(rest.to_owned()),
            _ => None,
        };
        let pair = assignment.as_deref().and_then(|assignment| assignment.split_once('='));
        let wrong =
            || SqlReport::fatal("42601", format!("invalid command-line argument for server process: {word}"));
        let (name, value) = pair.ok_or_else(wrong)?;
        found.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(found)
}

/// Tells a client that it is in.
pub(super) fn welcome(client: &mut Client, wire: &mut Wire, process: i32, secret: &[u8]) {
    for (name, value) in client.settings.news() {
        wire.out.parameter_status(name, &value);
    }
    wire.out.backend_key(process, secret);
    wire.out.ready(client.block.letter());
}

impl Client {
    /// Goes to the catalog that the client has asked for.
    ///
    /// # Errors
    /// 3D000 for one that there is not.
    pub(super) async fn enter_catalog(&self, call: &Arc<engine::Call>) -> Result<()> {
        let Some(catalog) = self.catalog.clone() else { return Ok(()) };
        let turn = self.turn(call, "").await?;
        let missing = || SqlReport::fatal("3D000", format!("database \"{catalog}\" does not exist"));
        match turn.use_catalog(catalog.clone()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(missing()),
            Err(error) => Err(SqlReport::of(&error, "")),
        }
    }

    /// Gives the client a session as new as the first one was.
    ///
    /// # Errors
    /// LimitExceeded; DuckDB's.
    pub(super) async fn renew_session(&mut self) -> Result<()> {
        let fresh = self.tenant.open_session().await.map_err(|error| SqlReport::of(&error, ""))?;
        let former = std::mem::replace(&mut self.session, fresh);
        self.tenant.sessions().remove(former.id());
        former.close().await;
        let job = self.begin_quietly("Discard");
        let mut entered = self.enter_catalog(job.call()).await;
        for name in settings::ACTING {
            let value = self.settings.get(name).unwrap_or_default().to_owned();
            self.settings.acted(name, &value);
            if entered.is_ok() {
                entered = self.act(name, &value, job.call()).await;
            }
        }
        job.done(entered.as_ref().err());
        entered
    }

    /// Ends the session: what runs is interrupted, what is open rolled back.
    pub(super) async fn close(&mut self) {
        self.portals.clear();
        self.statements.clear();
        self.tenant.sessions().remove(self.session.id());
        self.session.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_a_reset_ends_is_told_so_in_postgresqls_words() {
        let reset =
            engine::Error::new(ErrorKind::Cancelled, "Cancelled: this user was reset or removed meanwhile");
        assert_eq!(fatal(SqlReport::of(&reset, "")), SqlReport::farewell());
        let malformed = fatal(SqlReport::error("08P01", "invalid string in message"));
        assert_eq!(malformed, SqlReport::fatal("08P01", "invalid string in message"));
    }

    #[test]
    fn options_are_read_as_a_command_line_is() {
        let read = |text| options(text).map_err(|report| report.code);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let both = vec![pair("geqo", "off"), pair("search_path", "a b"), pair("statement_timeout", "5s")];
        assert_eq!(read(r"-c geqo=off --search-path=a\ b -cstatement_timeout=5s"), Ok(both));
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("-x 1"), Err("42601"));
        assert_eq!(read("-c"), Err("42601"));
    }
}

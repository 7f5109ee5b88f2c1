//! The statements that are the door's own: transactions, settings, and what a connection holds (PW-24, PW-33, PW-34).

use std::sync::Arc;

use super::client::{Client, told};
use super::command::{Command, Discard};
use super::report::{Result, SqlReport};
use super::settings::{self, ClientSettings};
use super::tag;
use super::transaction::{Block, End, aborted};
use super::types;
use super::wire::backend::FieldDescription;
use duck::types::{Fidelity, LogicalType};
use engine::{Call, Execute, Translated};

/// What such a statement answers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OwnAnswer {
    /// The names of its columns, and its rows; none where it gives none.
    pub(super) rows: Option<(Vec<String>, Vec<Vec<String>>)>,
    pub(super) tag: String,
    /// A warning that comes before.
    pub(super) warning: Option<SqlReport>,
}

impl OwnAnswer {
    fn tag(tag: impl Into<String>) -> Self {
        Self { tag: tag.into(), ..Self::default() }
    }
}

/// The columns that a statement of the door's own will give; none where it gives none.
pub(super) fn columns(command: &Command) -> Option<Vec<FieldDescription>> {
    let names = match command {
        Command::Show(name) => vec![shown(name)],
        Command::ShowAll => ["name", "setting", "description"].map(str::to_owned).to_vec(),
        _ => return None,
    };
    Some(describe(&names))
}

/// Columns of texts.
pub(super) fn describe(names: &[String]) -> Vec<FieldDescription> {
    let text =
        |name: &String| FieldDescription { oid: types::TEXT, ..types::describe(name, &LogicalType::Varchar) };
    names.iter().map(text).collect()
}

/// The name of a setting as PostgreSQL shows it.
fn shown(name: &str) -> String {
    let all = ClientSettings::default().all();
    all.into_iter()
        .map(|(known, _)| known)
        .find(|known| known.eq_ignore_ascii_case(name))
        .unwrap_or_else(|| name.to_owned())
}

/// How DuckDB refuses to change a view as a table.
const IS_VIEW: &str = "Catalog Error: Can only modify view with ALTER VIEW statement";

impl Client {
    /// Runs a statement of the door's own.
    ///
    /// # Errors
    /// What the statement fails with.
    pub(super) async fn run_own(&mut self, command: &Command, call: &Arc<Call>) -> Result<OwnAnswer> {
        if self.block == Block::Failed && !command.ends_transaction() {
            return Err(aborted());
        }
        self.run_command(command, call).await
    }

    async fn run_command(&mut self, command: &Command, call: &Arc<Call>) -> Result<OwnAnswer> {
        match command {
            Command::Sql | Command::Copy(_) | Command::Declare(_) | Command::Fetch(_) => {
                Err(SqlReport::error("XX000", "a statement with rows is none of the door's own"))
            }
            Command::Begin(access) => {
                let warning = self.begin_block(call, *access).await?;
                Ok(OwnAnswer { warning, ..OwnAnswer::tag(tag::BEGIN) })
            }
            Command::Commit { chain } => self.end(call, End::Commit, *chain).await,
            Command::Rollback { chain } => self.end(call, End::Rollback, *chain).await,
            Command::Savepoint(name) => self.savepoint(name).map(|()| OwnAnswer::tag("SAVEPOINT")),
            Command::Release(name) => self.release(name).map(|()| OwnAnswer::tag("RELEASE")),
            Command::RollbackTo(name) => self.roll_back_to(name).map(|()| OwnAnswer::tag(tag::ROLLBACK)),
            Command::Unserved(what) => Err(SqlReport::error("0A000", *what)),
            Command::CloseCursor(name) => self.close_cursor(name.as_deref()).map(OwnAnswer::tag),
            Command::Translated(translated) => self.run_translated(translated, call).await,
            Command::Ignored(tag) => Ok(OwnAnswer::tag(*tag)),
            Command::Lock => {
                self.check_block(tag::LOCK)?;
                Ok(OwnAnswer::tag(tag::LOCK))
            }
            Command::Role(name) => self.set_role(name.as_deref()),
            Command::SetTransaction => Ok(OwnAnswer::tag("SET")),
            Command::Show(name) => {
                let value = self.settings.get(name).ok_or_else(|| settings::unknown(name))?.to_owned();
                Ok(OwnAnswer { rows: Some((vec![shown(name)], vec![vec![value]])), ..OwnAnswer::tag("SHOW") })
            }
            Command::ShowAll => {
                let names = ["name", "setting", "description"].map(str::to_owned).to_vec();
                let rows =
                    self.settings.all().into_iter().map(|(name, value)| vec![name, value, String::new()]);
                Ok(OwnAnswer { rows: Some((names, rows.collect())), ..OwnAnswer::tag("SHOW") })
            }
            Command::Set { name, value, local } => {
                self.set(name, value.as_deref(), *local, call).await?;
                Ok(OwnAnswer::tag(if value.is_some() { "SET" } else { "RESET" }))
            }
            Command::ResetAll => {
                self.settings.reset_all();
                self.settings_share = None;
                self.apply_settings(call).await?;
                Ok(OwnAnswer::tag("RESET"))
            }
            Command::Discard(discard) => self.discard(*discard).await,
            Command::Deallocate(name) => self.deallocate(name.as_deref()),
        }
    }

    async fn end(&mut self, call: &Arc<Call>, end: End, chain: bool) -> Result<OwnAnswer> {
        let (tag, warning) = self.end_block(call, end, chain).await?;
        Ok(OwnAnswer { warning, ..OwnAnswer::tag(tag) })
    }

    /// Runs a statement in DuckDB's words, after those that it needs, as one.
    async fn run_translated(&mut self, translated: &Translated, call: &Arc<Call>) -> Result<OwnAnswer> {
        self.begin_implicit(call).await?;
        self.savepoints.note(true);
        for sql in &translated.before {
            // A sequence is in use where the table is there that it was made for.
            self.run_text(sql, call).await.map_err(|report| match report.code {
                "2BP01" => {
                    SqlReport::error("42P07", "the table, or another with its sequence, already exists")
                }
                _ => report,
            })?;
        }
        match (self.run_text(&translated.statement, call).await, &translated.of_view) {
            (Err(report), Some(of_view)) if report.message.starts_with(IS_VIEW) => {
                self.run_text(of_view, call).await?;
            }
            (ran, _) => ran?,
        }
        Ok(OwnAnswer::tag(tag::words(&translated.statement)))
    }

    /// Runs a statement that gives no rows.
    async fn run_text(&self, sql: &str, call: &Arc<Call>) -> Result<()> {
        let request = Execute::sql(sql, Fidelity::Exact);
        let mut ran = self.session.execute(request, call).await.map_err(told(""))?;
        while let Some(part) = ran.next().await {
            part.map_err(told(""))?;
        }
        Ok(())
    }

    /// A client may be itself alone.
    fn set_role(&self, name: Option<&str>) -> Result<OwnAnswer> {
        match name {
            Some(name) if self.settings.get("session_authorization") != Some(name) => {
                Err(SqlReport::error("22023", format!("role \"{name}\" does not exist")))
            }
            _ => Ok(OwnAnswer::tag("SET")),
        }
    }

    /// Sets a setting, if there is room for it; those that act are set in DuckDB as well.
    pub(super) async fn set(
        &mut self,
        name: &str,
        value: Option<&str>,
        local: bool,
        call: &Arc<Call>,
    ) -> Result<()> {
        let value = self.settings.check(name, value)?;
        let size = self.settings.size_with(name, &value);
        self.settings_share = Some(self.session.cursors().hold(size).map_err(told(""))?);
        self.act(name, &value, call).await?;
        self.settings.acted(name, &value);
        self.settings.set(name, value, local);
        Ok(())
    }

    /// Has a setting act in DuckDB.
    pub(super) async fn act(&self, name: &str, value: &str, call: &Arc<Call>) -> Result<()> {
        if name.eq_ignore_ascii_case("TimeZone") {
            let wrong = || {
                SqlReport::error("22023", format!("invalid value for parameter \"TimeZone\": \"{value}\""))
            };
            return self.turn(call, "").await?.set_zone(value.to_owned()).await.map_err(|_| wrong());
        }
        if name.eq_ignore_ascii_case("search_path") {
            let schemas = value.split(',').map(|schema| schema.trim().trim_matches('"'));
            let schemas =
                schemas.filter(|schema| !schema.is_empty() && *schema != "$user").map(str::to_owned);
            return self.turn(call, "").await?.set_search_path(schemas.collect()).await.map_err(told(""));
        }
        Ok(())
    }

    /// Has the settings act in DuckDB as they are now, after some have gone back.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) async fn apply_settings(&mut self, call: &Arc<Call>) -> Result<()> {
        for name in settings::ACTING {
            let now = self.settings.get(name).unwrap_or_default().to_owned();
            if self.settings.acted(name, &now) {
                self.act(name, &now, call).await?;
            }
        }
        Ok(())
    }

    async fn discard(&mut self, discard: Discard) -> Result<OwnAnswer> {
        match discard {
            Discard::Plans => Ok(OwnAnswer::tag("DISCARD PLANS")),
            Discard::Sequences => Ok(OwnAnswer::tag("DISCARD SEQUENCES")),
            Discard::Temporary => {
                Err(SqlReport::error("0A000", "DISCARD TEMP is not supported; DISCARD ALL is"))
            }
            Discard::All if self.block != Block::Idle => {
                Err(SqlReport::error("25001", "DISCARD ALL cannot run inside a transaction block"))
            }
            Discard::All => {
                self.statements.clear();
                self.portals.clear();
                self.settings.reset_all();
                self.settings_share = None;
                self.renew_session().await?;
                Ok(OwnAnswer::tag("DISCARD ALL"))
            }
        }
    }

    fn deallocate(&mut self, name: Option<&str>) -> Result<OwnAnswer> {
        let Some(name) = name else {
            self.statements.clear();
            return Ok(OwnAnswer::tag("DEALLOCATE ALL"));
        };
        let missing = || SqlReport::error("26000", format!("prepared statement \"{name}\" does not exist"));
        self.statements.remove(name).ok_or_else(missing)?;
        Ok(OwnAnswer::tag("DEALLOCATE"))
    }
}

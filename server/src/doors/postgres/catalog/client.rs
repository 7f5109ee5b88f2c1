//! Catalog statements on a connection.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};

use super::{Asker, CatalogSql, SetConfig, SetValue, Translation, translate, words};
use crate::doors::postgres::client::{Client, told};
use crate::doors::postgres::command::Command;
use crate::doors::postgres::report::{Result, SqlReport};
use engine::{Bind, Call, Turn};

impl Client {
    /// What a statement is for DuckDB if it is about PostgreSQL's catalogs. One that cannot be translated is logged, and
    /// told DuckDB as it is (PW-44).
    ///
    /// # Errors
    /// 54001 for one that is too long.
    pub(in crate::doors::postgres) async fn translated(
        &self,
        sql: &str,
        command: &Command,
    ) -> Result<Option<Arc<CatalogSql>>> {
        let sql = match command {
            Command::Sql => sql,
            Command::Declare(declaration) => &declaration.query,
            _ => return Ok(None),
        };
        if !words::is_about_catalogs(sql) {
            return Ok(None);
        }
        let (text, asker) = (sql.to_owned(), self.asker());
        let translation =
            engine::run_blocking(move || Ok(translate(&text, &asker))).await.map_err(told(""))?;
        match translation {
            Translation::Apart => Ok(None),
            Translation::Catalog(translated) => Ok(Some(Arc::new(translated))),
            Translation::Untranslatable(fault) => {
                tracing::warn!(statement = &*engine::masked(sql).text, %fault, "a statement about PostgreSQL's catalogs cannot be translated");
                Ok(None)
            }
            Translation::TooLong => Err(SqlReport::error("54001", "stack depth limit exceeded")),
        }
    }

    fn asker(&self) -> Asker {
        let settings =
            self.settings.all().into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let user = self.settings.get("session_authorization").unwrap_or_default().to_owned();
        Asker { user, process: self.running.process(), settings: settings.collect() }
    }

    /// Has a turn's database hold PostgreSQL's catalogs if they are needed.
    ///
    /// # Errors
    /// The engine's.
    pub(in crate::doors::postgres) async fn ready_for(
        &self,
        turn: Turn,
        needs_catalogs: bool,
    ) -> Result<Turn> {
        if needs_catalogs { turn.with_postgres_catalogs().await.map_err(told("")) } else { Ok(turn) }
    }

    /// Sets what a statement sets by calls of set_config.
    ///
    /// # Errors
    /// As SET.
    pub(in crate::doors::postgres) async fn set_all(
        &mut self,
        settings: &[SetConfig],
        bind: Option<&Bind>,
        call: &Arc<Call>,
    ) -> Result<()> {
        for SetConfig { name, value, local } in settings {
            let value = match value {
                SetValue::Text(text) => Some(text.clone()),
                SetValue::Parameter(at) => bind.and_then(|bind| given(bind, *at)),
            };
            self.set(name, Some(&value.unwrap_or_default()), *local, call).await?;
        }
        Ok(())
    }
}

/// A parameter's value, which is a text.
fn given(bind: &Bind, at: usize) -> Option<String> {
    let column = bind.rows.columns().get(at.checked_sub(1)?)?;
    let texts: &StringArray = column.as_string_opt()?;
    texts.iter().next().flatten().map(str::to_owned)
}

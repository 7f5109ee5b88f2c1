//! Running what is asked for: the one path from SQL to rows for every protocol, be it one statement, a prepared one or a
//! script (LQ-02).

use super::atomic;
use super::bind::Bind;
use super::execute::{Announcement, StatementRun, send};
use super::expand::Planned;
use super::import;
use super::live;
use super::plan::plan;
use super::ready::ready;
use super::request::{Execute, Statement};
use super::script::{Part, Script, bind_each, placed};
use super::target::Target;
use crate::error::{Error, ErrorKind, Result};
use crate::guard;
use crate::sql as text;
use crate::sql::import::folder;
use duck::{Prepared, Returns, StatementKind};

impl StatementRun<'_> {
    /// Runs what is asked for, until its columns are known and its first rows computed.
    ///
    /// # Errors
    /// As [`Turn::execute`](super::turn::Turn::execute).
    pub(super) fn run(mut self, request: &Execute, announce: &mut Announcement) -> Result<()> {
        if !request.target.is_empty() {
            self.session.mark();
            self.slot.go_to(&request.target)?;
        }
        match &request.statement {
            Statement::Sql(sql) => self.run_one(sql, request, announce)?,
            Statement::Script(script) => self.run_script(script, request, announce)?,
            Statement::Prepared(handle) if folder(handle.sql()).is_some() => {
                self.run_one(handle.sql(), request, announce)?;
            }
            Statement::Prepared(handle) => {
                let changes = self.slot.instance().changes();
                let planned = self.slot.take_plan(handle)?;
                let mut ready = ready(self.slot, planned, handle.sql())?;
                let started = self.start_noted(&mut ready, handle.sql(), request, announce);
                if ready.is_part {
                    self.keep_for_live(ready.statement);
                } else {
                    self.slot.keep_plan(handle, ready.statement, changes);
                }
                started?;
            }
        }
        self.pump(request, announce);
        Ok(())
    }

    /// Computes the first rows of a live result. Its statement is kept by now, in case they fail.
    fn pump(&mut self, request: &Execute, announce: &mut Announcement) {
        let Some(live) = self.slot.live.take() else { return };
        // With its columns foretold, a result may wait to see whether its first batch is its last.
        let batches = if request.early_shape { 2 } else { 1 };
        let shape = live.shape().clone();
        let announce = live::Announce::after(batches, || send(announce, shape, Returns::Rows));
        let pumped = live.pump_entered(|| self.session.gate().occupancy().is_wanted(), announce);
        self.slot.keep_live(pumped);
    }

    /// Runs the one statement of a text.
    fn run_one(&mut self, sql: &str, request: &Execute, announce: &mut Announcement) -> Result<()> {
        match folder(sql) {
            None => self.run_text(sql, request, announce),
            Some(from) => {
                let mut nothing = self.slot.connection()?.prepare(text::NOTHING)?;
                let runs = match &request.bind {
                    Some(bind) if bind.rows() > 0 => bind.apply(&mut nothing, 0).map(|()| true)?,
                    bind => bind.is_none(),
                };
                if runs {
                    self.import(from)?;
                }
                self.run_text(text::NOTHING, request, announce)
            }
        }
    }

    /// Runs the statements of the exported folder that a literal names, all or none of them.
    fn import(&mut self, folder: &str) -> Result<()> {
        let connection = self.slot.connection()?;
        let files = import::files(connection, self.session.limits(), folder)?;
        let parts = files.iter().flat_map(|file| file.parts().into_iter().map(move |part| (file, part)));
        let parts: Vec<_> = parts.collect();
        for (file, part) in &parts {
            part.judge(connection).map_err(|error| file.placed(part, &error))?;
        }
        let began = atomic::begin(self.slot)?;
        let ran = parts.iter().try_for_each(|(file, part)| {
            self.run_part(part, None, import::check).map_err(|error| file.placed(part, &error))
        });
        atomic::settle(self.slot, began, ran)
    }

    /// Runs all statements but the last to their ends, dropping their rows, and starts the last. Nothing runs before all of
    /// them were parsed and judged.
    fn run_script(&mut self, script: &Script, request: &Execute, announce: &mut Announcement) -> Result<()> {
        let parts = script.parts();
        if parts.is_empty() {
            return Err(Error::new(ErrorKind::NotOneStatement, "Expected at least one SQL statement"));
        }
        let Some((last, before)) = parts.split_last().filter(|(_, before)| !before.is_empty()) else {
            let ran = self.run_one(script.text(), request, announce);
            return ran.map_err(|error| placed(error, script.line()));
        };
        for part in &parts {
            let connection = self.slot.connection()?;
            match folder(&part.sql) {
                None => part.judge(connection)?,
                Some(_) => guard::check_import(connection)?,
            }
        }
        let bind = request.bind.as_ref().map(|bind| bind_each(bind, &parts)).transpose()?;
        for part in before {
            self.run_part(part, part.values(bind.as_ref())?.as_ref(), |_| Ok(()))?;
        }
        self.shared.cancel.check()?;
        let request = Execute {
            statement: Statement::Sql(String::new()),
            target: Target::default(),
            bind: last.values(bind.as_ref())?,
            window: request.window,
            ..*request
        };
        self.run_one(&last.sql, &request, announce).map_err(|error| placed(error, last.line))
    }

    /// Runs a statement that is not the last of its script.
    fn run_part(
        &mut self,
        part: &Part<'_>,
        bind: Option<&Bind>,
        check: fn(&Planned) -> Result<()>,
    ) -> Result<()> {
        self.shared.cancel.check()?;
        if let Some(from) = folder(&part.sql) {
            return self.import(from);
        }
        let planned = self.slot.connection().and_then(|connection| plan(connection, &part.sql));
        let planned = planned.and_then(|planned| check(&planned).map(|()| planned));
        let ran = planned.and_then(|planned| ready(self.slot, planned, &part.sql)).and_then(|mut ready| {
            self.noted(&mut ready, &part.sql, |_, statement| {
                bind.map_or(Ok(()), |bind| bind.apply(statement, 0))?;
                exhaust(statement)
            })
        });
        ran.map_err(|error| placed(error, part.line))
    }
}

/// Executes a statement to its end.
fn exhaust(statement: &mut Prepared) -> Result<()> {
    let mut rows = match statement.kind() {
        StatementKind::Select => statement.start_streaming()?.execute()?,
        _ => statement.execute()?,
    };
    while rows.fetch()?.is_some() {}
    Ok(())
}

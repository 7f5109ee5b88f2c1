//! Scripts: the statements of one text, run in order in one session (LQ-02).
//!
//! Nothing runs before all of them were parsed and judged. Each is planned by itself once its predecessor ran, since it may
//! need what that made.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::Field;

use super::bind::{Bind, BindBy};
use super::execute::{Announce, Execute, Job, Statement};
use super::plan::{plan, read};
use super::target::Target;
use crate::error::{Error, ErrorKind, Result};
use crate::guard;
use crate::sql::lexer;
use duck::{Connection, Prepared, StatementKind};

/// A text of one statement or more.
#[derive(Debug, Clone)]
pub struct Script {
    text: String,
    /// How many lines its client sent before it.
    line: usize,
}

/// One of its statements.
struct Part<'a> {
    sql: Cow<'a, str>,
    /// The numbers that its parameters had, if they had to be counted anew.
    numbers: Option<Vec<String>>,
    /// How many lines were sent before it.
    line: usize,
}

impl Script {
    /// The script of a text before which its client sent so many empty lines.
    pub fn new(text: String, line: usize) -> Self {
        Self { text, line }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Runs all statements but the last to their ends, dropping their rows, and starts the last.
    pub(super) fn run(&self, job: &mut Job<'_>, request: &Execute, announce: &mut Announce) -> Result<()> {
        let parts = self.parts();
        if parts.is_empty() {
            return Err(Error::new(ErrorKind::NotOneStatement, "Expected at least one SQL statement"));
        }
        let Some((last, before)) = parts.split_last().filter(|(_, before)| !before.is_empty()) else {
            return job.run_text(&self.text, request, announce).map_err(|error| placed(error, self.line));
        };
        for part in &parts {
            part.judge(job.slot.connection()?)?;
        }
        let bind = request.bind.as_ref().map(|bind| bind_each(bind, &parts)).transpose()?;
        for part in before {
            part.run(job, part.values(bind.as_ref())?.as_ref())?;
        }
        job.shared.cancel.check()?;
        let request = Execute {
            statement: Statement::Sql(String::new()),
            target: Target::default(),
            bind: last.values(bind.as_ref())?,
            window: request.window,
            ..*request
        };
        job.run_text(&last.sql, &request, announce).map_err(|error| placed(error, last.line))
    }

    fn parts(&self) -> Vec<Part<'_>> {
        let (mut line, mut counted) = (self.line, 0);
        let located = lexer::statements(&self.text).into_iter().map(|(begin, sql)| {
            line += count_lines(&self.text[counted..begin]);
            counted = begin;
            match lexer::without_gaps(sql) {
                Some((sql, numbers)) => Part { sql: sql.into(), numbers: Some(numbers), line },
                None => Part { sql: sql.into(), numbers: None, line },
            }
        });
        located.collect()
    }
}

impl Part<'_> {
    /// Whether it is a statement that may be run, as far as that can be said before its predecessors ran.
    fn judge(&self, connection: &Connection) -> Result<()> {
        let judged = read(connection, &self.sql).and_then(|_| guard::judge(connection, &self.sql));
        judged.map_err(|error| placed(error, self.line))
    }

    /// Those of the script's values that it names.
    fn values(&self, bind: Option<&Bind>) -> Result<Option<Bind>> {
        match (bind, &self.numbers) {
            (Some(bind), Some(numbers)) => match bind.renumbered(numbers) {
                Some(values) => Ok(Some(values)),
                None => Err(bind.lacks(numbers)),
            },
            (bind, _) => Ok(bind.cloned()),
        }
    }

    fn run(&self, job: &mut Job<'_>, bind: Option<&Bind>) -> Result<()> {
        job.shared.cancel.check()?;
        let planned = job.slot.connection().and_then(|connection| plan(connection, &self.sql));
        let ran = planned.and_then(|planned| planned.ready(job.slot, &self.sql)).and_then(|mut ready| {
            job.noted(&mut ready, &self.sql, |_, statement| {
                bind.map_or(Ok(()), |bind| bind.apply(statement, 0))?;
                exhaust(statement)
            })
        });
        ran.map_err(|error| placed(error, self.line))
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

/// The values for a script, each of which some statement names.
///
/// # Errors
/// InvalidArgument for a value that none does.
fn bind_each(bind: &Bind, parts: &[Part<'_>]) -> Result<Bind> {
    let named = |part: &Part<'_>| part.numbers.clone().unwrap_or_else(|| lexer::parameters(&part.sql));
    let named: BTreeSet<String> = parts.iter().flat_map(named).collect();
    let bind = Bind { rows: bind.rows.clone(), by: BindBy::Needed };
    let is_named = |field: &Arc<Field>| named.iter().any(|name| name.eq_ignore_ascii_case(field.name()));
    if bind.rows.schema_ref().fields().iter().all(is_named) {
        return Ok(bind);
    }
    let named: Vec<String> = named.into_iter().collect();
    Err(bind.lacks(&named))
}

/// How many lines of a text come before its first statement may begin.
pub fn lines_before(text: &str) -> usize {
    count_lines(&text[..text.len() - text.trim_start().len()])
}

fn count_lines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

/// An error whose excerpt counts the lines of the text as it was sent, of which DuckDB was given what stands behind the
/// first `lines`.
pub fn placed(error: Error, lines: usize) -> Error {
    match moved(error.message(), lines) {
        Some(message) if lines > 0 => Error::new(error.kind(), message),
        _ => error,
    }
}

/// The excerpt ends a text: a line of SQL with its number, and a mark below.
fn moved(message: &str, lines: usize) -> Option<String> {
    const EXCERPT: &str = "\n\nLINE ";
    let at = message.rfind(EXCERPT)? + EXCERPT.len();
    let (number, excerpt) = message[at..].split_once(": ")?;
    let (_, mark) = excerpt.split_once('\n')?;
    if mark.trim_start_matches(' ') != "^" {
        return None;
    }
    let line = number.parse::<usize>().ok()?.checked_add(lines)?;
    Some(format!("{}{line}: {excerpt}", &message[..at]))
}

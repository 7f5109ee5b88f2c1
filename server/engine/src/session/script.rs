//! Scripts: the statements of one text, which run in order in one session (LQ-02). Each is planned by itself once its
//! predecessor ran, since it may need what that made.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::Field;

use super::bind::{Bind, BindBy};
use super::plan::read;
use crate::error::{Error, Result};
use crate::guard;
use crate::sql::lexer;
use duck::Connection;

/// A text of one statement or more.
#[derive(Debug, Clone)]
pub struct Script {
    text: String,
    /// How many lines its client sent before it.
    line: usize,
}

/// One of its statements.
pub(super) struct Part<'a> {
    pub(super) sql: Cow<'a, str>,
    /// The numbers that its parameters had, if they had to be counted anew.
    numbers: Option<Vec<String>>,
    /// How many lines were sent before it.
    pub(super) line: usize,
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

    /// How many lines its client sent before it.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// Its statements.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
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
    /// The line on which its first word stands.
    pub(super) fn first_line(&self) -> usize {
        let gap = self.sql.len() - lexer::behind(&self.sql, 0).len();
        self.line + count_lines(&self.sql[..gap]) + 1
    }

    /// A statement that stands by itself.
    pub(super) fn of(sql: String) -> Self {
        Self { sql: sql.into(), numbers: None, line: 0 }
    }

    /// Whether it is a statement that may be run, as far as that can be said before its predecessors ran.
    pub(super) fn judge(&self, connection: &Connection) -> Result<()> {
        let judged = read(connection, &self.sql).and_then(|_| guard::judge(connection, &self.sql));
        judged.map_err(|error| placed(error, self.line))
    }

    /// Those of the script's values that it names.
    pub(super) fn values(&self, bind: Option<&Bind>) -> Result<Option<Bind>> {
        match (bind, &self.numbers) {
            (Some(bind), Some(numbers)) => match bind.renumbered(numbers) {
                Some(values) => Ok(Some(values)),
                None => Err(bind.lacks(numbers)),
            },
            (bind, _) => Ok(bind.cloned()),
        }
    }
}

/// The values for a script, each of which some statement names.
///
/// # Errors
/// InvalidArgument for a value that none does.
pub(super) fn bind_each(bind: &Bind, parts: &[Part<'_>]) -> Result<Bind> {
    let named = |part: &Part<'_>| part.numbers.clone().unwrap_or_else(|| lexer::parameters(&part.sql));
    let named: BTreeSet<String> = parts.iter().flat_map(named).collect();
    let bind = Bind { by: BindBy::Needed, ..bind.clone() };
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

fn moved(message: &str, lines: usize) -> Option<String> {
    let (before, number, excerpt) = excerpt(message)?;
    let line = number.checked_add(lines)?;
    Some(format!("{before}{line}: {excerpt}"))
}

/// The line that an error's excerpt is of.
pub(super) fn excerpt_line(message: &str) -> Option<usize> {
    excerpt(message).map(|(_, number, _)| number)
}

/// The excerpt ends a text: a line of SQL with its number, and a mark below.
fn excerpt(message: &str) -> Option<(&str, usize, &str)> {
    const EXCERPT: &str = "\n\nLINE ";
    let at = message.rfind(EXCERPT)? + EXCERPT.len();
    let (number, excerpt) = message[at..].split_once(": ")?;
    let (_, mark) = excerpt.split_once('\n')?;
    let is_mark = mark.trim_start_matches(' ') == "^";
    is_mark.then_some((&message[..at], number.parse().ok()?, excerpt))
}

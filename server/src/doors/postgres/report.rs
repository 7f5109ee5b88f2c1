//! What a client is told of an error, a warning or a notice (PW-26).

use super::sqlstate;
use engine::{Error, SqlState};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// A statement has failed.
    Error,
    /// The connection ends.
    Fatal,
    /// It was done, but not as asked.
    Warning,
}

impl Severity {
    /// Whether it is told by an ErrorResponse.
    pub(super) fn is_error(self) -> bool {
        self != Self::Warning
    }

    fn word(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Warning => "WARNING",
        }
    }
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SqlReport {
    pub(super) severity: Severity,
    pub(super) code: &'static str,
    /// The code that a fault rule has in its place (FR-3).
    made: Option<SqlState>,
    pub(super) message: String,
    hint: Option<String>,
    /// Where in the data it is.
    context: Option<String>,
    /// The character of the statement where it is, counted from one.
    pub(super) position: Option<usize>,
}

/// The outcome of what may fail with something to tell.
pub(super) type Result<T, E = SqlReport> = std::result::Result<T, E>;

impl SqlReport {
    /// A failure of what was asked.
    pub(super) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            made: None,
            message: message.into(),
            hint: None,
            context: None,
            position: None,
        }
    }

    /// A failure that ends the connection.
    pub(super) fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Fatal, ..Self::error(code, message) }
    }

    /// The server ends the connection.
    pub(super) fn farewell() -> Self {
        Self::fatal(sqlstate::ENDED, "terminating connection due to administrator command")
    }

    /// Something that was done, but not as asked.
    pub(super) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// As something that ends the connection.
    pub(super) fn into_fatal(self) -> Self {
        Self { severity: Severity::Fatal, ..self }
    }

    /// With where in the data it is.
    pub(super) fn in_context(self, context: String) -> Self {
        Self { context: Some(context), ..self }
    }

    /// The engine's error of a statement of this text.
    pub(super) fn of(error: &Error, sql: &str) -> Self {
        let code = sqlstate::of(error, sql);
        let severity = if code == sqlstate::ENDED { Severity::Fatal } else { Severity::Error };
        let hint = (code == "0A000" && sqlstate::is_second_catalog(error))
            .then(|| "A transaction writes one catalog only: commit before writing another.".to_owned());
        let message = error.message().to_owned();
        let position = position(error.message(), sql);
        Self { severity, code, made: None, message, hint, context: None, position }
    }

    /// The error of a fault rule.
    pub(super) fn made(code: SqlState, message: &str, is_fatal: bool) -> Self {
        let severity = if is_fatal { Severity::Fatal } else { Severity::Error };
        Self { severity, made: Some(code), ..Self::error("XX000", message) }
    }

    /// Its code.
    pub(super) fn sqlstate(&self) -> SqlState {
        self.made.or_else(|| SqlState::read(self.code)).unwrap_or(SqlState::SUCCESS)
    }

    /// Its fields in PostgreSQL's order, each with its letter.
    pub(super) fn fields(&self) -> impl Iterator<Item = (u8, String)> {
        let word = self.severity.word().to_owned();
        let always = [
            (b'S', word.clone()),
            (b'V', word),
            (b'C', self.sqlstate().as_str().to_owned()),
            (b'M', self.message.clone()),
        ];
        let hint = self.hint.clone().map(|hint| (b'H', hint));
        let position = self.position.map(|at| (b'P', at.to_string()));
        let context = self.context.clone().map(|context| (b'W', context));
        always.into_iter().chain(hint).chain(position).chain(context)
    }
}

/// Where DuckDB's excerpt of a statement points: a line of it with its number, and a mark below.
fn position(message: &str, sql: &str) -> Option<usize> {
    const EXCERPT: &str = "\n\nLINE ";
    let at = message.rfind(EXCERPT)? + EXCERPT.len();
    let (number, rest) = message[at..].split_once(": ")?;
    let (shown, mark) = rest.split_once('\n')?;
    let column = mark.strip_suffix('^')?;
    if shown.starts_with("...") || !column.chars().all(|c| c == ' ') {
        return None;
    }
    let column = column.len().checked_sub("LINE : ".len() + number.len())?;
    let before: usize = sql
        .split_inclusive('\n')
        .take(number.parse::<usize>().ok()?.checked_sub(1)?)
        .map(|line| line.chars().count())
        .sum();
    Some(before + column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::ErrorKind;

    #[test]
    fn the_place_in_the_statement_is_told_in_characters() {
        let message =
            "Binder Error: Referenced column \"x\" not found in FROM clause!\n\nLINE 2: x\n        ^";
        let report = SqlReport::of(&Error::new(ErrorKind::Sql, message), "SELECT 'é',\nx");
        assert!(report.fields().any(|field| field == (b'P', "13".to_owned())), "{report:?}");
        assert_eq!(report.code, "42703");
    }

    #[test]
    fn a_text_that_only_looks_like_an_excerpt_gives_no_place() {
        let message = "Conversion Error: \n\nLINE 1: x\n  y";
        assert_eq!(position(message, "SELECT 1"), None);
    }
}

//! COPY with the client, as it is written: what is copied, which way, and how (PW-29).

use super::options::{CopyOptions, GivenOption, GivenValue};
use crate::doors::postgres::report::{Result, SqlReport};
use engine::lexer::{self, Token};

/// A COPY whose rows come from the client, or go to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct CopyStatement {
    pub(super) what: Copied,
    /// Whether the client sends the rows.
    pub(super) is_from: bool,
    pub(super) options: CopyOptions,
}

/// What is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Copied {
    /// A table, by the parts of its name, and which of its columns; all where none are named.
    Table { name: Vec<String>, columns: Vec<String> },
    /// The rows of a statement.
    Query(String),
}

/// A COPY that a text is: none if it is no COPY with the client, such as one with a file.
///
/// # Errors
/// 42601 for one that cannot be read, and what is wrong with its options.
pub(in super::super) fn read(sql: &str) -> Option<Result<CopyStatement>> {
    let tokens: Vec<_> =
        lexer::tokens_in_place(sql).filter(|(_, token)| *token != Token::Symbol(';')).collect();
    let mut reader = StatementReader { sql, tokens: &tokens };
    match reader.statement() {
        Ok(Some((statement, given))) => Some(complete(statement, given)),
        Ok(None) => None,
        Err(Unread) if tokens.iter().any(|(_, token)| is_client(token)) => {
            Some(Err(SqlReport::error("42601", "syntax error in a COPY with STDIN or STDOUT")))
        }
        Err(Unread) => None,
    }
}

fn complete(statement: (Copied, bool), given: Vec<GivenOption>) -> Result<CopyStatement> {
    let (what, is_from) = statement;
    let options = CopyOptions::of(given, is_from)?;
    if is_from && matches!(what, Copied::Query(_)) {
        return Err(SqlReport::error("42601", "syntax error: a query cannot be copied from"));
    }
    Ok(CopyStatement { what, is_from, options })
}

fn is_client(token: &Token<'_>) -> bool {
    token.is_keyword("stdin") || token.is_keyword("stdout")
}

/// It is not written as a COPY is.
struct Unread;

type PlacedToken<'a> = (std::ops::Range<usize>, Token<'a>);

/// What is left of a statement.
struct StatementReader<'a> {
    sql: &'a str,
    tokens: &'a [PlacedToken<'a>],
}

impl<'a> StatementReader<'a> {
    fn peek(&self) -> Option<&'a Token<'a>> {
        self.tokens.first().map(|(_, token)| token)
    }

    fn next(&mut self) -> Result<&'a Token<'a>, Unread> {
        let (first, rest) = self.tokens.split_first().ok_or(Unread)?;
        self.tokens = rest;
        Ok(&first.1)
    }

    fn eat(&mut self, word: &str) -> bool {
        let is_next = self.peek().is_some_and(|token| token.is_keyword(word));
        if is_next {
            self.tokens = &self.tokens[1..];
        }
        is_next
    }

    fn eat_symbol(&mut self, symbol: char) -> bool {
        let is_next = self.peek() == Some(&Token::Symbol(symbol));
        if is_next {
            self.tokens = &self.tokens[1..];
        }
        is_next
    }

    /// What it says, and the options as they are given; none if it is about a file.
    #[expect(clippy::type_complexity, reason = "the parts of a statement that is not complete yet")]
    fn statement(&mut self) -> Result<Option<((Copied, bool), Vec<GivenOption>)>, Unread> {
        if !self.eat("copy") {
            return Ok(None);
        }
        let mut given = Vec::new();
        let what = if self.peek() == Some(&Token::Symbol('(')) {
            Copied::Query(self.brackets()?)
        } else {
            if self.tokens.get(1).is_some_and(|(_, next)| {
                matches!(next, Token::Word { .. }) && !next.is_keyword("from") && !next.is_keyword("to")
            }) && self.eat("binary")
            {
                given.push(GivenOption::format("binary"));
            }
            let name = self.table()?;
            let columns = if self.peek() == Some(&Token::Symbol('(')) { self.names()? } else { Vec::new() };
            Copied::Table { name, columns }
        };
        let is_from = match self.next()? {
            token if token.is_keyword("from") => true,
            token if token.is_keyword("to") => false,
            _ => return Err(Unread),
        };
        if !is_client(self.next()?) {
            return Ok(None);
        }
        let may_use = matches!(what, Copied::Table { .. });
        self.options(may_use, &mut given)?;
        if self.tokens.is_empty() { Ok(Some(((what, is_from), given))) } else { Err(Unread) }
    }

    /// The text between brackets.
    fn brackets(&mut self) -> Result<String, Unread> {
        let begin = self.tokens.first().ok_or(Unread)?.0.end;
        let mut depth = 0_usize;
        loop {
            let at = self.tokens.first().ok_or(Unread)?.0.start;
            match self.next()? {
                Token::Symbol('(') => depth += 1,
                Token::Symbol(')') if depth == 1 => return Ok(self.sql[begin..at].to_owned()),
                Token::Symbol(')') => depth -= 1,
                _ => {}
            }
        }
    }

    fn name(&mut self) -> Result<String, Unread> {
        match self.next()? {
            Token::Word { name, .. } => Ok(name.clone()),
            _ => Err(Unread),
        }
    }

    fn table(&mut self) -> Result<Vec<String>, Unread> {
        let mut name = vec![self.name()?];
        while self.eat_symbol('.') {
            name.push(self.name()?);
        }
        if name.len() <= 3 { Ok(name) } else { Err(Unread) }
    }

    /// Names between brackets.
    fn names(&mut self) -> Result<Vec<String>, Unread> {
        if !self.eat_symbol('(') {
            return Err(Unread);
        }
        let names = self.listed()?;
        if self.eat_symbol(')') { Ok(names) } else { Err(Unread) }
    }

    fn listed(&mut self) -> Result<Vec<String>, Unread> {
        let mut names = vec![self.name()?];
        while self.eat_symbol(',') {
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn text(&mut self) -> Result<String, Unread> {
        self.eat("as");
        match self.next()? {
            Token::Text(text) => Ok(text.replace("''", "'")),
            Token::Dollar(text) => Ok((*text).to_owned()),
            Token::Escaped(text) => Ok(unescaped(text)),
            _ => Err(Unread),
        }
    }

    /// The options; those of a table may begin with its delimiter as it was written before PostgreSQL 7.3.
    fn options(&mut self, may_use: bool, given: &mut Vec<GivenOption>) -> Result<(), Unread> {
        if self.eat("using") && !self.tokens.first().is_some_and(|(_, token)| token.is_keyword("delimiters"))
        {
            return Err(Unread);
        }
        if may_use && self.eat("delimiters") {
            given.push(GivenOption::text("delimiter", self.text()?));
        }
        self.eat("with");
        if self.eat_symbol('(') {
            loop {
                given.push(self.named_option()?);
                if self.eat_symbol(')') {
                    return Ok(());
                }
                if !self.eat_symbol(',') {
                    return Err(Unread);
                }
            }
        }
        while !self.tokens.is_empty() {
            given.push(self.plain_option()?);
        }
        Ok(())
    }

    /// An option of those between brackets: a name, and a value or none.
    fn named_option(&mut self) -> Result<GivenOption, Unread> {
        let name = self.name()?.to_ascii_lowercase();
        let value = match self.peek() {
            Some(Token::Symbol('(')) => GivenValue::Names(self.names()?),
            Some(Token::Symbol('*')) => {
                self.next()?;
                GivenValue::All
            }
            Some(Token::Symbol(_)) | None => GivenValue::Nothing,
            Some(Token::Word { name, quoted: false }) => {
                self.next()?;
                GivenValue::Text(name.to_ascii_lowercase())
            }
            Some(Token::Word { .. }) => GivenValue::Text(self.name()?),
            Some(Token::Number(_)) => match self.next()? {
                Token::Number(number) => GivenValue::Text((*number).to_owned()),
                _ => return Err(Unread),
            },
            Some(_) => GivenValue::Text(self.text()?),
        };
        Ok(GivenOption { name, value })
    }

    /// An option as it was written before PostgreSQL 9.0.
    fn plain_option(&mut self) -> Result<GivenOption, Unread> {
        let word = self.name()?.to_ascii_lowercase();
        Ok(match word.as_str() {
            "binary" | "csv" => GivenOption::format(&word),
            "freeze" | "header" => GivenOption { name: word, value: GivenValue::Nothing },
            "delimiter" | "null" | "quote" | "escape" | "encoding" => GivenOption::text(&word, self.text()?),
            "force" => {
                let name = if self.eat("quote") {
                    "force_quote"
                } else if self.eat("null") {
                    "force_null"
                } else if self.eat("not") && self.eat("null") {
                    "force_not_null"
                } else {
                    return Err(Unread);
                };
                let value =
                    if self.eat_symbol('*') { GivenValue::All } else { GivenValue::Names(self.listed()?) };
                GivenOption { name: name.to_owned(), value }
            }
            _ => return Err(Unread),
        })
    }
}

/// The text of a literal with backslashes.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some(other) => other,
                None => '\\',
            },
            '\'' => {
                // It is doubled.
                chars.next();
                '\''
            }
            c => c,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn table(name: &[&str], columns: &[&str]) -> Copied {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Copied::Table { name: owned(name), columns: owned(columns) }
    }

    #[rstest]
    #[case("COPY t FROM STDIN", true, table(&["t"], &[]))]
    #[case("copy s.\"T\" (a, \"b c\") to stdout with (format csv, header)", false, table(&["s", "T"], &["a", "b c"]))]
    #[case("COPY BINARY t TO STDOUT;", false, table(&["t"], &[]))]
    #[case("COPY binary FROM STDIN BINARY", true, table(&["binary"], &[]))]
    #[case("COPY (SELECT ')' AS a, (1)) TO STDOUT CSV", false, Copied::Query("SELECT ')' AS a, (1)".to_owned()))]
    #[case("COPY t FROM STDIN USING DELIMITERS '|' WITH NULL AS 'x'", true, table(&["t"], &[]))]
    #[case("COPY t TO STDOUT CSV HEADER FORCE QUOTE a, b ESCAPE E'\\\\'", false, table(&["t"], &[]))]
    fn what_is_copied_is_read(#[case] sql: &str, #[case] is_from: bool, #[case] what: Copied) {
        let read = read(sql).unwrap().unwrap();
        assert_eq!((read.is_from, read.what), (is_from, what));
    }

    #[rstest]
    #[case("COPY t FROM 'stdin'")]
    #[case("COPY stdin TO 'file' (FORMAT parquet)")]
    #[case("COPY FROM DATABASE a TO b")]
    #[case("SELECT 1")]
    fn what_is_about_a_file_is_none(#[case] sql: &str) {
        assert_eq!(read(sql), None);
    }

    #[rstest]
    #[case("COPY t FROM STDIN nonsense", "42601")]
    #[case("COPY (SELECT 1) FROM STDIN", "42601")]
    #[case("COPY t FROM STDIN WHERE a > 1", "42601")]
    #[case("COPY (SELECT 1 TO STDOUT", "42601")]
    #[case("COPY a.b.c.d TO STDOUT", "42601")]
    fn what_names_the_client_never_reaches_duckdb(#[case] sql: &str, #[case] code: &str) {
        assert_eq!(read(sql).unwrap().unwrap_err().code, code);
    }
}

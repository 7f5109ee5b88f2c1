//! The options of COPY, with PostgreSQL's defaults and refusals (PW-29).

use crate::doors::postgres::report::{Result, SqlReport};
use crate::doors::postgres::tag;

/// An option as a statement gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenOption {
    /// Its name in lower case.
    pub(super) name: String,
    pub(super) value: GivenValue,
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GivenValue {
    /// None, which is yes.
    Nothing,
    /// A text, a word or a number.
    Text(String),
    /// Columns.
    Names(Vec<String>),
    /// All columns.
    All,
}

impl GivenOption {
    pub(super) fn text(name: &str, value: String) -> Self {
        Self { name: name.to_owned(), value: GivenValue::Text(value) }
    }

    pub(super) fn format(value: &str) -> Self {
        Self::text("format", value.to_owned())
    }
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyFormat {
    Text,
    Csv,
    Binary,
}

/// Whether the first line has the names of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    No,
    Yes,
    /// It has, and they have to be those of the table.
    Match,
}

/// Columns that an option is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ColumnChoice {
    These(Vec<String>),
    All,
}

impl ColumnChoice {
    /// Whether a column is one of them.
    pub(super) fn has(&self, column: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.iter().any(|name| name.eq_ignore_ascii_case(column)),
        }
    }
}

/// The options of a COPY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CopyOptions {
    pub(super) format: CopyFormat,
    pub(super) delimiter: u8,
    /// What stands for NULL.
    pub(super) null: String,
    pub(super) header: Header,
    pub(super) quote: u8,
    pub(super) escape: u8,
    pub(super) force_quote: ColumnChoice,
    pub(super) force_not_null: ColumnChoice,
    pub(super) force_null: ColumnChoice,
}

/// The options as they are collected.
#[derive(Default)]
struct Collected {
    format: Option<CopyFormat>,
    delimiter: Option<String>,
    null: Option<String>,
    header: Option<Header>,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Option<ColumnChoice>,
    force_not_null: Option<ColumnChoice>,
    force_null: Option<ColumnChoice>,
    encoding: Option<()>,
    freeze: Option<()>,
}

impl CopyOptions {
    /// The options that were given, and PostgreSQL's defaults.
    ///
    /// # Errors
    /// 42601, 22023 or 0A000 for options that PostgreSQL refuses.
    pub(super) fn of(given: Vec<GivenOption>, is_from: bool) -> Result<Self> {
        let mut collected = Collected::default();
        for option in given {
            collected.take(option, is_from)?;
        }
        collected.complete(is_from)
    }
}

/// A text about COPY itself.
pub(super) fn of_copy(text: &str) -> String {
    format!("{} {text}", tag::COPY)
}

fn syntax(message: impl Into<String>) -> SqlReport {
    SqlReport::error("42601", message)
}

fn unsupported(message: impl Into<String>) -> SqlReport {
    SqlReport::error("0A000", message)
}

fn invalid(message: impl Into<String>) -> SqlReport {
    SqlReport::error("22023", message)
}

fn set<T>(place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(syntax("conflicting or redundant options")),
    }
}

impl Collected {
    fn take(&mut self, GivenOption { name, value }: GivenOption, is_from: bool) -> Result<()> {
        match name.as_str() {
            "format" => set(&mut self.format, format(&text(&name, value)?)?),
            "delimiter" => set(&mut self.delimiter, text(&name, value)?),
            "null" => set(&mut self.null, text(&name, value)?),
            "quote" => set(&mut self.quote, text(&name, value)?),
            "escape" => set(&mut self.escape, text(&name, value)?),
            "header" => set(&mut self.header, header(&value, is_from)?),
            "freeze" => {
                set(&mut self.freeze, boolean(&value).map(drop).ok_or_else(|| boolean_wanted(&name))?)
            }
            "encoding" => set(&mut self.encoding, encoding(&text(&name, value)?)?),
            "force_quote" => set(&mut self.force_quote, columns(&name, value, true)?),
            "force_not_null" => set(&mut self.force_not_null, columns(&name, value, false)?),
            "force_null" => set(&mut self.force_null, columns(&name, value, false)?),
            _ => Err(syntax(format!("option \"{name}\" not recognized"))),
        }
    }

    /// What is forced is forced in CSV alone, and for one way each.
    fn check_forces(&self, is_csv: bool, is_from: bool) -> Result<()> {
        let forces = [
            ("FORCE_QUOTE", self.force_quote.is_some(), false),
            ("FORCE_NOT_NULL", self.force_not_null.is_some(), true),
            ("FORCE_NULL", self.force_null.is_some(), true),
        ];
        let wrong = forces.iter().find(|(_, is_given, wants)| *is_given && (!is_csv || *wants != is_from));
        match wrong {
            None => Ok(()),
            Some((name, _, true)) => {
                Err(unsupported(of_copy(&format!("{name} is for CSV from STDIN alone"))))
            }
            Some((name, _, false)) => {
                Err(unsupported(of_copy(&format!("{name} is for CSV to STDOUT alone"))))
            }
        }
    }

    fn complete(self, is_from: bool) -> Result<CopyOptions> {
        let format = self.format.unwrap_or(CopyFormat::Text);
        let (is_csv, is_binary) = (format == CopyFormat::Csv, format == CopyFormat::Binary);
        if is_binary && self.delimiter.is_some() {
            return Err(syntax("cannot specify DELIMITER in BINARY mode"));
        }
        if is_binary && self.null.is_some() {
            return Err(syntax("cannot specify NULL in BINARY mode"));
        }
        let delimiter =
            delimiter(self.delimiter.as_deref().unwrap_or(if is_csv { "," } else { "\t" }), is_csv)?;
        let null = self.null.clone().unwrap_or_else(|| if is_csv { String::new() } else { "\\N".to_owned() });
        if null.contains(['\r', '\n']) {
            return Err(invalid(of_copy("null representation cannot use newline or carriage return")));
        }
        let header = self.header.unwrap_or(Header::No);
        if is_binary && header != Header::No {
            return Err(unsupported("cannot specify HEADER in BINARY mode"));
        }
        let quote = only_csv("quote", self.quote.as_deref(), is_csv)?.unwrap_or(b'"');
        if is_csv && delimiter == quote {
            return Err(invalid(of_copy("delimiter and quote must be different")));
        }
        let escape = only_csv("escape", self.escape.as_deref(), is_csv)?.unwrap_or(quote);
        self.check_forces(is_csv, is_from)?;
        if null.as_bytes().contains(&delimiter) {
            return Err(unsupported(of_copy("delimiter must not appear in the NULL specification")));
        }
        if is_csv && null.as_bytes().contains(&quote) {
            return Err(unsupported("CSV quote character must not appear in the NULL specification"));
        }
        let none = || ColumnChoice::These(Vec::new());
        Ok(CopyOptions {
            format,
            delimiter,
            null,
            header,
            quote,
            escape,
            force_quote: self.force_quote.unwrap_or_else(none),
            force_not_null: self.force_not_null.unwrap_or_else(none),
            force_null: self.force_null.unwrap_or_else(none),
        })
    }
}

fn text(name: &str, value: GivenValue) -> Result<String> {
    match value {
        GivenValue::Text(text) => Ok(text),
        _ => Err(syntax(format!("{name} requires a parameter"))),
    }
}

fn format(name: &str) -> Result<CopyFormat> {
    match name {
        "text" => Ok(CopyFormat::Text),
        "csv" => Ok(CopyFormat::Csv),
        "binary" => Ok(CopyFormat::Binary),
        _ => Err(invalid(of_copy(&format!("format \"{name}\" not recognized")))),
    }
}

fn boolean(value: &GivenValue) -> Option<bool> {
    match value {
        GivenValue::Nothing => Some(true),
        GivenValue::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => Some(true),
            "false" | "off" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn boolean_wanted(name: &str) -> SqlReport {
    syntax(format!("{name} requires a Boolean value"))
}

fn header(value: &GivenValue, is_from: bool) -> Result<Header> {
    match value {
        GivenValue::Text(text) if text.eq_ignore_ascii_case("match") => match is_from {
            true => Ok(Header::Match),
            false => Err(unsupported("cannot use \"match\" with HEADER in COPY TO")),
        },
        value => match boolean(value) {
            Some(true) => Ok(Header::Yes),
            Some(false) => Ok(Header::No),
            None => Err(syntax("header requires a Boolean value or \"match\"")),
        },
    }
}

fn encoding(name: &str) -> Result<()> {
    let plain = name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "");
    match plain.as_str() {
        "utf8" | "unicode" | "sqlascii" => Ok(()),
        _ => Err(invalid("argument to option \"encoding\" must be a valid encoding name")),
    }
}

fn columns(name: &str, value: GivenValue, may_be_all: bool) -> Result<ColumnChoice> {
    match value {
        GivenValue::Names(names) => Ok(ColumnChoice::These(names)),
        GivenValue::All if may_be_all => Ok(ColumnChoice::All),
        _ => Err(invalid(format!("argument to option \"{name}\" must be a list of column names"))),
    }
}

/// What separates values: one byte that means nothing else.
fn delimiter(text: &str, is_csv: bool) -> Result<u8> {
    let &[byte] = text.as_bytes() else {
        return Err(unsupported(of_copy("delimiter must be a single one-byte character")));
    };
    if matches!(byte, b'\r' | b'\n') {
        return Err(invalid(of_copy("delimiter cannot be newline or carriage return")));
    }
    if !is_csv && (matches!(byte, b'\\' | b'.') || byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Err(invalid(of_copy(&format!("delimiter cannot be \"{}\"", char::from(byte)))));
    }
    Ok(byte)
}

/// A byte that only CSV has a use for.
fn only_csv(name: &str, given: Option<&str>, is_csv: bool) -> Result<Option<u8>> {
    match given.map(str::as_bytes) {
        None => Ok(None),
        Some(_) if !is_csv => Err(unsupported(of_copy(&format!("{name} available only in CSV mode")))),
        Some(&[byte]) => Ok(Some(byte)),
        Some(_) => Err(unsupported(of_copy(&format!("{name} must be a single one-byte character")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_format() {
        let of = |format: &str| CopyOptions::of(vec![GivenOption::format(format)], true).unwrap();
        assert_eq!((of("csv").delimiter, of("csv").null.as_str(), of("csv").escape), (b',', "", b'"'));
        assert_eq!((of("text").delimiter, of("text").null.as_str()), (b'\t', "\\N"));
    }
}

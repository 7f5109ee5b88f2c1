//! What a statement answers, in one form for every door: each value is rendered from its type, never by a cast to text.

use altertable_mock_conformance::fault::{Fault, Result};
use serde_json::Value;
use sqllogictest::{ColumnType, DBOutput};

/// The class of a column's type, one letter in a `query` line (see slt/README.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(char);

const LETTERS: &str = "BIHNRTUEJXDCSZVLO";

impl Kind {
    /// The class of a type by the name that DuckDB gives it, in the spelling of the REST door or of Flight.
    pub fn of_name(name: &str) -> Result<Self> {
        if name.ends_with(']') {
            return Ok(Self('L'));
        }
        let head = name.split('(').next().unwrap_or(name);
        Ok(Self(match head {
            "BOOLEAN" => 'B',
            "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "UTINYINT" | "USMALLINT" | "UINTEGER"
            | "UBIGINT" => 'I',
            "HUGEINT" | "UHUGEINT" => 'H',
            "DECIMAL" => 'N',
            "FLOAT" | "DOUBLE" => 'R',
            "VARCHAR" => 'T',
            "UUID" => 'U',
            "ENUM" => 'E',
            "JSON" => 'J',
            "BLOB" => 'X',
            "DATE" => 'D',
            "TIME" | "TIME_NS" => 'C',
            "TIMESTAMP" | "TIMESTAMP_S" | "TIMESTAMP_MS" | "TIMESTAMP_NS" => 'S',
            "TIMESTAMP WITH TIME ZONE" => 'Z',
            "INTERVAL" => 'V',
            "LIST" => 'L',
            "STRUCT" | "MAP" | "UNION" => 'O',
            _ => return Err(Fault(format!("a column of type {name}, which no letter stands for"))),
        }))
    }

    /// The class with that letter.
    pub const fn letter(letter: char) -> Self {
        Self(letter)
    }
}

impl ColumnType for Kind {
    fn from_char(letter: char) -> Option<Self> {
        LETTERS.contains(letter).then_some(Self(letter))
    }

    fn to_char(&self) -> char {
        self.0
    }
}

/// The result of a statement.
#[derive(Debug)]
pub struct Answer {
    /// Column names.
    pub names: Vec<String>,
    /// A class per column.
    pub kinds: Vec<Kind>,
    /// Values as the contract's LN table has them; JSON may still be text.
    pub rows: Vec<Vec<Value>>,
}

impl Answer {
    /// The form that the runner compares. A lone column `Count` or `Success` is what a statement without rows of its
    /// own answers (FQ-4, LQ-08).
    pub fn output(self) -> DBOutput<Kind> {
        if self.names == ["Count"] || self.names == ["Success"] {
            let changed = self.rows.first().and_then(|row| row.first()).and_then(Value::as_u64);
            return DBOutput::StatementComplete(changed.unwrap_or(0));
        }
        let rendered =
            |row: &Vec<Value>| row.iter().zip(&self.kinds).map(|(value, kind)| text(value, *kind)).collect();
        DBOutput::Rows { rows: self.rows.iter().map(rendered).collect(), types: self.kinds }
    }
}

fn text(value: &Value, Kind(kind): Kind) -> String {
    match (kind, value) {
        (_, Value::Null) => "NULL".to_owned(),
        ('J', Value::String(json)) => match serde_json::from_str(json) {
            Ok(parsed) => plain(&parsed),
            Err(_) => plain(value),
        },
        // The REST door has no number for NaN and the infinities (LN-01).
        ('R', Value::String(_)) => "NULL".to_owned(),
        _ => plain(value),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => text.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\""),
        other => other.to_string(),
    }
}

/// The first line of an error, since what follows is a picture of the statement, with single blanks, since a file keeps
/// no others.
pub fn first_line(error: &str) -> Fault {
    let words: Vec<&str> = error.lines().next().unwrap_or_default().split_whitespace().collect();
    Fault(words.join(" "))
}

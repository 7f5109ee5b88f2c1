//! IMPORT DATABASE, in whose place DuckDB would put the statements of two files that nobody has looked at. So the files are
//! read here, and what they hold runs as a script whose statements are judged first (LX-12).

use super::expand::Planned;
use super::script::{Part, Script, excerpt_line};
use crate::error::{Error, ErrorKind, Result};
use crate::guard;
use crate::limits::Limits;
use crate::sql::import::from;
use crate::sql::{read_file, text_of};
use duck::{Connection, StatementKind};

/// One of the two files of an exported folder: its schema, and the COPYs of its tables from files beside it. They stay
/// apart, so that neither ends within the other.
pub(super) struct Exported {
    folder: String,
    name: &'static str,
    script: Script,
}

/// The files of the folder that a literal names.
///
/// # Errors
/// Refused where SQL may not read the host's files; DuckDB's for a literal or a file that it cannot read; LimitExceeded for
/// a file that is longer than a statement may be.
pub(super) fn files(connection: &Connection, limits: &Limits, literal: &str) -> Result<[Exported; 2]> {
    guard::check_import(connection)?;
    let folder = first_text(connection, &text_of(literal))?.unwrap_or_default();
    let read = |name| -> Result<Exported> {
        let file = format!("{folder}/{name}");
        // DuckDB finds no row where there is no file.
        let content = first_text(connection, &read_file(&file))?
            .ok_or_else(|| Error::new(ErrorKind::Sql, format!("IO Error: Cannot open file \"{file}\"")))?;
        limits.check_statement(&content)?;
        Ok(Exported { folder: folder.clone(), name, script: Script::new(content, 0) })
    };
    Ok([read("schema.sql")?, read("load.sql")?])
}

fn first_text(connection: &Connection, sql: &str) -> Result<Option<String>> {
    Ok(connection.query(sql)?.text_rows()?.into_iter().flatten().flatten().next())
}

impl Exported {
    /// The file's statements, each COPY from where its own file is now.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = self.script.parts();
        for part in &mut parts {
            if let Some(sql) = from(&self.folder, &part.sql) {
                part.sql = sql.into();
            }
        }
        parts
    }

    /// An error of one of its statements, with the file and the line there. That comes last, where it keeps an excerpt from
    /// being counted along with the statement that imports the file.
    pub(super) fn placed(&self, part: &Part<'_>, error: &Error) -> Error {
        let line = excerpt_line(error.message()).unwrap_or_else(|| part.first_line());
        let message = format!("{}\nin {}/{}, line {line}", error.message(), self.folder, self.name);
        Error::new(error.kind(), message)
    }
}

/// Whether a statement of those files may run: what it changes is undone with the import if another fails.
///
/// # Errors
/// Refused.
pub(super) fn check(planned: &Planned) -> Result<()> {
    use StatementKind::{Alter, Copy, Create, Delete, Drop, Insert, Merge, Select, Update};
    match planned {
        Planned::Several(_) => Ok(()),
        Planned::One(statement) => match statement.kind() {
            Alter | Copy | Create | Delete | Drop | Insert | Merge | Select | Update => Ok(()),
            other => Err(Error::new(
                ErrorKind::Refused,
                format!(
                    "Permission Error: a statement of the kind {other:?} cannot be part of an IMPORT DATABASE"
                ),
            )),
        },
    }
}

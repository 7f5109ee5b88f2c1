//! IMPORT DATABASE, in whose place DuckDB would put the statements of two files that nobody has looked at. So the files are
//! read here, and what they hold runs as a script whose statements are judged first (LX-12).

use super::expand::Planned;
use crate::error::{Error, ErrorKind, Result};
use crate::guard;
use crate::limits::Limits;
use crate::sql::lexer::{self, Token};
use crate::sql::{Literal, read_file};
use duck::{Connection, StatementKind};

/// The folder that a statement imports, if it is an IMPORT DATABASE.
pub(super) fn folder(sql: &str) -> Option<String> {
    let mut tokens = lexer::tokens(sql).filter(|token| *token != Token::Symbol(';'));
    // Of most statements, no more than this is looked at.
    if !tokens.next()?.is_keyword("import") || lexer::count_statements(sql) > 1 {
        return None;
    }
    let (what, path) = (tokens.next()?, tokens.next()?);
    if what.is_keyword("database") && tokens.next().is_none() { text(&path) } else { None }
}

/// What a literal holds; `None` for one with escapes.
fn text(token: &Token<'_>) -> Option<String> {
    match token {
        Token::Text(path) => Some(path.replace("''", "'")),
        Token::Dollar(path) => Some((*path).to_owned()),
        _ => None,
    }
}

/// The texts of an exported folder: its schema, and the COPYs of its tables from files beside it. They stay apart, so that
/// none ends within the other.
///
/// # Errors
/// Refused where SQL may not read the host's files; DuckDB's for a file that it cannot read; LimitExceeded for one that is
/// longer than a statement may be.
pub(super) fn texts(connection: &Connection, limits: &Limits, folder: &str) -> Result<[String; 2]> {
    guard::check_import(connection)?;
    let read = |name: &str| -> Result<String> {
        let file = format!("{folder}/{name}");
        let content =
            connection.query(&read_file(&file))?.text_rows()?.into_iter().flatten().flatten().next();
        // DuckDB finds no row where there is no file.
        let content = content
            .ok_or_else(|| Error::new(ErrorKind::Sql, format!("IO Error: Cannot open file \"{file}\"")))?;
        limits.check_statement(&content).map(|()| content)
    };
    let (schema, copies) = (read("schema.sql")?, read("load.sql")?);
    let copies = lexer::statements(&copies).into_iter().map(|(_, copy)| from(folder, copy));
    Ok([schema, copies.collect::<Vec<_>>().join("\n")])
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

/// A COPY from a file that was beside the others when it was written, from where it is now.
fn from(folder: &str, copy: &str) -> String {
    let tokens: Vec<Token<'_>> = lexer::tokens(copy).collect();
    let path = match &tokens[..] {
        // Not one of a query's rows.
        [verb, what, rest @ ..] if verb.is_keyword("copy") && *what != Token::Symbol('(') => {
            let from = rest.iter().position(|token| token.is_keyword("from"));
            from.and_then(|at| if let Some(Token::Text(path)) = rest.get(at + 1) { Some(path) } else { None })
        }
        _ => None,
    };
    let Some(path) = path else { return copy.to_owned() };
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path).replace("''", "'");
    let moved = format!("{folder}/{name}");
    copy.replacen(&format!("'{path}'"), &Literal(&moved).to_string(), 1)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("IMPORT DATABASE '/a/b'", Some("/a/b"))]
    #[case("/* x */ import database 'it''s' ;", Some("it's"))]
    #[case("; IMPORT DATABASE 'a';;", Some("a"))]
    #[case("IMPORT DATABASE $$it's$$", Some("it's"))]
    #[case("IMPORT DATABASE", None)]
    #[case("IMPORT DATABASE 'a'; SELECT 1", None)]
    #[case("EXPLAIN IMPORT DATABASE 'a'", None)]
    #[case("SELECT 'IMPORT DATABASE x'", None)]
    fn the_folder_is_told_of_an_import_alone(#[case] sql: &str, #[case] expected: Option<&str>) {
        assert_eq!(folder(sql).as_deref(), expected);
    }

    #[rstest]
    #[case(
        "COPY \"t\" FROM '/old/t.csv' (FORMAT 'csv', quote '\"');",
        "COPY \"t\" FROM '/new/t.csv' (FORMAT 'csv', quote '\"');"
    )]
    #[case("COPY t FROM 'o''r.csv'", "COPY t FROM '/new/o''r.csv'")]
    #[case("COPY (SELECT 'a') TO 'b.csv'", "COPY (SELECT 'a') TO 'b.csv'")]
    #[case("SELECT 'a'", "SELECT 'a'")]
    fn files_are_sought_beside_the_others(#[case] copy: &str, #[case] expected: &str) {
        assert_eq!(from("/new", copy), expected);
    }
}

//! What no user's SQL may change: settings that belong to the instance or the host (LX-12).
//!
//! The engine itself holds the line for settings: its configuration is locked but for [`settings::unlocked`], however a
//! change of it is spelled or nested. Left to this module is what that lock does not know: the scope of a SET, the
//! server's own among the unlocked settings, PRAGMAs that are functions, and INSTALL. It asks DuckDB what a statement
//! is, and reads names only of those that are settings statements; DuckDB's grammar lets none of them into anything but
//! EXPLAIN. Functions, which the engine cannot lock, are the matter of [`calls`].

pub(crate) mod calls;
pub(crate) mod nul_names;

use super::sql::lexer::{self, Token};
use super::sql::settings::{self, LASTS_FOR_SESSION, SESSION_BY_DEFAULT};
use crate::error::{Error, ErrorKind, Result};
use duck::{Connection, Prepared, StatementKind};

/// PRAGMAs that are functions and concern nothing but the session.
pub(crate) const PRAGMAS: &[&str] = &[
    "enable_object_cache",
    "disable_object_cache",
    "enable_optimizer",
    "disable_optimizer",
    "enable_progress_bar",
    "disable_progress_bar",
];

/// Refuses a planned statement that would change what the server manages.
///
/// # Errors
/// Refused, with LX-12's text; DuckDB's own error for a setting that does not exist.
pub(crate) fn check(connection: &Connection, sql: &str, planned: &Prepared) -> Result<()> {
    match planned.kind() {
        StatementKind::Explain => {
            let explained = lexer::explained(sql);
            check_kind(connection, kind_of(connection, &explained)?, &explained)
        }
        kind => check_kind(connection, kind, sql),
    }
}

/// Refuses what may not even be parsed or planned: with external access off EXPORT, since planning makes its folder, and
/// INSTALL, which opens the network; IMPORT where its files are not read and judged before, as inside EXPLAIN.
///
/// # Errors
/// Refused.
pub(super) fn check_unplanned(connection: &Connection, sql: &str) -> Result<()> {
    const WORDS: &[&str] = &["export", "import", "install", "extensions", "copy_database"];
    if !lexer::mentions(sql, WORDS) {
        return Ok(());
    }
    let explained = lexer::explained(sql);
    let tokens: Vec<Token<'_>> = lexer::tokens(&explained).take(3).collect();
    let [verb, rest @ ..] = &tokens[..] else { return Ok(()) };
    let is_update =
        || verb.is_keyword("update") && rest.first().is_some_and(|it| it.is_keyword("extensions"));
    match rest {
        _ if verb.is_keyword("import") => Err(managed("IMPORT")),
        _ if verb.is_keyword("export") && !has_external_access(connection)? => Err(no_file()),
        _ if verb.is_keyword("install") || verb.is_keyword("force") => check_install(connection, "INSTALL"),
        [_] | [_, Token::Symbol('(' | ';')] if is_update() => check_install(connection, "EXTENSIONS"),
        // These two stand for statements, and DuckDB puts those in their place while it parses.
        [name @ Token::Word { .. }, ..] if verb.is_keyword("pragma") => match name {
            Token::Word { name, .. } if name.eq_ignore_ascii_case("import_database") => Err(managed(name)),
            Token::Word { name, .. } if name.eq_ignore_ascii_case("copy_database") => Err(managed(name)),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Refuses an IMPORT where SQL may not read the host's files.
///
/// # Errors
/// Refused.
pub(super) fn check_import(connection: &Connection) -> Result<()> {
    if has_external_access(connection)? { Ok(()) } else { Err(managed("IMPORT")) }
}

/// Refuses a statement of a script before its predecessors ran. What cannot be planned yet is judged by its first word,
/// which in DuckDB's grammar tells each kind that matters here; once it is planned it is checked all the same.
///
/// # Errors
/// As [`check`].
pub(super) fn judge(connection: &Connection, sql: &str) -> Result<()> {
    let explained = lexer::explained(sql);
    let tokens: Vec<Token<'_>> = lexer::tokens(&explained).take(2).collect();
    let Some(verb) = tokens.first() else { return Ok(()) };
    let kinds: [(&str, StatementKind); 8] = [
        ("set", StatementKind::Set),
        ("reset", StatementKind::Set),
        ("use", StatementKind::Set),
        ("pragma", StatementKind::Pragma),
        ("load", StatementKind::Load),
        ("copy", StatementKind::Copy),
        ("attach", StatementKind::Attach),
        ("prepare", StatementKind::Prepare),
    ];
    let Some((_, kind)) = kinds.into_iter().find(|(word, _)| verb.is_keyword(word)) else { return Ok(()) };
    let extracted = connection.extract(sql)?;
    if extracted.len() > 1 {
        return Ok(());
    }
    match extracted.prepare(connection, 0) {
        Ok(planned) => check(connection, sql, &planned),
        // Those that change anything can always be planned.
        Err(_) if kind == StatementKind::Pragma => Ok(()),
        Err(_) if kind == StatementKind::Copy && tokens.get(1).is_some_and(|it| it.is_keyword("from")) => {
            Ok(())
        }
        Err(_) => check_kind(connection, kind, &explained),
    }
}

/// Whether a statement of this kind changes settings or extensions.
fn is_managed_kind(kind: StatementKind) -> bool {
    use StatementKind as Kind;
    matches!(kind, Kind::Set | Kind::Pragma | Kind::Load | Kind::Extension | Kind::UpdateExtensions)
}

/// What DuckDB says that an explained statement is; one that it expands to several changes no settings.
///
/// # Errors
/// Refused, for what DuckDB cannot read by itself.
fn kind_of(connection: &Connection, sql: &str) -> Result<StatementKind> {
    let unread = |_| managed("EXPLAIN");
    let extracted = connection.extract(sql).map_err(unread)?;
    if extracted.len() > 1 {
        return Ok(StatementKind::Other);
    }
    extracted.prepare(connection, 0).map(|it| it.kind()).map_err(unread)
}

fn check_kind(connection: &Connection, kind: StatementKind, sql: &str) -> Result<()> {
    if matches!(kind, StatementKind::Copy | StatementKind::Attach | StatementKind::Prepare) {
        return check_file(connection, kind, sql);
    }
    if !is_managed_kind(kind) {
        return Ok(());
    }
    let tokens: Vec<Token<'_>> = lexer::tokens(lexer::first_statement(sql)).collect();
    let Some((verb, rest)) = tokens.split_first() else { return Err(managed("SET")) };
    match kind {
        StatementKind::Pragma => check_pragma(rest),
        StatementKind::Set if verb.is_keyword("use") => Ok(()),
        StatementKind::Set if verb.is_keyword("pragma") => check_setting(connection, None, rest),
        StatementKind::Set if verb.is_keyword("set") || verb.is_keyword("reset") => {
            check_scoped(connection, rest)
        }
        StatementKind::Set => Err(managed("SET")),
        StatementKind::UpdateExtensions => check_install(connection, "EXTENSIONS"),
        StatementKind::Load | StatementKind::Extension if !verb.is_keyword("load") => {
            check_install(connection, "INSTALL")
        }
        _ => Ok(()),
    }
}

/// Statements that write files or read them. With external access off DuckDB refuses every path but those in the folder
/// where the server keeps uploads and spilled rows; SQL has no business there either.
fn check_file(connection: &Connection, kind: StatementKind, sql: &str) -> Result<()> {
    let tokens: Vec<Token<'_>> = lexer::tokens(lexer::first_statement(sql)).collect();
    let names_file = match kind {
        StatementKind::Copy => true,
        StatementKind::Attach => names_file(&tokens),
        _ => {
            let begun = tokens.iter().position(|token| token.is_keyword("as")).map_or(0, |at| at + 1);
            let prepared = &tokens[begun..];
            prepared.first().is_some_and(|first| first.is_keyword("copy"))
        }
    };
    if !names_file || has_external_access(connection)? {
        return Ok(());
    }
    Err(no_file())
}

fn no_file() -> Error {
    Error::new(ErrorKind::Refused, "Permission Error: file system operations are disabled by configuration")
}

/// Whether an ATTACH names anything but memory.
fn names_file(tokens: &[Token<'_>]) -> bool {
    let is_text = |token: &&Token<'_>| matches!(token, Token::Text(_) | Token::Dollar(_) | Token::Escaped(_));
    !matches!(tokens.iter().find(is_text), Some(Token::Text("" | ":memory:")))
}

fn check_pragma(rest: &[Token<'_>]) -> Result<()> {
    match rest {
        [name, ..] if PRAGMAS.iter().any(|pragma| name.is_name(pragma)) => Ok(()),
        [Token::Word { name, .. }, ..] => Err(managed(name)),
        _ => Err(managed("PRAGMA")),
    }
}

/// SET and RESET: an optional scope, and a name.
fn check_scoped(connection: &Connection, tokens: &[Token<'_>]) -> Result<()> {
    match tokens {
        [scope, ..] if scope.is_keyword("variable") => Ok(()),
        [scope, rest @ ..] if ["session", "local", "global"].iter().any(|word| scope.is_keyword(word)) => {
            check_setting(connection, Some(scope.is_keyword("global")), rest)
        }
        _ => check_setting(connection, None, tokens),
    }
}

/// Whether a setting may be changed, for all sessions if `global`; None where nothing is said of it.
fn check_setting(connection: &Connection, global: Option<bool>, rest: &[Token<'_>]) -> Result<()> {
    let name = match rest {
        // SET TIME ZONE is how standard SQL says it.
        [time, zone, ..] if time.is_keyword("time") && zone.is_keyword("zone") => "TimeZone",
        [Token::Word { name, .. }, ..] => name,
        _ => return Err(managed("SET")),
    };
    let among = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    match global {
        None | Some(false) if among(SESSION_BY_DEFAULT) => return Ok(()),
        Some(false) if among(LASTS_FOR_SESSION) => return Ok(()),
        None if among(LASTS_FOR_SESSION) => {
            let message = format!(
                "Permission Error: \"{name}\" is managed by the server; SET SESSION changes it for this session alone"
            );
            return Err(Error::new(ErrorKind::Refused, message));
        }
        _ => {}
    }
    // DuckDB's own words for a name that is no setting's.
    connection.query(&settings::current(name))?;
    Err(managed(name))
}

/// Both ask a repository by network, whatever DuckDB's own switch for it says.
fn check_install(connection: &Connection, what: &str) -> Result<()> {
    if has_external_access(connection)? { Ok(()) } else { Err(managed(what)) }
}

fn has_external_access(connection: &Connection) -> Result<bool> {
    let rows = connection.query(settings::EXTERNAL_ACCESS)?.text_rows()?;
    Ok(matches!(rows.first().map(Vec::as_slice), Some([Some(on)]) if on == "true"))
}

fn managed(name: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("Permission Error: \"{name}\" is managed by the server"))
}

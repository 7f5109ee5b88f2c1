//! What a statement is to this door: most go to DuckDB as they are; those that are about the connection, its transaction or
//! PostgreSQL's settings are the door's own.

use super::copy::{self, CopyStatement};
use super::cursor::{self, Declaration, Fetch};
use super::report::Result;
use super::settings;
use engine::lexer::{self, Token};
use engine::{AccessMode, Translated};

/// A statement as this door sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// DuckDB's.
    Sql,
    /// BEGIN, START TRANSACTION.
    Begin(AccessMode),
    /// COMMIT, END.
    Commit { chain: bool },
    /// ROLLBACK, ABORT.
    Rollback { chain: bool },
    /// SAVEPOINT.
    Savepoint(String),
    /// RELEASE.
    Release(String),
    /// ROLLBACK TO.
    RollbackTo(String),
    /// COPY with the client, as it was read.
    Copy(Box<Result<CopyStatement>>),
    /// DECLARE.
    Declare(Box<Declaration>),
    /// FETCH and MOVE.
    Fetch(Fetch),
    /// CLOSE; without a name, of all.
    CloseCursor(Option<String>),
    /// What has no meaning here and does no harm, with its tag (PW-35).
    Ignored(&'static str),
    /// LOCK TABLE, which has none either, in a block.
    Lock,
    /// SET ROLE, to nobody else if none is named.
    Role(Option<String>),
    /// A statement about a table as it is written for PostgreSQL.
    Translated(Box<Translated>),
    /// PREPARE TRANSACTION, NOTIFY: not served.
    Unserved(&'static str),
    /// Characteristics of the transaction, which are what they are.
    SetTransaction,
    /// SHOW of a setting.
    Show(String),
    /// SHOW ALL.
    ShowAll,
    /// SET; without a value, to its default.
    Set { name: String, value: Option<String>, local: bool },
    /// RESET ALL.
    ResetAll,
    /// DISCARD.
    Discard(Discard),
    /// DEALLOCATE; without a name, of all.
    Deallocate(Option<String>),
}

/// What DISCARD discards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Discard {
    All,
    Temporary,
    Plans,
    Sequences,
}

impl Command {
    /// Whether an aborted transaction takes it.
    pub(super) fn ends_transaction(&self) -> bool {
        matches!(self, Self::Commit { .. } | Self::Rollback { .. } | Self::RollbackTo(_))
    }

    /// The command of one statement.
    pub(super) fn of(sql: &str) -> Self {
        let mut tokens = lexer::tokens(sql);
        let Some(first) = tokens.next() else { return Self::Sql };
        let Token::Word { name, quoted: false } = &first else { return Self::Sql };
        let known: [&str; 23] = [
            "begin",
            "start",
            "commit",
            "end",
            "rollback",
            "abort",
            "savepoint",
            "release",
            "prepare",
            "show",
            "set",
            "reset",
            "discard",
            "deallocate",
            "fetch",
            "move",
            "close",
            "listen",
            "unlisten",
            "notify",
            "lock",
            "grant",
            "revoke",
        ];
        if name.eq_ignore_ascii_case("copy") {
            return copy::read(sql).map_or(Self::Sql, |copy| Self::Copy(Box::new(copy)));
        }
        if name.eq_ignore_ascii_case("declare") {
            let declaration = cursor::read_declaration(sql);
            return declaration.map_or(Self::Sql, |declaration| Self::Declare(Box::new(declaration)));
        }
        if ["create", "alter"].iter().any(|verb| name.eq_ignore_ascii_case(verb)) {
            let translated = engine::translated(sql);
            return translated.map_or(Self::Sql, |translated| Self::Translated(Box::new(translated)));
        }
        let Some(verb) = known.into_iter().find(|word| name.eq_ignore_ascii_case(word)) else {
            return Self::Sql;
        };
        let rest: Vec<Token<'_>> = tokens.filter(|token| *token != Token::Symbol(';')).collect();
        of_verb(verb, &rest).unwrap_or(Self::Sql)
    }
}

fn of_verb(verb: &str, rest: &[Token<'_>]) -> Option<Command> {
    let has = |word: &str| rest.iter().any(|token| token.is_keyword(word));
    let begins = |word: &str| rest.first().is_some_and(|token| token.is_keyword(word));
    Some(match verb {
        "begin" => Command::Begin(access(rest)),
        "start" if begins("transaction") => Command::Begin(access(rest)),
        "commit" | "rollback" | "prepare"
            if begins("prepared") || (verb == "prepare" && begins("transaction")) =>
        {
            Command::Unserved("prepared transactions are not supported")
        }
        "rollback" | "abort" if has("to") => Command::RollbackTo(last_name(rest)?),
        "savepoint" => Command::Savepoint(last_name(rest)?),
        "release" => Command::Release(last_name(rest)?),
        "commit" | "end" => Command::Commit { chain: chains(rest) },
        "rollback" | "abort" => Command::Rollback { chain: chains(rest) },
        "fetch" | "move" => Command::Fetch(cursor::read_fetch(rest, verb == "move")?),
        "close" if begins("all") => Command::CloseCursor(None),
        "close" => Command::CloseCursor(Some(last_name(rest)?)),
        "listen" => Command::Ignored("LISTEN"),
        "unlisten" => Command::Ignored("UNLISTEN"),
        "grant" => Command::Ignored("GRANT"),
        "revoke" => Command::Ignored("REVOKE"),
        "notify" => Command::Unserved("notifications are not supported"),
        "lock" => Command::Lock,
        "reset" if begins("role") => Command::Ignored("RESET"),
        "show" => show(rest)?,
        "set" => set(rest)?,
        "reset" if begins("all") => Command::ResetAll,
        "reset" => {
            let (name, []) = setting_name(rest)? else { return None };
            Command::Set { name, value: None, local: false }
        }
        "discard" => Command::Discard(discard(rest)?),
        "deallocate" => deallocate(rest)?,
        _ => return None,
    })
}

/// A name as PostgreSQL compares it.
fn last_name(rest: &[Token<'_>]) -> Option<String> {
    match rest.last()? {
        Token::Word { name, quoted: true } => Some(name.clone()),
        Token::Word { name, quoted: false } => Some(name.to_ascii_lowercase()),
        _ => None,
    }
}

fn access(rest: &[Token<'_>]) -> AccessMode {
    let only = rest.windows(2).any(|pair| pair[0].is_keyword("read") && pair[1].is_keyword("only"));
    if only { AccessMode::ReadOnly } else { AccessMode::ReadWrite }
}

fn chains(rest: &[Token<'_>]) -> bool {
    rest.windows(2).any(|pair| pair[0].is_keyword("and") && pair[1].is_keyword("chain"))
}

fn show(rest: &[Token<'_>]) -> Option<Command> {
    match rest {
        [all] if all.is_keyword("all") => Some(Command::ShowAll),
        [time, zone] if time.is_keyword("time") && zone.is_keyword("zone") => {
            Some(Command::Show("TimeZone".to_owned()))
        }
        [transaction, isolation, level]
            if transaction.is_keyword("transaction")
                && isolation.is_keyword("isolation")
                && level.is_keyword("level") =>
        {
            Some(Command::Show("transaction_isolation".to_owned()))
        }
        _ => match setting_name(rest)? {
            (name, []) => Some(Command::Show(name)),
            _ => None,
        },
    }
}

/// A setting of PostgreSQL's or a custom one, whose name has a point; what else there is, is DuckDB's.
fn setting_name<'a, 'b>(rest: &'a [Token<'b>]) -> Option<(String, &'a [Token<'b>])> {
    match rest {
        [Token::Word { name: class, .. }, Token::Symbol('.'), Token::Word { name, .. }, rest @ ..] => {
            Some((format!("{class}.{name}"), rest))
        }
        [Token::Word { name, .. }, rest @ ..] if settings::is_known(name) => Some((name.clone(), rest)),
        _ => None,
    }
}

fn set(rest: &[Token<'_>]) -> Option<Command> {
    let (local, rest) = match rest {
        [scope, rest @ ..] if scope.is_keyword("local") => (true, rest),
        [scope, rest @ ..] if scope.is_keyword("session") => (false, rest),
        _ => (false, rest),
    };
    match rest {
        [transaction, ..] if transaction.is_keyword("transaction") => Some(Command::SetTransaction),
        [characteristics, ..] if characteristics.is_keyword("characteristics") => {
            Some(Command::SetTransaction)
        }
        [role, value @ ..] if role.is_keyword("role") => Some(Command::Role(role_of(value)?)),
        [authorization, value @ ..] if authorization.is_keyword("authorization") => {
            Some(Command::Role(role_of(value)?))
        }
        [time, zone, value @ ..] if time.is_keyword("time") && zone.is_keyword("zone") => {
            let value = zone_of(value).map(Some).or_else(|| value_of(value))?;
            Some(Command::Set { name: "TimeZone".to_owned(), value, local })
        }
        [names, value @ ..] if names.is_keyword("names") => {
            Some(Command::Set { name: "client_encoding".to_owned(), value: value_of(value)?, local })
        }
        _ => match setting_name(rest)? {
            (name, [to, value @ ..]) if to.is_keyword("to") || *to == Token::Symbol('=') => {
                Some(Command::Set { name, value: value_of(value)?, local })
            }
            _ => None,
        },
    }
}

/// The zone of `INTERVAL '+02:00' HOUR TO MINUTE`, so many hours ahead of UTC, by its name; the names count the other way.
fn zone_of(value: &[Token<'_>]) -> Option<String> {
    let text = match value {
        [interval, Token::Text(text)] | [interval, Token::Text(text), _, _, _]
            if interval.is_keyword("interval") =>
        {
            text
        }
        _ => return None,
    };
    let west = text.strip_prefix('-');
    let (hours, minutes) =
        west.or(text.strip_prefix('+')).unwrap_or(text).split_once(':').unwrap_or((text, "0"));
    match (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok()?) {
        (0, 0) => Some("Etc/UTC".to_owned()),
        (hours @ 1..=12, 0) if west.is_some() => Some(format!("Etc/GMT+{hours}")),
        (hours @ 1..=14, 0) if west.is_none() => Some(format!("Etc/GMT-{hours}")),
        _ => None,
    }
}

/// The role that is named; none for NONE and DEFAULT.
fn role_of(tokens: &[Token<'_>]) -> Option<Option<String>> {
    match tokens {
        [none] if none.is_keyword("none") || none.is_keyword("default") => Some(None),
        tokens => item(tokens).map(Some),
    }
}

/// The value of a setting, items of a list with a comma between; none for its default.
fn value_of(tokens: &[Token<'_>]) -> Option<Option<String>> {
    if let [word] = tokens
        && (word.is_keyword("default") || word.is_keyword("local"))
    {
        return Some(None);
    }
    let items = tokens.split(|token| *token == Token::Symbol(','));
    let texts: Option<Vec<String>> = items.map(item).collect();
    texts.filter(|texts| !texts.is_empty()).map(|texts| Some(texts.join(", ")))
}

fn item(tokens: &[Token<'_>]) -> Option<String> {
    match tokens {
        [Token::Word { name, .. }] => Some(name.clone()),
        [Token::Text(text)] => Some(text.replace("''", "'")),
        [Token::Dollar(text) | Token::Number(text)] => Some((*text).to_owned()),
        [Token::Symbol('-'), Token::Number(number)] => Some(format!("-{number}")),
        _ => None,
    }
}

fn discard(rest: &[Token<'_>]) -> Option<Discard> {
    let [what] = rest else { return None };
    let words = [
        ("all", Discard::All),
        ("temp", Discard::Temporary),
        ("temporary", Discard::Temporary),
        ("plans", Discard::Plans),
        ("sequences", Discard::Sequences),
    ];
    words.into_iter().find(|(word, _)| what.is_keyword(word)).map(|(_, discard)| discard)
}

fn deallocate(rest: &[Token<'_>]) -> Option<Command> {
    let rest = match rest {
        [prepare, rest @ ..] if prepare.is_keyword("prepare") && !rest.is_empty() => rest,
        _ => rest,
    };
    match rest {
        [all] if all.is_keyword("all") => Some(Command::Deallocate(None)),
        [Token::Word { name, .. }] => Some(Command::Deallocate(Some(name.clone()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn set(name: &str, value: Option<&str>, local: bool) -> Command {
        Command::Set { name: name.to_owned(), value: value.map(str::to_owned), local }
    }

    #[rstest]
    #[case("SELECT 1", Command::Sql)]
    #[case("/* begin */ select 'commit'", Command::Sql)]
    #[case("\"begin\"", Command::Sql)]
    #[case("BEGIN", Command::Begin(AccessMode::ReadWrite))]
    #[case(
        "start transaction isolation level serializable, read only;",
        Command::Begin(AccessMode::ReadOnly)
    )]
    #[case("END", Command::Commit { chain: false })]
    #[case("COMMIT AND NO CHAIN", Command::Commit { chain: false })]
    #[case("ABORT WORK AND CHAIN", Command::Rollback { chain: true })]
    #[case("SAVEPOINT \"A\"", Command::Savepoint("A".to_owned()))]
    #[case("RELEASE SAVEPOINT a", Command::Release("a".to_owned()))]
    #[case("ROLLBACK WORK TO SAVEPOINT A", Command::RollbackTo("a".to_owned()))]
    #[case("SHOW TABLES", Command::Sql)]
    #[case("SHOW server_version", Command::Show("server_version".to_owned()))]
    #[case("SHOW TIME ZONE", Command::Show("TimeZone".to_owned()))]
    #[case("SET memory_limit = '1GB'", Command::Sql)]
    #[case("SET VARIABLE a = 1", Command::Sql)]
    #[case("SET schema = 'x'", Command::Sql)]
    #[case("SET TIME ZONE 'Europe/Paris'", set("TimeZone", Some("Europe/Paris"), false))]
    #[case("SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE", set("TimeZone", Some("Etc/GMT-2"), false))]
    #[case("SET TIME ZONE INTERVAL '-05:00' HOUR TO MINUTE", set("TimeZone", Some("Etc/GMT+5"), false))]
    #[case("SET TIME ZONE INTERVAL '+05:30' HOUR TO MINUTE", Command::Sql)]
    #[case("SET SESSION extra_float_digits = 3", set("extra_float_digits", Some("3"), false))]
    #[case("SET LOCAL search_path TO \"$user\", public", set("search_path", Some("$user, public"), true))]
    #[case("SET my.thing = -1", set("my.thing", Some("-1"), false))]
    #[case("RESET TimeZone", set("TimeZone", None, false))]
    #[case("SET application_name TO DEFAULT", set("application_name", None, false))]
    #[case("DEALLOCATE PREPARE \"a b\"", Command::Deallocate(Some("a b".to_owned())))]
    #[case("DEALLOCATE ALL", Command::Deallocate(None))]
    #[case("DISCARD ALL;", Command::Discard(Discard::All))]
    #[case("COPY t TO 'file'", Command::Sql)]
    #[case("SET SESSION ROLE alice", Command::Role(Some("alice".to_owned())))]
    #[case("SET SESSION AUTHORIZATION DEFAULT", Command::Role(None))]
    #[case("RESET ROLE", Command::Ignored("RESET"))]
    #[case("LOCK TABLE t IN SHARE MODE", Command::Lock)]
    fn statements_are_told_apart(#[case] sql: &str, #[case] expected: Command) {
        assert_eq!(Command::of(sql), expected);
    }
}

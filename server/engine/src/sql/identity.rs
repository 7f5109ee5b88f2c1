//! Tables as object mappers write them for PostgreSQL: serial numbers, identities and jsonb, in DuckDB's words (PW-48).

use std::ops::Range;

use super::lexer::{Token, tokens_in_place};
use super::{Identifier, Literal};

/// A statement in DuckDB's words, after those that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// What makes its sequences.
    pub before: Vec<String>,
    /// The statement itself.
    pub statement: String,
    /// The same for a view, which PostgreSQL takes for a table where one is renamed.
    pub of_view: Option<String>,
}

/// The integer of each kind of serial number.
const SERIALS: &[(&str, &str)] = &[
    ("serial", "INTEGER"),
    ("serial4", "INTEGER"),
    ("bigserial", "BIGINT"),
    ("serial8", "BIGINT"),
    ("smallserial", "SMALLINT"),
    ("serial2", "SMALLINT"),
];

/// CREATE TABLE or ALTER TABLE in DuckDB's words; none where it has none of the words that are others there. Where types
/// stand is not decided by what they are called: a name of these has to come right behind a column's.
pub fn translated(sql: &str) -> Option<Translated> {
    let tokens: Vec<(Range<usize>, Token<'_>)> = tokens_in_place(sql).collect();
    let table = MapperTable::read(&tokens)?;
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let mut before = Vec::new();
    for column in table.columns(&tokens) {
        let sequence = table.sequence(&column.name);
        let not_null = if table.is_new { "NOT NULL " } else { "" };
        let default = format!("{not_null}DEFAULT nextval({})", Literal(&sequence));
        let is_made = match &column.ty {
            (place, ty) if ty == "jsonb" => {
                changes.push((place.clone(), "JSON".to_owned()));
                false
            }
            (place, ty) => match SERIALS.iter().find(|(serial, _)| serial == ty) {
                Some((_, integer)) => {
                    changes.push((place.clone(), format!("{integer} {default}")));
                    true
                }
                None => false,
            },
        };
        if let Some(identity) = column.identity {
            changes.push((identity.place, default));
            before.push(table.make(&sequence, &sql[identity.options]));
        } else if is_made {
            before.push(table.make(&sequence, ""));
        }
    }
    if changes.is_empty() {
        return renamed(sql, &tokens, &table);
    }
    changes.sort_by_key(|(place, _)| place.start);
    let (mut statement, mut copied) = (String::with_capacity(sql.len()), 0);
    for (place, text) in changes {
        statement.push_str(&sql[copied..place.start]);
        statement.push_str(&text);
        copied = place.end;
    }
    statement.push_str(&sql[copied..]);
    Some(Translated { before, statement, of_view: None })
}

/// ALTER TABLE … RENAME TO.
fn renamed(sql: &str, tokens: &[(Range<usize>, Token<'_>)], table: &MapperTable) -> Option<Translated> {
    let renames =
        !table.is_new && keyword(tokens, table.begin, "rename") && keyword(tokens, table.begin + 1, "to");
    let (word, _) = tokens.get(1).filter(|_| renames)?;
    let of_view = format!("{}VIEW{}", &sql[..word.start], &sql[word.end..]);
    Some(Translated { before: Vec::new(), statement: sql.to_owned(), of_view: Some(of_view) })
}

/// The table that a statement makes or changes.
struct MapperTable {
    /// The parts of its name.
    name: Vec<String>,
    is_temporary: bool,
    /// Whether it may be there already.
    if_missing: bool,
    /// Where its columns begin among the tokens, and whether they stand in brackets.
    begin: usize,
    is_new: bool,
}

/// A column, as far as it matters.
struct ColumnWords {
    name: String,
    ty: (Range<usize>, String),
    identity: Option<IdentityPlace>,
}

/// Where GENERATED … AS IDENTITY stands, and within it the options of its sequence.
struct IdentityPlace {
    place: Range<usize>,
    options: Range<usize>,
}

fn keyword(tokens: &[(Range<usize>, Token<'_>)], at: usize, word: &str) -> bool {
    tokens.get(at).is_some_and(|(_, token)| token.is_keyword(word))
}

fn symbol(tokens: &[(Range<usize>, Token<'_>)], at: usize, symbol: char) -> bool {
    tokens.get(at).is_some_and(|(_, token)| *token == Token::Symbol(symbol))
}

impl MapperTable {
    fn read(tokens: &[(Range<usize>, Token<'_>)]) -> Option<Self> {
        let is_new = keyword(tokens, 0, "create");
        if !is_new && !keyword(tokens, 0, "alter") {
            return None;
        }
        let (mut at, mut is_temporary) = (1, false);
        while !keyword(tokens, at, "table") {
            let between = ["local", "global", "temp", "temporary", "unlogged", "or", "replace"];
            let is_between = between.iter().any(|word| keyword(tokens, at, word));
            if !is_between {
                return None;
            }
            is_temporary |= keyword(tokens, at, "temp") || keyword(tokens, at, "temporary");
            at += 1;
        }
        at += 1;
        let mut if_missing = false;
        while ["if", "not", "exists", "only"].iter().any(|word| keyword(tokens, at, word)) {
            if_missing |= keyword(tokens, at, "not");
            at += 1;
        }
        let mut name = Vec::new();
        while let Some((_, Token::Word { name: part, .. })) = tokens.get(at) {
            name.push(part.clone());
            at += 1;
            if !symbol(tokens, at, '.') {
                break;
            }
            at += 1;
        }
        if name.is_empty() || is_new && !symbol(tokens, at, '(') {
            return None;
        }
        Some(Self { name, is_temporary, if_missing, begin: at, is_new })
    }

    /// The columns that the statement defines: behind a bracket or a comma of the outermost list, or behind ADD [COLUMN].
    fn columns(&self, tokens: &[(Range<usize>, Token<'_>)]) -> Vec<ColumnWords> {
        let (mut depth, mut found) = (0_usize, Vec::new());
        for at in self.begin..tokens.len() {
            let begins = match &tokens[at].1 {
                Token::Symbol('(') => {
                    depth += 1;
                    self.is_new && depth == 1
                }
                Token::Symbol(')') => {
                    depth = depth.saturating_sub(1);
                    false
                }
                Token::Symbol(',') => self.is_new && depth == 1,
                token => !self.is_new && depth == 0 && token.is_keyword("add"),
            };
            if !begins {
                continue;
            }
            let mut first = at + 1;
            while !self.is_new
                && ["column", "if", "not", "exists"].iter().any(|word| keyword(tokens, first, word))
            {
                first += 1;
            }
            found.extend(column(tokens, first));
        }
        found
    }

    /// The name of a column's sequence, beside its table.
    fn sequence(&self, column: &str) -> String {
        let (table, place) = self.name.split_last().map_or(("", &[][..]), |(table, place)| (table, place));
        let own = format!("{table}_{column}_seq");
        let parts = place.iter().chain([&own]).map(|part| Identifier(part).to_string());
        parts.collect::<Vec<_>>().join(".")
    }

    fn make(&self, sequence: &str, options: &str) -> String {
        let (replaces, temporary, if_missing) = match (self.is_temporary, self.if_missing || !self.is_new) {
            (true, true) => ("", "TEMP ", "IF NOT EXISTS "),
            (true, false) => ("OR REPLACE ", "TEMP ", ""),
            (false, true) => ("", "", "IF NOT EXISTS "),
            (false, false) => ("OR REPLACE ", "", ""),
        };
        let made = format!("CREATE {replaces}{temporary}SEQUENCE {if_missing}{sequence}");
        if options.is_empty() { made } else { format!("{made} {options}") }
    }
}

/// The column whose name stands at this place, up to the comma or the bracket that ends it.
fn column(tokens: &[(Range<usize>, Token<'_>)], at: usize) -> Option<ColumnWords> {
    let Token::Word { name, .. } = &tokens.get(at)?.1 else { return None };
    let (place, Token::Word { name: ty, quoted: false }) = tokens.get(at + 1)? else { return None };
    let (mut depth, mut end) = (0_usize, at + 2);
    let mut identity = None;
    while let Some((place, token)) = tokens.get(end) {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')' | ',' | ';') if depth == 0 => break,
            Token::Symbol(')') => depth -= 1,
            token if depth == 0 && token.is_keyword("generated") => {
                identity = identity_at(tokens, end, place.start);
            }
            _ => {}
        }
        end += 1;
    }
    Some(ColumnWords { name: name.clone(), ty: (place.clone(), ty.to_ascii_lowercase()), identity })
}

/// GENERATED { ALWAYS | BY DEFAULT } AS IDENTITY [(options)], which begins at this place.
fn identity_at(tokens: &[(Range<usize>, Token<'_>)], at: usize, begin: usize) -> Option<IdentityPlace> {
    let mut at = at + 1;
    if keyword(tokens, at, "always") {
        at += 1;
    } else if keyword(tokens, at, "by") && keyword(tokens, at + 1, "default") {
        at += 2;
    }
    if !(keyword(tokens, at, "as") && keyword(tokens, at + 1, "identity")) {
        return None;
    }
    let mut last = at + 1;
    let mut options = begin..begin;
    if symbol(tokens, last + 1, '(') {
        last += 1;
        let open = tokens.get(last)?.0.end;
        while !symbol(tokens, last, ')') {
            last += 1;
            tokens.get(last)?;
        }
        options = open..tokens.get(last)?.0.start;
    }
    Some(IdentityPlace { place: begin..tokens.get(last)?.0.end, options })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "CREATE TABLE t (id serial, b int)",
        "CREATE TABLE t (id INTEGER NOT NULL DEFAULT nextval('\"t_id_seq\"'), b int)",
        "CREATE OR REPLACE SEQUENCE \"t_id_seq\""
    )]
    #[case(
        "create temp table if not exists s.\"T\" (\"I d\" BIGSERIAL PRIMARY KEY)",
        "create temp table if not exists s.\"T\" (\"I d\" BIGINT NOT NULL DEFAULT nextval('\"s\".\"T_I d_seq\"') PRIMARY KEY)",
        "CREATE TEMP SEQUENCE IF NOT EXISTS \"s\".\"T_I d_seq\""
    )]
    #[case(
        "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY (START 5), d jsonb)",
        "CREATE TABLE t (id int NOT NULL DEFAULT nextval('\"t_id_seq\"'), d JSON)",
        "CREATE OR REPLACE SEQUENCE \"t_id_seq\" START 5"
    )]
    #[case(
        "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)",
        "CREATE TABLE t (id bigint NOT NULL DEFAULT nextval('\"t_id_seq\"') PRIMARY KEY)",
        "CREATE OR REPLACE SEQUENCE \"t_id_seq\""
    )]
    #[case(
        "CREATE TABLE t (a jsonb[] , b varchar DEFAULT 'x serial')",
        "CREATE TABLE t (a JSON[] , b varchar DEFAULT 'x serial')",
        ""
    )]
    #[case("ALTER TABLE t ADD COLUMN d jsonb", "ALTER TABLE t ADD COLUMN d JSON", "")]
    fn texts_of_object_mappers(#[case] sql: &str, #[case] statement: &str, #[case] before: &str) {
        let translated = translated(sql).unwrap();
        assert_eq!(
            (translated.statement.as_str(), translated.before.join(";").as_str()),
            (statement, before)
        );
    }

    #[test]
    fn a_relation_that_is_renamed_may_be_a_view() {
        let sql = "alter table if exists \"s\".\"t\" rename to \"u\"";
        let translated = translated(sql).unwrap();
        assert_eq!(translated.statement, sql);
        let of_view = "alter VIEW if exists \"s\".\"t\" rename to \"u\"";
        assert_eq!((translated.of_view.as_deref(), translated.before.len()), (Some(of_view), 0));
    }

    #[rstest]
    #[case("ALTER TABLE t RENAME a TO b")]
    #[case("ALTER VIEW v RENAME TO w")]
    #[case("CREATE TABLE t (serial int, jsonb varchar)")]
    #[case("CREATE TABLE t (a int CHECK (a > 0), b int GENERATED ALWAYS AS (a + 1))")]
    #[case("CREATE TABLE t AS SELECT 1 AS serial")]
    #[case("CREATE VIEW v AS SELECT 'a'::json")]
    #[case("SELECT 1")]
    fn other_texts_stay_as_they_are(#[case] sql: &str) {
        assert_eq!(translated(sql), None);
    }
}

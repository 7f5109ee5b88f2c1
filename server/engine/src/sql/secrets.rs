//! Secrets in the text of a statement, and the text without them (RJ-1).
//!
//! What a statement means is not decided here: whatever stands where a secret may stand is hidden, in a text that DuckDB
//! refuses as well. Hiding too much costs a reader a word.

use std::borrow::Cow;

use super::lexer::{Token, mentions, tokens_in_place};

/// What stands in a secret's place.
pub const HIDDEN: &str = "***";

/// Words that tell of a secret wherever they stand.
const TELLTALE: &[&str] = &["attach", "secret", "passw", "pwd"];

/// Parts of the names of settings that hold a secret.
const SETTINGS: &[&str] = &["secret", "token", "credential", "access_key", "api_key"];

/// What stands before the name and the password in an address.
const ADDRESS: &str = "://";

/// A statement without its secrets.
pub struct Masked<'a> {
    /// Its text.
    pub text: Cow<'a, str>,
    /// Whether anything of it was masked, or stands for a secret that is bound to it.
    pub has_secret: bool,
}

/// A statement with `***` in the place of each value of CREATE SECRET, ATTACH, clauses of a password and settings that hold a
/// secret, and of what stands before the host in an address.
pub fn masked(sql: &str) -> Masked<'_> {
    let Masked { text, has_secret } = without_values(sql);
    match without_logins(&text) {
        None => Masked { text, has_secret },
        Some(text) => Masked { text: text.into(), has_secret: true },
    }
}

/// Whether a text may hold a secret: a quick answer, yes where that is open.
pub fn may_hold_secret(text: &str) -> bool {
    mentions(text, TELLTALE) || mentions(text, SETTINGS) || text.contains(ADDRESS)
}

/// A text with `***` for the name and the password of each address in it; none if there are none. A password that is not
/// encoded may have a slash, which ends what should hold it.
fn without_logins(text: &str) -> Option<String> {
    let (mut out, mut copied) = (String::new(), 0);
    for (at, _) in text.match_indices(ADDRESS) {
        let begin = at + ADDRESS.len();
        if begin < copied {
            continue;
        }
        let address = &text[begin..];
        let ends = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`');
        let address = &address[..address.find(ends).unwrap_or(address.len())];
        let authority = &address[..address.find(['/', '?', '#']).unwrap_or(address.len())];
        let login = authority.rfind('@').or_else(|| address.rfind('@').filter(|_| authority.contains(':')));
        if let Some(end) = login {
            out.push_str(&text[copied..begin]);
            out.push_str(HIDDEN);
            copied = begin + end;
        }
    }
    (copied > 0).then(|| out + &text[copied..])
}

fn without_values(sql: &str) -> Masked<'_> {
    if !mentions(sql, TELLTALE) && !mentions(sql, SETTINGS) {
        return Masked { text: sql.into(), has_secret: false };
    }
    let (mut out, mut copied, mut masking) = (String::with_capacity(sql.len()), 0, Masking::default());
    for (place, token) in tokens_in_place(sql) {
        if masking.hides(&token) {
            out.push_str(&sql[copied..place.start]);
            out.push_str(HIDDEN);
            copied = place.end;
        }
    }
    if copied == 0 {
        return Masked { text: sql.into(), has_secret: masking.binds };
    }
    out.push_str(&sql[copied..]);
    Masked { text: out.into(), has_secret: true }
}

/// What of the present statement is hidden.
#[derive(Debug, Default)]
struct Masking {
    hiding: Hiding,
    /// Whether only words that may stand between CREATE and SECRET have come since CREATE.
    creates: bool,
    /// Whether nothing has come of the statement yet, or SET, with a name at most.
    begins: Begins,
    /// Whether a parameter stood where a secret may stand.
    binds: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Begins {
    #[default]
    Anything,
    Setting,
    Nothing,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Hiding {
    #[default]
    Nothing,
    /// The value that comes next: a password was named.
    Next,
    /// Every literal and quoted name up to the end: a file or an address to attach.
    Literals,
    /// Every value up to the end, once the options of a secret, or the value of a setting begin; they may be bare words.
    Options { begun: bool },
}

impl Masking {
    /// Whether this token is hidden.
    fn hides(&mut self, token: &Token<'_>) -> bool {
        match token {
            Token::Symbol(';') => *self = Self { binds: self.binds, ..Self::default() },
            Token::Symbol('?') => self.binds |= self.hides_value(),
            Token::Symbol('(' | '=') if matches!(self.hiding, Hiding::Options { .. }) => {
                self.hiding = Hiding::Options { begun: true };
            }
            Token::Symbol('=') if self.begins == Begins::Setting => self.begins = Begins::Nothing,
            Token::Symbol(',' | ')') if self.hiding == Hiding::Next => self.hiding = Hiding::Nothing,
            Token::Symbol(_) => {}
            Token::Word { name, quoted } => return self.hides_word(name, *quoted),
            Token::Number(number) => {
                let (hides, is_bound) = (self.hides_value(), number.starts_with('$'));
                self.binds |= hides && is_bound;
                return hides && !is_bound;
            }
            // One inside the other, such as a statement in the text that a function takes.
            Token::Text(text) | Token::Dollar(text) | Token::Escaped(text) => {
                return self.hides_value() || mentions(text, TELLTALE);
            }
        }
        false
    }

    fn hides_value(&mut self) -> bool {
        match self.hiding {
            Hiding::Nothing => false,
            Hiding::Next => {
                self.hiding = Hiding::Nothing;
                true
            }
            Hiding::Literals => true,
            Hiding::Options { begun } => begun,
        }
    }

    fn hides_word(&mut self, name: &str, quoted: bool) -> bool {
        let name = name.to_ascii_lowercase();
        match self.hiding {
            Hiding::Options { begun: false } if name == "to" => {
                self.hiding = Hiding::Options { begun: true };
                return false;
            }
            Hiding::Options { begun } => return begun,
            Hiding::Literals => return quoted,
            Hiding::Next if quoted => return self.hides_value(),
            // As in `PASSWORD TO 'x'`.
            Hiding::Next if ["to", "is"].contains(&name.as_str()) => return false,
            Hiding::Next | Hiding::Nothing => self.hiding = Hiding::Nothing,
        }
        self.begins = match self.begins {
            Begins::Anything if ["set", "pragma"].contains(&name.as_str()) => Begins::Setting,
            Begins::Setting if name != "to" => Begins::Setting,
            _ => Begins::Nothing,
        };
        if self.begins == Begins::Setting && SETTINGS.iter().any(|part| name.contains(part)) {
            self.hiding = Hiding::Options { begun: false };
        } else if name == "attach" {
            self.hiding = Hiding::Literals;
        } else if name == "secret" && self.creates {
            self.hiding = Hiding::Options { begun: false };
        } else if ["passw", "pwd"].iter().any(|part| name.contains(part)) {
            self.hiding = Hiding::Next;
        }
        let between = ["or", "replace", "persistent", "temporary", "temp", "local"];
        self.creates = name == "create" || self.creates && between.contains(&name.as_str());
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("SELECT 'a', $1 FROM t", "SELECT 'a', $1 FROM t")]
    #[case("CREATE TABLE secret (a INT DEFAULT 'b')", "CREATE TABLE secret (a INT DEFAULT 'b')")]
    #[case("SELECT secret FROM t WHERE a = 'b'", "SELECT secret FROM t WHERE a = 'b'")]
    #[case(
        "create or replace persistent secret s (TYPE s3, KEY_ID 'AK', SECRET abc); SELECT 'x'",
        "create or replace persistent secret s (*** ***, *** ***, *** ***); SELECT 'x'"
    )]
    #[case("ATTACH 'postgres://u:pw@h/d' AS p (TYPE postgres)", "ATTACH *** AS p (TYPE postgres)")]
    #[case("attach IF NOT EXISTS $$host=h password=x$$ as \"p\"", "attach IF NOT EXISTS *** as ***")]
    #[case("ALTER USER u PASSWORD 'x' VALID UNTIL 'y'", "ALTER USER u PASSWORD *** VALID UNTIL 'y'")]
    #[case("SET http_proxy_password = 'x'", "SET http_proxy_password = ***")]
    #[case("SET password TO E'x\\'y'", "SET password TO ***")]
    #[case("FROM t WHERE Password='x' AND a = 'b'", "FROM t WHERE Password=*** AND a = 'b'")]
    #[case("SELECT password, 'b' FROM t", "SELECT password, 'b' FROM t")]
    #[case("SELECT * FROM query('ATTACH ''x''')", "SELECT * FROM query(***)")]
    #[case("SELECT 'pwd' || pwd, 1", "SELECT *** || pwd, 1")]
    #[case("/* attach */ SELECT 'é'", "/* attach */ SELECT 'é'")]
    #[case("ATTACH 'unterminated", "ATTACH ***")]
    #[case("SET s3_secret_access_key = 'x'", "SET s3_secret_access_key = ***")]
    #[case("set GLOBAL s3_session_token TO x", "set GLOBAL s3_session_token TO ***")]
    #[case(
        "PRAGMA s3_access_key_id='x' || 'y'; SELECT 'z'",
        "PRAGMA s3_access_key_id=*** || ***; SELECT 'z'"
    )]
    #[case(
        "SET VARIABLE api_key = 1; SELECT token FROM t",
        "SET VARIABLE api_key = ***; SELECT token FROM t"
    )]
    #[case("SET my.token TO 'x'", "SET my.token TO ***")]
    #[case("SET my.own = 'token'", "SET my.own = 'token'")]
    #[case("UPDATE t SET token = 'x'", "UPDATE t SET token = 'x'")]
    #[case("SET threads = 4 /* token */", "SET threads = 4 /* token */")]
    #[case("FROM 'postgres://u:p@h/d', 's3://b/a@b'", "FROM 'postgres://***@h/d', 's3://b/a@b'")]
    #[case("FROM \"http://u@h\" -- ftp://u:a/b@h x", "FROM \"http://***@h\" -- ftp://***@h x")]
    #[case("SELECT 'http://h:80/a', 'a@b'", "SELECT 'http://h:80/a', 'a@b'")]
    fn secrets_are_hidden_and_nothing_else(#[case] sql: &str, #[case] shown: &str) {
        assert_eq!(masked(sql).text, shown);
        assert_eq!(masked(sql).has_secret, sql != shown);
    }

    #[rstest]
    #[case("CREATE SECRET (TYPE s3, KEY_ID $1, SECRET $2)", true)]
    #[case("CREATE SECRET (TYPE s3, SECRET ?)", true)]
    #[case("SET s3_secret_access_key = $1", true)]
    #[case("ATTACH $1 AS p", true)]
    #[case("SELECT $1, secret FROM t WHERE a = ?", false)]
    fn a_parameter_may_be_a_secret(#[case] sql: &str, #[case] is_secret: bool) {
        assert_eq!(masked(sql).has_secret, is_secret);
    }

    proptest! {
        #[test]
        fn no_secret_survives_whatever_stands_around_it(
            before in "[ a-z0-9,()=]{0,20}",
            form in 0_usize..6,
            after in "[ a-z0-9;,()='$-]{0,20}",
        ) {
            let secret = "TopSecretValue";
            let clause = [
                format!("SET s3_session_token = '{secret}'"),
                format!("SELECT 'postgres://u:{secret}@h/d'"),
                format!("CREATE SECRET s (KEY_ID '{secret}')"),
                format!("ATTACH '{secret}' AS x"),
                format!("SET a_password = '{secret}'"),
                format!("CREATE SECRET (TYPE x, TOKEN {secret})"),
            ];
            let text = format!("{before};{};{after}", clause[form]);
            prop_assert!(!masked(&text).text.contains(secret), "{}", masked(&text).text);
        }

        #[test]
        fn any_text_can_be_masked(text in "\\PC{0,60}", inside in "\\PC{0,30}") {
            prop_assert!(may_hold_secret(&text) || masked(&text).text == text);
            masked(&format!("ATTACH {text} PASSWORD {inside}"));
        }
    }
}

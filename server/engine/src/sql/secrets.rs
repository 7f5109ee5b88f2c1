//! Secrets in the text of a statement, and the text without them (RJ-1).
//!
//! What a statement means is not decided here: whatever stands where a secret may stand is hidden, in a text that DuckDB
//! refuses as well. Hiding too much costs a reader a word.

use std::borrow::Cow;

use super::lexer::{Token, mentions, tokens_in_place};

/// What stands in a secret's place.
const HIDDEN: &str = "***";

/// Words without which a text holds no secret.
const TELLTALE: &[&str] = &["attach", "secret", "passw", "pwd"];

/// A statement with `***` in the place of each value of CREATE SECRET, ATTACH and clauses of a password.
pub fn masked(sql: &str) -> Cow<'_, str> {
    if !mentions(sql, TELLTALE) {
        return sql.into();
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
        return sql.into();
    }
    out.push_str(&sql[copied..]);
    out.into()
}

/// What of the present statement is hidden.
#[derive(Debug, Default)]
struct Masking {
    hiding: Hiding,
    /// Whether only words that may stand between CREATE and SECRET have come since CREATE.
    creates: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Hiding {
    #[default]
    Nothing,
    /// The value that comes next: a password was named.
    Next,
    /// Every literal and quoted name up to the end: a file or an address to attach.
    Literals,
    /// Every value up to the end, once the options of a secret begin; they may be bare words.
    Options { begun: bool },
}

impl Masking {
    /// Whether this token is hidden.
    fn hides(&mut self, token: &Token<'_>) -> bool {
        match token {
            Token::Symbol(';') => *self = Self::default(),
            Token::Symbol('(') if matches!(self.hiding, Hiding::Options { .. }) => {
                self.hiding = Hiding::Options { begun: true };
            }
            Token::Symbol(',' | ')') if self.hiding == Hiding::Next => self.hiding = Hiding::Nothing,
            Token::Symbol(_) => {}
            Token::Word { name, quoted } => return self.hides_word(name, *quoted),
            Token::Number(number) => return self.hides_value() && !number.starts_with('$'),
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
            Hiding::Options { begun } => return begun,
            Hiding::Literals => return quoted,
            Hiding::Next if quoted => return self.hides_value(),
            // As in `PASSWORD TO 'x'`.
            Hiding::Next if ["to", "is"].contains(&name.as_str()) => return false,
            Hiding::Next | Hiding::Nothing => self.hiding = Hiding::Nothing,
        }
        if name == "attach" {
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
    fn secrets_are_hidden_and_nothing_else(#[case] sql: &str, #[case] shown: &str) {
        assert_eq!(masked(sql), shown);
    }

    proptest! {
        #[test]
        fn no_secret_survives_whatever_stands_around_it(
            before in "[ a-z0-9,()=]{0,20}",
            form in 0_usize..4,
            after in "[ a-z0-9;,()='$-]{0,20}",
        ) {
            let secret = "TopSecretValue";
            let clause = [
                format!("CREATE SECRET s (KEY_ID '{secret}')"),
                format!("ATTACH '{secret}' AS x"),
                format!("SET a_password = '{secret}'"),
                format!("CREATE SECRET (TYPE x, TOKEN {secret})"),
            ];
            let text = format!("{before};{};{after}", clause[form]);
            prop_assert!(!masked(&text).contains(secret), "{}", masked(&text));
        }

        #[test]
        fn any_text_can_be_masked(text in "\\PC{0,60}", inside in "\\PC{0,30}") {
            masked(&text);
            masked(&format!("ATTACH {text} PASSWORD {inside}"));
        }
    }
}

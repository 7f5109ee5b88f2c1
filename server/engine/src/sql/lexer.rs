//! A lexer for DuckDB's SQL: enough to know where literals, quoted names and comments end.
//!
//! DuckDB's own parser decides what a text means. This lexer answers the questions that its C API cannot: how many
//! statements the user wrote (a PIVOT is expanded to several), and which names a settings statement mentions.

use std::ops::Range;

/// A piece of SQL text; blanks and comments are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token<'a> {
    /// An unquoted word or a quoted name, unescaped. Keywords are words too.
    Word {
        /// The name.
        name: String,
        /// Whether it was quoted, and so cannot be a keyword.
        quoted: bool,
    },
    /// A text literal `'…'`, in which a doubled quote stands for one.
    Text(&'a str),
    /// A text literal `$tag$…$tag$`, which means what it holds.
    Dollar(&'a str),
    /// A text literal `E'…'`, whose escapes are not resolved.
    Escaped(&'a str),
    /// A number, or a parameter such as `$1`.
    Number(&'a str),
    /// Any other character.
    Symbol(char),
}

impl Token<'_> {
    /// Whether this is the unquoted word `keyword`, in any case.
    pub fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self, Self::Word { name, quoted: false } if name.eq_ignore_ascii_case(keyword))
    }

    /// Whether this is the name `wanted`, quoted or not, in any case.
    pub fn is_name(&self, wanted: &str) -> bool {
        matches!(self, Self::Word { name, .. } if name.eq_ignore_ascii_case(wanted))
    }
}

/// Whether any of these words, in lower case, stands anywhere in a text, in any case: a quick test before its tokens are
/// looked at.
pub fn mentions(sql: &str, words: &[&str]) -> bool {
    let lower = sql.to_ascii_lowercase();
    words.iter().any(|word| memchr::memmem::find(lower.as_bytes(), word.as_bytes()).is_some())
}

/// How many statements a text holds.
pub fn count_statements(sql: &str) -> usize {
    statements(sql).len()
}

/// The statements of a text: parts that hold anything at all, each with the semicolon that ends it, and where it begins.
pub fn statements(sql: &str) -> Vec<(usize, &str)> {
    let mut lexer = Lexer { rest: sql };
    let (mut found, mut begin, mut inside) = (Vec::new(), 0, false);
    while let Some(token) = lexer.next() {
        let end = sql.len() - lexer.rest.len();
        match token {
            Token::Symbol(';') => {
                if std::mem::take(&mut inside) {
                    found.push((begin, &sql[begin..end]));
                }
                begin = end;
            }
            _ => inside = true,
        }
    }
    if inside {
        found.push((begin, &sql[begin..]));
    }
    found
}

/// The parameters that a statement names, as DuckDB identifies them: `$name` by its name, each `?` by its number.
pub fn parameters(sql: &str) -> Vec<String> {
    let (mut found, mut unnamed) = (Vec::new(), 0_usize);
    let mut tokens = tokens(sql).peekable();
    while let Some(token) = tokens.next() {
        match (token, tokens.peek()) {
            (Token::Symbol('?'), Some(Token::Number(number))) if !number.starts_with('$') => {
                found.push((*number).to_owned());
            }
            (Token::Symbol('?'), _) => {
                unnamed += 1;
                found.push(unnamed.to_string());
            }
            (Token::Number(name), _) => found.extend(name.strip_prefix('$').map(str::to_ascii_lowercase)),
            _ => {}
        }
    }
    found
}

/// A statement with its numbered parameters counted from one without gaps, and the number that each had: DuckDB's C API
/// binds no others. None where there are no gaps.
pub fn without_gaps(sql: &str) -> Option<(String, Vec<String>)> {
    let number = |name: &str| name.strip_prefix('$').and_then(|name| name.parse::<usize>().ok());
    let numbered = |token: Token<'_>| if let Token::Number(name) = token { number(name) } else { None };
    let given: std::collections::BTreeSet<usize> = tokens(sql).filter_map(numbered).collect();
    if given.iter().copied().eq(1..=given.len()) {
        return None;
    }
    let (mut text, mut copied) = (String::with_capacity(sql.len()), 0);
    let mut lexer = Lexer { rest: sql };
    while let Some(token) = lexer.next() {
        let Token::Number(name) = token else { continue };
        let Some(place) = number(name).and_then(|number| given.iter().position(|it| *it == number)) else {
            continue;
        };
        let end = sql.len() - lexer.rest.len();
        text.push_str(&sql[copied..end - name.len()]);
        text.push_str(&format!("${}", place + 1));
        copied = end;
    }
    text.push_str(&sql[copied..]);
    Some((text, given.into_iter().map(|number| number.to_string()).collect()))
}

/// The text of the first statement, without the semicolons around it.
pub fn first_statement(sql: &str) -> &str {
    let mut lexer = Lexer { rest: sql };
    let (mut text, mut inside) = (sql, false);
    loop {
        let before = lexer.rest;
        match lexer.next() {
            Some(Token::Symbol(';')) if inside => return &text[..text.len() - before.len()],
            Some(Token::Symbol(';')) => text = lexer.rest,
            Some(_) => inside = true,
            None => return text,
        }
    }
}

/// The statement that an EXPLAIN explains, its own words replaced by blanks. Everything else stays where it is: DuckDB
/// looks for quotes before it looks for comments, and would read another text from where a comment is cut off.
pub fn explained(sql: &str) -> String {
    let statement = first_statement(sql);
    let mut text = statement.as_bytes().to_vec();
    let mut lexer = Lexer { rest: statement };
    let (mut depth, mut opened) = (0_usize, 0);
    while let Some(token) = lexer.next() {
        let end = statement.len() - lexer.rest.len();
        let own = ["explain", "analyze", "analyse", "verbose"];
        match &token {
            Token::Symbol('(') => {
                depth += 1;
                if depth == 1 {
                    opened = end - 1;
                }
            }
            Token::Symbol(')') => {
                depth = depth.saturating_sub(1);
                text[opened..end].fill(b' ');
            }
            _ if depth > 0 => {}
            Token::Word { name, .. } if own.iter().any(|word| token.is_keyword(word)) => {
                text[end - name.len()..end].fill(b' ');
            }
            _ => break,
        }
    }
    // Whole tokens became blanks, so that this is still UTF-8.
    String::from_utf8(text).unwrap_or_default()
}

/// What stands behind the first tokens of a text, from the next one on.
pub fn behind(sql: &str, tokens: usize) -> &str {
    let mut lexer = Lexer { rest: sql };
    lexer.by_ref().take(tokens).for_each(drop);
    lexer.skip_blanks();
    lexer.rest
}

/// Whether a statement, explained or not, resets the setting of that name.
pub fn resets(sql: &str, setting: &str) -> bool {
    let explained = explained(sql);
    let mut tokens = tokens(&explained);
    let scope = |token: &Token<'_>| ["session", "local", "global"].iter().any(|word| token.is_keyword(word));
    tokens.next().is_some_and(|verb| verb.is_keyword("reset"))
        && tokens.find(|token| !scope(token)).is_some_and(|name| name.is_name(setting))
}

/// Whether a statement inserts literals and parameters and nothing else, so that it means the same whatever changes.
pub fn inserts_plain_values(sql: &str) -> bool {
    let mut tokens = tokens(sql);
    let plain = |token: Token<'_>| match &token {
        Token::Word { .. } => ["null", "true", "false", "default"].iter().any(|word| token.is_keyword(word)),
        _ => true,
    };
    tokens.next().is_some_and(|first| first.is_keyword("insert"))
        && tokens.any(|token| token.is_keyword("values"))
        && tokens.all(plain)
}

/// The tokens of a text, in order. Unterminated pieces end with the text.
pub fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    Lexer { rest: sql }
}

/// The tokens of a text, each with where it stands.
pub fn tokens_in_place(sql: &str) -> impl Iterator<Item = (Range<usize>, Token<'_>)> {
    let mut lexer = Lexer { rest: sql };
    std::iter::from_fn(move || {
        lexer.skip_blanks();
        let begin = sql.len() - lexer.rest.len();
        let token = lexer.next()?;
        Some((begin..sql.len() - lexer.rest.len(), token))
    })
}

struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks();
        let first = self.rest.chars().next()?;
        Some(match first {
            '\'' => Token::Text(self.quoted('\'', false)),
            '"' => Token::Word { name: self.quoted('"', false).replace("\"\"", "\""), quoted: true },
            'e' | 'E' if self.rest[1..].starts_with('\'') => {
                self.advance(1);
                Token::Escaped(self.quoted('\'', true))
            }
            '$' => self.dollar(),
            c if is_word_start(c) => {
                Token::Word { name: self.take_while(|c| is_word(c) || c == '$').to_owned(), quoted: false }
            }
            c if c.is_ascii_digit() => Token::Number(self.take_while(|c| is_word(c) || c == '.')),
            c => {
                self.advance(c.len_utf8());
                Token::Symbol(c)
            }
        })
    }
}

impl<'a> Lexer<'a> {
    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !keep(c)).unwrap_or(self.rest.len());
        self.advance(end)
    }

    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches(is_blank);
            if self.rest.starts_with("--") {
                self.take_while(|c| c != '\n' && c != '\r');
            } else if self.rest.starts_with("/*") {
                self.skip_block_comment();
            } else {
                return;
            }
        }
    }

    /// Block comments nest, as in PostgreSQL.
    fn skip_block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.advance(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.advance(2);
            } else {
                let Some(c) = self.rest.chars().next() else { return };
                self.advance(c.len_utf8());
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// The content of a quoted piece; a doubled quote, or a backslash where `escapes`, keeps it open.
    fn quoted(&mut self, quote: char, escapes: bool) -> &'a str {
        self.advance(1);
        let text = self.rest;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let doubled = c == quote && chars.peek().is_some_and(|(_, next)| *next == quote);
            if doubled || (escapes && c == '\\') {
                chars.next();
            } else if c == quote {
                self.advance(at + 1);
                return &text[..at];
            }
        }
        self.advance(text.len())
    }

    /// `$tag$ … $tag$`, or a parameter such as `$1` or `$name`.
    fn dollar(&mut self) -> Token<'a> {
        let tag_length = self.rest[1..].find(|c| !is_word(c)).map_or(self.rest.len(), |end| end + 1);
        let is_quote = self.rest[tag_length..].starts_with('$')
            && !self.rest[1..].starts_with(|c: char| c.is_ascii_digit());
        if !is_quote {
            return Token::Number(self.advance(tag_length));
        }
        let tag = self.advance(tag_length + 1);
        let text = self.rest;
        let end = text.find(tag).unwrap_or(text.len());
        self.advance(end + tag.len());
        Token::Dollar(&text[..end])
    }
}

/// What DuckDB takes for a blank; the Unicode ones are those that its parser replaces.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0C' | '\u{A0}' | '\u{2000}'..='\u{200B}')
        || matches!(c, '\u{202F}' | '\u{205F}' | '\u{2060}' | '\u{3000}' | '\u{FEFF}')
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (!c.is_ascii() && !is_blank(c))
}

fn is_word(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit()
}

#[cfg(test)]
#[path = "lexer_tests.rs"]
mod tests;

//! A Rust source as a flat list of tokens that know their line and whether they belong to a test.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// What a token is. Delimiters come as an opening and a closing token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Ident(String),
    Punct(char),
    Literal(String),
    Open(Delimiter),
    Close(Delimiter),
}

/// One token in its surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Counted from 1.
    pub(crate) line: usize,
    /// Inside an item that only tests compile.
    pub(crate) in_test: bool,
    /// Inside `#[…]`, doc comments included.
    pub(crate) in_attribute: bool,
    /// How many inline modules enclose it.
    pub(crate) module_depth: usize,
}

impl Token {
    /// Whether this is the identifier or keyword `name`.
    pub(crate) fn is_ident(&self, name: &str) -> bool {
        matches!(&self.kind, Kind::Ident(ident) if ident == name)
    }

    /// Whether this is the punctuation `mark`.
    pub(crate) fn is_punct(&self, mark: char) -> bool {
        self.kind == Kind::Punct(mark)
    }

    /// The identifier, if it is one.
    pub(crate) fn ident(&self) -> Option<&str> {
        match &self.kind {
            Kind::Ident(ident) => Some(ident),
            _ => None,
        }
    }
}

/// What a stretch of source inherits from what encloses it.
#[derive(Clone, Copy, Default)]
struct Context {
    in_test: bool,
    in_attribute: bool,
    module_depth: usize,
}

/// Flattens `stream`; everything is test code if `in_test`.
pub(crate) fn flatten(stream: TokenStream, in_test: bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    walk(stream, Context { in_test, ..Context::default() }, &mut tokens);
    tokens
}

fn walk(stream: TokenStream, context: Context, out: &mut Vec<Token>) {
    let mut test_item = false;
    let mut module_item = false;
    let mut hash = false;
    for tree in stream {
        let mut here = Context { in_test: context.in_test || test_item, ..context };
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let attribute = hash && group.delimiter() == Delimiter::Bracket;
                let body = group.delimiter() == Delimiter::Brace;
                here.in_attribute |= attribute;
                here.module_depth += usize::from(body && module_item);
                walk_group(&group, here, out);
                test_item = (test_item || attribute && marks_test(&group)) && !body;
                module_item &= !body;
            }
            TokenTree::Ident(ident) => {
                module_item |= ident == "mod";
                push(out, Kind::Ident(ident.to_string()), line, here);
            }
            TokenTree::Punct(punct) => {
                let ends_item = punct.as_char() == ';';
                push(out, Kind::Punct(punct.as_char()), line, here);
                test_item &= !ends_item;
                module_item &= !ends_item;
                // `#![…]` has a mark between the hash and the bracket.
                hash = punct.as_char() == '#' || hash && punct.as_char() == '!';
                continue;
            }
            TokenTree::Literal(literal) => push(out, Kind::Literal(literal.to_string()), line, here),
        }
        hash = false;
    }
}

fn walk_group(group: &Group, context: Context, out: &mut Vec<Token>) {
    push(out, Kind::Open(group.delimiter()), group.span_open().start().line, context);
    walk(group.stream(), context, out);
    push(out, Kind::Close(group.delimiter()), group.span_close().start().line, context);
}

fn push(out: &mut Vec<Token>, kind: Kind, line: usize, context: Context) {
    let Context { in_test, in_attribute, module_depth } = context;
    out.push(Token { kind, line, in_test, in_attribute, module_depth });
}

/// Whether an attribute makes its item test code: `cfg(test)`, `test`, `tokio::test`, `rstest` and the like.
fn marks_test(attribute: &Group) -> bool {
    let text = attribute.stream().to_string().replace(' ', "");
    let cfg_test = text.starts_with("cfg(") && text.contains("test") && !text.contains("not(");
    let name = text.split('(').next().unwrap_or_default();
    cfg_test || matches!(name.rsplit("::").next(), Some("test" | "rstest"))
}

//! A lint is silenced by `#[expect(…, reason = "…")]`: it says why, and it goes when the cause goes.

use proc_macro2::Delimiter;

use crate::token::{Kind, Token};
use crate::{Finding, Rule};

pub(crate) const RULE: Rule = Rule {
    name: "a lint silenced without a reason",
    why: "an `allow` outlives its cause in silence; an `expect` fails once it is not needed any more",
    fix: "write #[expect(lint, reason = \"…\")]",
    find: |source| {
        let tokens = &source.tokens;
        let starts = tokens.iter().enumerate().filter(|(at, token)| is_lint_attribute(tokens, *at, token));
        let bad = starts.filter(|(at, token)| token.is_ident("allow") || !has_reason(&tokens[*at..]));
        bad.map(|(_, token)| Finding::new(token.line, token.ident().unwrap_or_default())).collect()
    },
};

/// Whether the token is `expect(` or `allow(` as the name of an attribute, or within a `cfg_attr(…)`.
fn is_lint_attribute(tokens: &[Token], at: usize, token: &Token) -> bool {
    let opens = tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Open(Delimiter::Parenthesis));
    // `#[case::expect(…)]` is another attribute.
    let begins = at > 0 && !tokens[at - 1].is_punct(':');
    token.in_attribute && opens && begins && (token.is_ident("expect") || token.is_ident("allow"))
}

fn has_reason(tokens: &[Token]) -> bool {
    let inside = tokens.iter().take_while(|token| token.kind != Kind::Close(Delimiter::Parenthesis));
    inside.collect::<Vec<_>>().windows(2).any(|pair| pair[0].is_ident("reason") && pair[1].is_punct('='))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::rules::faults;

    #[rstest]
    #[case::allow("#[allow(dead_code, reason = \"x\")] fn f() {}")]
    #[case::inner_allow("#![allow(dead_code)] fn f() {}")]
    #[case::expect_without_reason("#[expect(dead_code)] fn f() {}")]
    #[case::conditional("#[cfg_attr(test, allow(dead_code))] fn f() {}")]
    #[case::reason_of_another("#[expect(dead_code)] #[expect(unused, reason = \"x\")] fn f() {}")]
    fn a_silent_exception_is_found(#[case] text: &str) {
        assert_eq!(faults(&RULE, "server/src/x.rs", text), [1]);
    }

    #[rstest]
    #[case::expect("#[expect(dead_code, reason = \"x\")] fn f() {}")]
    #[case::other_attribute("#[case::expect(1)] fn f() {}")]
    #[case::method("fn f() { g().expect(\"x\"); }")]
    fn a_reasoned_one_is_left_alone(#[case] text: &str) {
        assert_eq!(faults(&RULE, "server/src/x.rs", text), [0; 0]);
    }
}

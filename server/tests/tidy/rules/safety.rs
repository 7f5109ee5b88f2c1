//! Every unsafe block says why it is sound.

use proc_macro2::Delimiter;

use crate::token::Kind;
use crate::{Finding, Rule};

pub(crate) const RULE: Rule = Rule {
    name: "unsafe without SAFETY",
    why: "the compiler cannot check an unsafe block, so the next reader has to: tell them what to check",
    fix: "put `// SAFETY: …` directly above it, naming the C contract and why it holds here",
    find: |source| {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        let unsafes = source.tokens.windows(2).filter(|pair| {
            let opens = pair[1].kind == Kind::Open(Delimiter::Brace) || pair[1].is_ident("impl");
            pair[0].is_ident("unsafe") && opens && !pair[0].in_attribute
        });
        let bare = unsafes.filter(|pair| !is_explained(&lines, pair[0].line));
        bare.map(|pair| Finding::new(pair[0].line, "no SAFETY comment above")).collect()
    },
};

/// Whether the statement that reaches `line` (counted from 1) has a SAFETY comment on it or directly above it.
fn is_explained(lines: &[&str], line: usize) -> bool {
    let above = lines[..line - 1].iter().rev();
    let mut statement = above.take_while(|text| text.starts_with("//") || continues(text));
    lines[line - 1].contains("// SAFETY:") || statement.any(|text| text.starts_with("// SAFETY:"))
}

/// Whether the statement goes on below this line.
fn continues(line: &str) -> bool {
    !line.is_empty() && !line.ends_with([';', '{', '}', ','])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::rules::faults;

    #[rstest]
    #[case::bare("fn f() {\n    unsafe { g() }\n}", 2)]
    #[case::comment_of_another("fn f() {\n    // SAFETY: x\n    unsafe { g() };\n    unsafe { g() }\n}", 4)]
    #[case::other_comment("fn f() {\n    // quick\n    unsafe { g() }\n}", 3)]
    #[case::implementation("unsafe impl Send for S {}", 1)]
    fn an_unexplained_unsafe_is_found(#[case] text: &str, #[case] line: usize) {
        assert_eq!(faults(&RULE, "server/src/engine/duck/x.rs", text), [line]);
    }

    #[rstest]
    #[case::above("fn f() {\n    // SAFETY: x\n    // goes on\n    unsafe { g() }\n}")]
    #[case::above_the_statement("fn f() {\n    // SAFETY: x\n    let y =\n        unsafe { g() };\n}")]
    #[case::same_line("fn f() {\n    unsafe { g() } // SAFETY: x\n}")]
    #[case::attribute_between("// SAFETY: x\n#[rustfmt::skip]\nunsafe impl Send for S {}")]
    #[case::unsafe_fn("unsafe fn f() {}")]
    fn an_explained_unsafe_is_left_alone(#[case] text: &str) {
        assert_eq!(faults(&RULE, "server/src/engine/duck/x.rs", text), [0; 0]);
    }
}

//! Nothing outside tests panics on purpose or prints past the log.

use crate::source::Source;
use crate::token::{Kind, Token};
use crate::{Finding, Rule};

const METHODS: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];
const PANICKING: [&str; 4] = ["panic", "todo", "unimplemented", "unreachable"];
const PRINTING: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

pub(crate) const PANICS: Rule = Rule {
    name: "a panic outside tests",
    why: "one user's request must never end a server that others are using",
    fix: "return an Error with `?`, or make the impossible state unsayable with a type",
    find: |source| {
        let mut found = macro_calls(source, &PANICKING);
        found.extend(method_calls(source));
        found
    },
};

pub(crate) const PRINTS: Rule = Rule {
    name: "printing past the log",
    why: "launchers parse standard output (FX-1), and a line of `tracing` carries its level and span",
    fix: "use tracing, or write to a handle that the caller passes",
    find: |source| if source.is_of_server() { macro_calls(source, &PRINTING) } else { Vec::new() },
};

fn production(source: &Source) -> Vec<&Token> {
    let all = source.tokens.iter().filter(|token| source.is_production() && !token.in_test);
    all.filter(|token| !token.in_attribute).collect()
}

fn macro_calls(source: &Source, names: &[&str]) -> Vec<Finding> {
    let tokens = production(source);
    let calls = tokens.windows(2).filter(|pair| pair[1].is_punct('!'));
    let named = calls.filter_map(|pair| pair[0].ident().map(|name| (pair[0].line, name)));
    named
        .filter(|(_, name)| names.contains(name))
        .map(|(line, name)| Finding::new(line, format!("{name}!")))
        .collect()
}

fn method_calls(source: &Source) -> Vec<Finding> {
    let tokens = production(source);
    let calls =
        tokens.windows(3).filter(|three| three[0].is_punct('.') && matches!(three[2].kind, Kind::Open(_)));
    let named = calls.filter_map(|three| three[1].ident().map(|name| (three[1].line, name)));
    named
        .filter(|(_, name)| METHODS.contains(name))
        .map(|(line, name)| Finding::new(line, format!(".{name}()")))
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::rules::faults;

    const PATH: &str = "server/engine/src/session.rs";

    #[rstest]
    #[case::unwrap(PANICS, PATH, "fn f() { g().unwrap(); }")]
    #[case::expect(PANICS, PATH, "fn f() { g()\n.expect(\"x\"); }")]
    #[case::panic(PANICS, PATH, "fn f() { panic!(\"x\"); }")]
    #[case::nested_in_a_macro(PANICS, PATH, "fn f() { info!(g().unwrap()); }")]
    #[case::todo(PANICS, "conformance/src/lib.rs", "fn f() { todo!() }")]
    #[case::println(PRINTS, PATH, "fn f() { println!(\"x\"); }")]
    #[case::eprintln(PRINTS, "server/src/main.rs", "fn f() { eprintln!(\"x\"); }")]
    fn a_panic_or_print_is_found(#[case] rule: Rule, #[case] path: &str, #[case] text: &str) {
        assert_eq!(faults(&rule, path, text).len(), 1);
    }

    #[rstest]
    #[case::in_a_test(PANICS, PATH, "#[test] fn f() { g().unwrap(); panic!(); }")]
    #[case::in_a_test_module(PANICS, PATH, "#[cfg(test)] mod tests { fn f() { g().expect(\"x\"); } }")]
    #[case::in_an_integration_test(PANICS, "server/tests/start.rs", "fn f() { g().unwrap(); }")]
    #[case::unwrap_or(PANICS, PATH, "fn f() { g().unwrap_or(1); }")]
    #[case::lint_expectation(PANICS, PATH, "#[expect(dead_code, reason = \"x\")] fn f() {}")]
    #[case::conformance_prints_reports(PRINTS, "conformance/src/main.rs", "fn f() { println!(\"x\"); }")]
    fn the_lawful_is_left_alone(#[case] rule: Rule, #[case] path: &str, #[case] text: &str) {
        assert_eq!(faults(&rule, path, text), [0; 0]);
    }
}

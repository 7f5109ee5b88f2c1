//! Files and functions small enough to be read at once.

use proc_macro2::Delimiter;

use crate::source::Source;
use crate::token::{Kind, Token};
use crate::{Finding, Rule};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 50;

pub(crate) const FILES: Rule = Rule {
    name: "a file over 400 lines",
    why: "a file is one idea; most are near 150 lines",
    fix: "split it where its second idea begins",
    find: |source| match source.text.lines().count() {
        lines if lines > FILE_LINES => vec![Finding::new(FILE_LINES + 1, format!("{lines} lines"))],
        _ => Vec::new(),
    },
};

pub(crate) const FUNCTIONS: Rule = Rule {
    name: "a function over 50 lines",
    why: "a function is one step; most are near 15 lines",
    fix: "name its parts as functions of their own",
    find: |source| {
        let starts = (0..source.tokens.len()).filter_map(|at| function(source, at));
        let long = starts.filter(|(_, _, lines)| *lines > FUNCTION_LINES);
        long.map(|(line, name, lines)| Finding::new(line, format!("fn {name} has {lines} lines"))).collect()
    },
};

/// The line, the name and the length in lines of the function whose `fn` is at `at`, signature included.
fn function(source: &Source, at: usize) -> Option<(usize, &str, usize)> {
    let tokens = &source.tokens[at..];
    if !tokens[0].is_ident("fn") || tokens[0].in_attribute {
        return None;
    }
    let name = tokens.get(1)?.ident()?;
    let end = body_end(tokens)?;
    Some((tokens[0].line, name, end + 1 - tokens[0].line))
}

/// The line of the closing brace of the first brace pair; none if a `;` comes first at that depth.
fn body_end(tokens: &[Token]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_body = false;
    for token in tokens {
        match token.kind {
            Kind::Punct(';') if depth == 0 => return None,
            Kind::Open(delimiter) => {
                in_body |= depth == 0 && delimiter == Delimiter::Brace;
                depth += 1;
            }
            Kind::Close(_) => {
                depth = depth.checked_sub(1)?;
                if in_body && depth == 0 {
                    return Some(token.line);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::faults;

    const PATH: &str = "server/src/x.rs";

    fn function_of(body_lines: usize) -> String {
        format!("const A: u8 = 1;\nfn f() {{\n{}}}\n", "    g();\n".repeat(body_lines))
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(faults(&FILES, PATH, &"fn f() {}\n".repeat(401)), [401]);
        assert_eq!(faults(&FILES, PATH, &"fn f() {}\n".repeat(400)), [0; 0]);
    }

    #[test]
    fn a_long_function_is_found() {
        assert_eq!(faults(&FUNCTIONS, PATH, &function_of(49)), [2]);
        assert_eq!(faults(&FUNCTIONS, PATH, &function_of(48)), [0; 0]);
    }

    #[test]
    fn a_signature_without_body_has_no_length() {
        let text = format!("trait T {{ fn f(&self);\n{}fn g(&self); }}", "type A;\n".repeat(60));
        assert_eq!(faults(&FUNCTIONS, PATH, &text), [0; 0]);
    }

    #[test]
    fn methods_are_measured_too() {
        let text = format!("impl S {{\n{}}}", function_of(60));
        assert_eq!(faults(&FUNCTIONS, PATH, &text), [3]);
    }
}

//! Every module opens with its purpose.

use crate::{Finding, Rule};

pub(crate) const RULE: Rule = Rule {
    name: "a module without its purpose",
    why: "the first line of a file tells a reader whether to read on",
    fix: "begin the file with a `//!` sentence that says what the module is for",
    find: |source| {
        let silent = source.is_production() && !source.text.starts_with("//! ");
        if silent { vec![Finding::new(1, "no `//!` at the top")] } else { Vec::new() }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::faults;

    #[test]
    fn a_silent_module_is_found() {
        assert_eq!(faults(&RULE, "server/src/x.rs", "// not a doc\nfn f() {}"), [1]);
        assert_eq!(faults(&RULE, "server/src/x.rs", "//! Purpose.\nfn f() {}"), [0; 0]);
        assert_eq!(faults(&RULE, "server/tests/start.rs", "fn f() {}"), [0; 0]);
    }
}

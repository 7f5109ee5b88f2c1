//! One meaning for each type's name.

use std::collections::BTreeMap;

use crate::source::Source;

/// Crates whose types have names of their own.
const CRATES: [&str; 3] = ["server", "server/engine", "server/duck"];

/// What every module may call its own.
const COMMON: [&str; 1] = ["Result"];

/// A type: its name, its file and line, and whether other crates see it.
struct Declared<'a> {
    name: &'a str,
    place: String,
    is_public: bool,
}

/// The names that mean two things in a crate, or another in the server than in what the engine shows.
pub(crate) fn clashes(sources: &[Source]) -> Vec<String> {
    let types = |member: &str| -> Vec<Declared<'_>> {
        let files = sources.iter().filter(|source| source.is_in(member, &[]) && source.is_production());
        files.flat_map(declared).collect()
    };
    let engine: Vec<_> = types("server/engine").into_iter().filter(|declared| declared.is_public).collect();
    let mut clashes = Vec::new();
    for member in CRATES {
        let mut seen: BTreeMap<&str, String> = BTreeMap::new();
        if member == "server" {
            seen.extend(engine.iter().map(|declared| (declared.name, declared.place.clone())));
        }
        for Declared { name, place, .. } in types(member) {
            if let Some(other) = seen.insert(name, place.clone()) {
                clashes.push(format!(
                    "{place}: the type {name} is also one of {other}\n    why: a name with two meanings has to be looked up \
                     each time\n    fix: call it by what sets it apart"
                ));
            }
        }
    }
    clashes
}

/// The types of a file, as rustfmt lays them out: those inside others are indented.
fn declared(file: &Source) -> Vec<Declared<'_>> {
    let numbered = (1..).zip(file.text.lines()).take_while(|(_, line)| *line != "mod tests {");
    let types = numbered.filter_map(|(line, text)| {
        let (is_public, rest) = match text.strip_prefix("pub") {
            Some(rest) if rest.starts_with('(') => (false, rest.split_once(") ")?.1),
            Some(rest) => (true, rest.strip_prefix(' ')?),
            None => (false, text),
        };
        let (keyword, rest) = rest.split_once(' ')?;
        let is_type = matches!(keyword, "struct" | "enum" | "trait" | "union" | "type");
        let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
        (is_type && !COMMON.contains(&name)).then(|| Declared {
            name,
            place: format!("{}:{line}", file.path),
            is_public,
        })
    });
    types.collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn found(files: &[(&str, &str)]) -> usize {
        let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
        clashes(&sources).len()
    }

    #[rstest]
    #[case::in_a_crate(&[("server/engine/src/a.rs", "struct State;"), ("server/engine/src/b.rs", "pub(super) enum State {}")])]
    #[case::with_the_engine(&[("server/engine/src/a.rs", "pub struct Call;"), ("server/src/b.rs", "type Call<'a> = &'a str;")])]
    fn a_clash_is_found(#[case] files: &[(&str, &str)]) {
        assert_eq!(found(files), 1);
    }

    #[rstest]
    #[case::in_two_crates(&[("server/engine/src/a.rs", "struct State;"), ("server/src/b.rs", "struct State;")])]
    #[case::in_tests(&[("server/src/a.rs", "struct S;"), ("server/src/b.rs", "#[cfg(test)]\nmod tests {\nstruct S;\n}")])]
    #[case::results(&[("server/src/a.rs", "type Result<T> = T;"), ("server/src/b.rs", "type Result<T> = T;")])]
    #[case::inside_another(&[("server/src/a.rs", "impl X for Y {\n    type Item = u8;\n}"), ("server/src/b.rs", "struct Item;")])]
    fn the_lawful_is_left_alone(#[case] files: &[(&str, &str)]) {
        assert_eq!(found(files), 0);
    }
}

//! Which way knowledge goes between the files of a crate: never in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;

/// The crates without circles.
const CRATES: [&str; 1] = ["server/engine"];

/// How many re-exports lead from a path to what it names.
const LONGEST_WAY: usize = 8;

/// A file by its place in the crate: `session/turn.rs` is `["session", "turn"]`.
type Module = Vec<String>;

/// Which modules each module names.
type Graph = BTreeMap<Module, BTreeSet<Module>>;

/// The circles of files that name one another.
pub(crate) fn circles(sources: &[Source]) -> Vec<String> {
    let found = CRATES.iter().flat_map(|member| {
        let files: Vec<&Source> =
            sources.iter().filter(|source| source.is_in(member, &[]) && source.is_production()).collect();
        let graph = graph(&files);
        let circle = circle(&graph);
        circle.map(|circle| {
            format!(
                "{member}: files know one another in a circle: {circle}\n    why: what is in a circle can be read, tested \
                 and changed only as a whole\n    fix: move what both need into a file that names neither"
            )
        })
    });
    found.collect()
}

fn graph(files: &[&Source]) -> Graph {
    let modules: BTreeSet<Module> = files.iter().map(|file| module(file)).collect();
    let exports: BTreeMap<(Module, String), Vec<String>> =
        files.iter().flat_map(|file| exports(file)).collect();
    let mut graph = Graph::new();
    for file in files {
        let own = module(file);
        let public = public_uses(file);
        // What a folder's mod.rs shows of its files is no knowledge of its own.
        let shows = |line: usize| public.iter().any(|lines| lines.contains(&line));
        for path in file.paths().into_iter().filter(|path| !path.in_test && !shows(path.line)) {
            let inside = match path.segments.split_first() {
                Some((first, rest)) if first == "crate" && !rest.is_empty() => rest.to_vec(),
                _ if path.segments.len() > 1
                    && modules.contains(&[&own[..], &path.segments[..1]].concat()) =>
                {
                    [&own[..], &path.segments[..]].concat()
                }
                _ => continue,
            };
            let named = resolve(&inside, &modules, &exports);
            if named != own {
                graph.entry(own.clone()).or_default().insert(named);
            }
        }
    }
    graph
}

fn module(file: &Source) -> Module {
    file.module().into_iter().map(str::to_owned).collect()
}

/// The module that a path below `crate` leads to.
fn resolve(
    path: &[String],
    modules: &BTreeSet<Module>,
    exports: &BTreeMap<(Module, String), Vec<String>>,
) -> Module {
    let mut path = path.to_vec();
    for _ in 0..LONGEST_WAY {
        let depth = (0..=path.len()).rev().find(|depth| modules.contains(&path[..*depth])).unwrap_or(0);
        let Some(name) = path.get(depth) else { break };
        match exports.get(&(path[..depth].to_vec(), name.clone())) {
            Some(origin) => path = [&origin[..], &path[depth + 1..]].concat(),
            None => path.truncate(depth),
        }
    }
    path
}

/// What a file shows of others, by name: the path below `crate` that each stands for.
fn exports(file: &Source) -> Vec<((Module, String), Vec<String>)> {
    let public = public_uses(file);
    let shown = file.paths().into_iter().filter(|path| public.iter().any(|lines| lines.contains(&path.line)));
    let own = module(file);
    let inside = shown.filter_map(|path| match path.segments.split_first()? {
        (first, rest) if first == "crate" => Some(rest.to_vec()),
        _ if path.segments.len() > 1 => Some([&own[..], &path.segments[..]].concat()),
        _ => None,
    });
    inside.filter_map(|path| Some(((own.clone(), path.last()?.clone()), path))).collect()
}

/// The lines of each `pub use`, as rustfmt lays them out.
fn public_uses(file: &Source) -> Vec<std::ops::RangeInclusive<usize>> {
    let mut found = Vec::new();
    let mut begun = None;
    for (line, text) in (1..).zip(file.text.lines()) {
        if text.starts_with("pub") && text.contains(" use ") {
            begun = Some(line);
        }
        if text.ends_with(';') {
            found.extend(begun.take().map(|first| first..=line));
        }
    }
    found
}

/// One circle, as its files in order.
fn circle(graph: &Graph) -> Option<String> {
    let mut done = BTreeSet::new();
    for start in graph.keys() {
        if let Some(way) = walk(start, graph, &mut Vec::new(), &mut done) {
            let names: Vec<String> = way.iter().map(|module| format!("/{}", module.join("/"))).collect();
            return Some(names.join(" → "));
        }
    }
    None
}

fn walk(
    at: &Module,
    graph: &Graph,
    way: &mut Vec<Module>,
    done: &mut BTreeSet<Module>,
) -> Option<Vec<Module>> {
    if let Some(first) = way.iter().position(|module| module == at) {
        return Some([&way[first..], std::slice::from_ref(at)].concat());
    }
    if done.contains(at) {
        return None;
    }
    way.push(at.clone());
    let found = graph.get(at).into_iter().flatten().find_map(|next| walk(next, graph, way, done));
    way.pop();
    done.insert(at.clone());
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source::new(&format!("server/engine/src/{path}"), text))
            .collect();
        circles(&sources)
    }

    #[rstest]
    #[case::two(&[("a.rs", "use crate::b::B;"), ("b.rs", "fn f(_: super::a::A) {}")])]
    #[case::three(&[("a.rs", "use super::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "use crate::a::A;")])]
    #[case::through_a_re_export(&[
        ("m/mod.rs", "mod a;\npub(crate) use a::A;"),
        ("m/a.rs", "use crate::b::B;"),
        ("b.rs", "use crate::m::A;")
    ])]
    #[case::with_the_folder_itself(&[("m/mod.rs", "mod a;\nstruct S(a::A);"), ("m/a.rs", "use super::S;")])]
    fn a_circle_is_found(#[case] files: &[(&str, &str)]) {
        assert_eq!(found(files).len(), 1, "{:?}", found(files));
    }

    #[rstest]
    #[case::one_way(&[("a.rs", "use crate::b::B;"), ("b.rs", "use std::fmt;")])]
    #[case::shown_by_the_folder(&[("m/mod.rs", "mod a;\nmod b;\npub use a::A;"), ("m/a.rs", ""), ("m/b.rs", "use super::A;")])]
    #[case::in_a_test(&[("a.rs", "use crate::b::B;"), ("b.rs", "#[cfg(test)] use crate::a::A;")])]
    fn the_lawful_is_left_alone(#[case] files: &[(&str, &str)]) {
        assert_eq!(found(files), [""; 0]);
    }
}

//! The sources of the workspace: where each file is, its text, its tokens, and the paths that it names.

use std::path::{Path, PathBuf};
use std::{env, fs};

use proc_macro2::{Delimiter, TokenStream};

use crate::token::{Kind, Token, flatten};

/// One Rust file.
pub(crate) struct Source {
    /// Relative to the workspace, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
    /// Whether only tests compile it.
    is_test: bool,
}

/// A path such as `crate::engine::Session`, one per leaf of a `use` tree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    /// Its segments; `self` and `super` are resolved to `crate` wherever the path belongs to this crate.
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    pub(crate) in_test: bool,
}

impl NamedPath {
    /// Whether the path begins with `prefix`.
    pub(crate) fn starts_with(&self, prefix: &[&str]) -> bool {
        self.segments.len() >= prefix.len() && self.segments.iter().zip(prefix).all(|(a, b)| a == b)
    }
}

impl Source {
    /// Reads `text` as the file at `path`.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let stream: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: not Rust: {error}"));
        let is_test = !path.contains("/src/");
        Self { path: path.to_owned(), text: text.to_owned(), tokens: flatten(stream, is_test), is_test }
    }

    /// Whether the file belongs to a library or binary, rather than to its tests or its build script.
    pub(crate) fn is_production(&self) -> bool {
        !self.is_test
    }

    /// Says that the file is a module which only tests compile.
    pub(crate) fn mark_as_test(&mut self) {
        self.is_test = true;
        self.tokens.iter_mut().for_each(|token| token.in_test = true);
    }

    /// The files, without their `.rs`, of the modules that this one declares for tests only.
    pub(crate) fn test_modules(&self) -> Vec<String> {
        let own = self.path.trim_end_matches(".rs");
        let folder = ["/mod", "/lib", "/main"].iter().find_map(|root| own.strip_suffix(root)).unwrap_or(own);
        let tokens = &self.tokens;
        let ends = |at: usize| tokens.get(at + 2).is_some_and(|token| token.is_punct(';'));
        let declared =
            (0..tokens.len()).filter(|at| tokens[*at].in_test && tokens[*at].is_ident("mod") && ends(*at));
        let file = |at: usize| match self.path_attribute(at) {
            Some(path) => Some(format!("{}/{path}", self.path.rsplit_once('/')?.0)),
            None => Some(format!("{folder}/{}", tokens[at + 1].ident()?)),
        };
        declared.filter_map(file).collect()
    }

    /// The `#[path = "…"]`, without its `.rs`, among the attributes right before the token at `at`.
    fn path_attribute(&self, at: usize) -> Option<&str> {
        let before = self.tokens[..at].iter().rev();
        let mut attributes = before.take_while(|token| token.in_attribute || token.is_punct('#'));
        let literal = attributes.find_map(|token| match &token.kind {
            Kind::Literal(text) if text.ends_with(".rs\"") => Some(text),
            _ => None,
        });
        literal.map(|text| text.trim_matches('"').trim_end_matches(".rs"))
    }

    /// The module this file is, below its crate: `server/engine/src/sql/lexer.rs` is `["sql", "lexer"]`.
    pub(crate) fn module(&self) -> Vec<&str> {
        let Some((_, inside)) = self.path.split_once("/src/") else { return Vec::new() };
        let inside = inside.trim_end_matches(".rs");
        inside.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).collect()
    }

    /// Whether this file is in the module `module`, or below it, of the crate in the folder `member`.
    pub(crate) fn is_in(&self, member: &str, module: &[&str]) -> bool {
        let inside = self.path.strip_prefix(member).and_then(|rest| rest.strip_prefix("/src/"));
        inside.is_some() && self.module().starts_with(module)
    }

    /// Whether this file belongs to the server, its engine or its wrapper of DuckDB.
    pub(crate) fn is_of_server(&self) -> bool {
        ["server", "server/engine", "server/duck"].iter().any(|member| self.is_in(member, &[]))
    }

    /// Every path that the file names, outside and inside macros.
    pub(crate) fn paths(&self) -> Vec<NamedPath> {
        let mut paths = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            at = self.read_path(at, &[], &mut paths);
        }
        paths
    }

    /// Reads the path at `at` below `prefix`, or steps over one token.
    fn read_path(&self, at: usize, prefix: &[String], paths: &mut Vec<NamedPath>) -> usize {
        let Some(first) = self.tokens[at].ident() else { return at + 1 };
        let Token { line, in_test, module_depth, .. } = self.tokens[at];
        let mut segments = [prefix, &[first.to_owned()]].concat();
        let mut next = at + 1;
        while self.is_path_separator(next) {
            match self.tokens.get(next + 2).map(|token| &token.kind) {
                Some(Kind::Ident(name)) => segments.push(name.clone()),
                Some(Kind::Open(Delimiter::Brace)) => return self.read_tree(next + 3, &segments, paths),
                _ => break,
            }
            next += 3;
        }
        paths.push(NamedPath { segments: self.resolve(&segments, module_depth), line, in_test });
        next
    }

    /// Reads the members of a `use` tree up to its closing brace.
    fn read_tree(&self, mut at: usize, prefix: &[String], paths: &mut Vec<NamedPath>) -> usize {
        while at < self.tokens.len() && self.tokens[at].kind != Kind::Close(Delimiter::Brace) {
            at = self.read_path(at, prefix, paths);
        }
        at + 1
    }

    fn is_path_separator(&self, at: usize) -> bool {
        let colon = |at: usize| self.tokens.get(at).is_some_and(|token| token.is_punct(':'));
        colon(at) && colon(at + 1)
    }

    fn resolve(&self, segments: &[String], module_depth: usize) -> Vec<String> {
        let relative = segments.iter().take_while(|name| *name == "self" || *name == "super").count();
        if relative == 0 || relative == segments.len() && segments.len() == 1 {
            return segments.to_vec();
        }
        let mut module: Vec<String> = self.module().into_iter().map(str::to_owned).collect();
        module.extend(std::iter::repeat_n("_".to_owned(), module_depth));
        let up = segments[..relative].iter().filter(|name| *name == "super").count();
        module.truncate(module.len().saturating_sub(up));
        [&["crate".to_owned()], &module[..], &segments[relative..]].concat()
    }
}

/// Every Rust file of the workspace's crates.
pub(crate) fn workspace() -> Vec<Source> {
    let root = root();
    let mut files = Vec::new();
    for member in ["server", "conformance", "python"] {
        collect(&root.join(member), &mut files);
    }
    files.sort();
    let mut sources: Vec<Source> = files.iter().map(|file| read(&root, file)).collect();
    let tests: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    let is_test = |path: &str| tests.iter().any(|test| is_module(path, test));
    sources.iter_mut().filter(|source| is_test(&source.path)).for_each(Source::mark_as_test);
    sources
}

/// Whether `path` is the file of `module` (its path without `.rs`) or below it.
fn is_module(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR for tests");
    Path::new(&manifest).parent().expect("server/ is inside the workspace").to_owned()
}

fn read(root: &Path, file: &Path) -> Source {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let relative = file.strip_prefix(root).expect("found below the root");
    Source::new(&relative.to_string_lossy().replace('\\', "/"), &text)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("a readable folder").path()) {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden && !path.ends_with("target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(path: &str, text: &str) -> Vec<String> {
        Source::new(path, text).paths().into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn use_trees_are_flattened() {
        let found = paths("server/src/lib.rs", "use crate::{a::B, c::{self, D}}; use e;");
        assert_eq!(found, ["use", "crate::a::B", "crate::c::self", "crate::c::D", "use", "e"]);
    }

    #[test]
    fn relative_paths_are_resolved() {
        let text =
            "type A = super::auth::A; type S = self::S; mod tests { type B = super::super::super::x::B; }";
        let found = paths("server/src/flight/statement.rs", text);
        for expected in ["crate::flight::auth::A", "crate::flight::statement::S", "crate::x::B"] {
            assert!(found.iter().any(|path| path == expected), "{expected} not in {found:?}");
        }
    }

    #[test]
    fn a_module_for_tests_is_a_test_file() {
        let text = "mod a; #[cfg(test)] mod tests; #[cfg(test)] mod probe { fn f() {} }";
        let of_folder = Source::new("server/src/engine/mod.rs", text).test_modules();
        assert_eq!(of_folder, ["server/src/engine/tests"]);
        let of_file = Source::new("server/src/engine.rs", text).test_modules();
        assert_eq!(of_file, of_folder);
        let text = "#[cfg(test)] #[path = \"x_tests.rs\"] mod tests;";
        assert_eq!(Source::new("server/src/x.rs", text).test_modules(), ["server/src/x_tests"]);
        assert!(is_module("server/src/engine/tests.rs", &of_file[0]));
        assert!(is_module("server/src/engine/tests/ingest.rs", &of_file[0]));
        assert!(!is_module("server/src/engine/tests_of_it.rs", &of_file[0]));
    }

    #[test]
    fn test_items_are_told_from_production_code() {
        let text = "fn a() {} #[cfg(test)] mod tests { fn b() {} } fn c() {} #[tokio::test] async fn d() {} \
                    #[cfg(not(test))] fn e() {} #[cfg(test)] use f; fn g() {}";
        let source = Source::new("server/src/x.rs", text);
        let production =
            |name: &str| source.tokens.iter().any(|token| token.is_ident(name) && !token.in_test);
        let found: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].map(production).into();
        assert_eq!(found, [true, false, true, false, true, false, true]);
    }
}

//! Who may name whom inside a crate. Between crates, Cargo holds the direction: server → engine → duck.

use crate::source::{NamedPath, Source};
use crate::{Finding, Rule};

/// What is in the folder of the doors and is none of them.
const SHARED: [&str; 10] =
    ["arrow_ipc", "calls", "connections", "faults", "health", "http", "list", "listeners", "metrics", "tls"];

pub(crate) const PROTOCOLS: Rule = Rule {
    name: "a protocol names another",
    why: "each door can be read, changed and removed alone only while none of them knows the others",
    fix: "move what they share into the engine, or into doors/http",
    find: |source| {
        let module = source.module();
        let ["doors", own, ..] = module[..] else { return Vec::new() };
        if !source.is_in("server", &[]) || SHARED.contains(&own) {
            return Vec::new();
        }
        named(source, |path| match path.segments.as_slice() {
            [first, second, other, ..] if first == "crate" && second == "doors" => {
                // What doors/mod.rs itself shows has a name in capitals.
                let is_module = other.starts_with(char::is_lowercase);
                is_module && other != own && !SHARED.contains(&other.as_str())
            }
            _ => false,
        })
    },
};

pub(crate) const ERROR: Rule = Rule {
    name: "error names another module",
    why: "every module returns this error, so it must not depend on any of them",
    fix: "convert into Error in the module that knows the other type",
    find: |source| {
        if !source.is_in("server/engine", &["error"]) {
            return Vec::new();
        }
        named(source, |path| path.starts_with(&["crate"]) && !path.starts_with(&["crate", "error"]))
    },
};

pub(crate) const TEXTS: Rule = Rule {
    name: "a text of SQL is run where it is written",
    why: "texts that run nothing can be read by themselves, and whoever runs one says so",
    fix: "let the text be a constant or a function in sql, and run it where it is needed",
    find: |source| {
        if !source.is_in("server/engine", &["sql"]) {
            return Vec::new();
        }
        named(source, |path| path.starts_with(&["duck", "Connection"]) && !path.in_test)
    },
};

/// What the server's answers are compared with must share no code with them.
const REFERENCE: &str = "conformance/tests/slt/reference.rs";

pub(crate) const DUCKDB: Rule = Rule {
    name: "libduckdb_sys outside the crate duck",
    why: "DuckDB's C API is unsafe, and duck is the one safe wrapper around it",
    fix: "add what is missing to duck, with its SAFETY comments",
    find: |source| {
        if source.is_in("server/duck", &[]) || source.path == REFERENCE {
            return Vec::new();
        }
        named(source, |path| path.starts_with(&["libduckdb_sys"]))
    },
};

pub(crate) const ENVIRONMENT: Rule = Rule {
    name: "std::env or clap outside config",
    why: "a setting read in one place is documented, typed and testable; read in two it is neither",
    fix: "add a field to Config, and pass its value on",
    find: |source| {
        if !source.is_of_server() || source.is_in("server", &["config"]) {
            return Vec::new();
        }
        let reads = |path: &NamedPath| path.starts_with(&["std", "env"]) || path.starts_with(&["clap"]);
        named(source, |path| reads(path) && !path.in_test)
    },
};

pub(crate) const CLOCK: Rule = Rule {
    name: "a clock read outside the engine's clock",
    why: "a test that moves the time moves it in one place; whoever reads the machine's clock does not notice",
    fix: "ask engine::clock for now() or a moment()",
    find: |source| {
        if !source.is_of_server()
            || source.is_in("server/engine", &["clock"])
            || source.is_in("server/duck", &[])
        {
            return Vec::new();
        }
        let clocks = ["SystemTime", "Instant", "Utc", "Local"];
        let reads = |path: &NamedPath| matches!(path.segments.as_slice(), [.., clock, now] if now == "now" && clocks.contains(&clock.as_str()));
        named(source, |path| reads(path) && !path.in_test)
    },
};

fn named(source: &Source, forbidden: impl Fn(&NamedPath) -> bool) -> Vec<Finding> {
    let paths = source.paths().into_iter().filter(forbidden);
    paths.map(|path| Finding::new(path.line, path.segments.join("::"))).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::rules::faults;

    const FLIGHT: &str = "server/src/doors/flight/auth.rs";
    const SESSION: &str = "server/engine/src/session.rs";

    #[rstest]
    #[case::a_new_door(PROTOCOLS, "server/src/doors/postgres/mod.rs", "use crate::doors::flight::status;")]
    #[case::direct(PROTOCOLS, FLIGHT, "use crate::doors::lakehouse::query;")]
    #[case::in_a_group(PROTOCOLS, FLIGHT, "use crate::doors::{http::Session, analytics::track};")]
    #[case::relative(PROTOCOLS, FLIGHT, "type T = super::super::lakehouse::T;")]
    #[case::in_a_macro(PROTOCOLS, FLIGHT, "fn f() { info!(crate::doors::lakehouse::NAME); }")]
    #[case::from_mod_rs(PROTOCOLS, "server/src/doors/analytics/mod.rs", "use super::flight;")]
    #[case::error_knows_sessions(ERROR, "server/engine/src/error.rs", "use crate::session::Session;")]
    #[case::sql_that_runs(TEXTS, "server/engine/src/sql/catalog.rs", "use duck::{Column, Connection};")]
    #[case::sys_in_engine(DUCKDB, SESSION, "use libduckdb_sys as ffi;")]
    #[case::sys_in_conformance(DUCKDB, "conformance/src/lib.rs", "use libduckdb_sys::duckdb_open;")]
    #[case::environment(ENVIRONMENT, "server/src/telemetry.rs", "fn f() { std::env::var(NAME); }")]
    #[case::environment_imported(ENVIRONMENT, SESSION, "use std::{env, fs};")]
    #[case::wall_clock(CLOCK, SESSION, "fn f() { std::time::SystemTime::now(); }")]
    #[case::moment(CLOCK, FLIGHT, "fn f() { Instant::now(); }")]
    #[case::calendar(CLOCK, FLIGHT, "fn f() { chrono::Utc::now(); }")]
    #[case::derive(ENVIRONMENT, "server/src/lib.rs", "#[derive(clap::Parser)] struct S;")]
    fn a_crossing_is_found(#[case] rule: Rule, #[case] path: &str, #[case] text: &str) {
        assert_eq!(faults(&rule, path, text), [1]);
    }

    #[rstest]
    #[case::shared(PROTOCOLS, FLIGHT, "use crate::doors::{Addresses, calls, http::encoding};")]
    #[case::own_module(PROTOCOLS, FLIGHT, "use crate::doors::flight::status; use super::options;")]
    #[case::engine_analytics(PROTOCOLS, FLIGHT, "use engine::analytics::Store;")]
    #[case::mock_server_starts_all(
        PROTOCOLS,
        "server/src/mock_server.rs",
        "use crate::doors::{flight, lakehouse};"
    )]
    #[case::folder_for_a_test(ENVIRONMENT, SESSION, "#[test] fn f() { std::env::temp_dir(); }")]
    #[case::sql_that_runs_nothing(TEXTS, "server/engine/src/sql/catalog.rs", "use duck::StatementKind;")]
    #[case::running_elsewhere(TEXTS, SESSION, "use duck::Connection;")]
    #[case::duck(DUCKDB, "server/duck/src/statement.rs", "use libduckdb_sys as ffi;")]
    #[case::reference(DUCKDB, REFERENCE, "use libduckdb_sys as ffi;")]
    #[case::config(ENVIRONMENT, "server/src/config.rs", "use clap::Parser; use std::env;")]
    #[case::clock(CLOCK, "server/engine/src/clock.rs", "fn f() { SystemTime::now(); }")]
    #[case::clock_in_a_test(CLOCK, SESSION, "#[test] fn f() { Instant::now(); }")]
    #[case::env_macro(ENVIRONMENT, SESSION, "const V: &str = env!(\"CARGO_PKG_VERSION\");")]
    fn the_lawful_is_left_alone(#[case] rule: Rule, #[case] path: &str, #[case] text: &str) {
        assert_eq!(faults(&rule, path, text), [0; 0]);
    }
}

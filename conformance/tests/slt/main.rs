//! The SQL of `slt/` over every SQL door, each file with a tenant of its own: the answers of in-process DuckDB, which wrote
//! the files, of the REST door and of Flight SQL are the same.
//!
//! After a change to a file, `scripts/cargo test --package altertable-mock-conformance --test slt -- --ignored` has
//! in-process DuckDB fill in the answers.

#![expect(clippy::unwrap_used, reason = "tests")]

mod answer;
mod doors;
mod reference;

use altertable_mock_conformance::fault::{Fault, Result};
use altertable_mock_conformance::quirks::Quirks;
use altertable_mock_conformance::spec::DEFAULT_FLAGS;
use altertable_mock_conformance::target::{Account, Kind as TargetKind, Server, Target};
use answer::Kind;
use rstest::rstest;
use sqllogictest::{
    DB, DBOutput, MakeConnection, Normalizer, Record, Runner, parse_file, strict_column_validator,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use tokio::runtime::Runtime;

/// Records in all files together, at the least.
const FLOOR: usize = 800;

/// Between the columns of an answer.
const SEPARATOR: &str = " | ";

/// The server is shared by all tests of this process, so it needs a runtime that outlives each of them.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| altertable_mock::runtime().unwrap());

static TARGET: LazyLock<Target> = LazyLock::new(|| Target::new(TargetKind::InProcess, Quirks::default()));

/// A way for SQL to reach DuckDB.
#[derive(Debug, Clone, Copy)]
enum Door {
    Reference,
    Rest,
    Flight,
}

/// A connection of a file through a door.
enum Engine {
    Reference(reference::Connection),
    Rest(doors::Rest),
    Flight(doors::Flight),
}

impl DB for Engine {
    type Error = Fault;
    type ColumnType = Kind;

    fn run(&mut self, sql: &str) -> Result<DBOutput<Kind>> {
        let answer = match self {
            Self::Reference(connection) => connection.run(sql),
            Self::Rest(session) => RUNTIME.block_on(session.run(sql)),
            Self::Flight(session) => RUNTIME.block_on(session.run(sql)),
        };
        answer.map(answer::Answer::output)
    }
}

/// Whom a file's connections belong to.
enum Tenant {
    Reference(Arc<reference::Database>),
    Server(Door, Arc<Server>, Account),
}

impl Tenant {
    fn fresh(door: Door) -> Result<Self> {
        if matches!(door, Door::Reference) {
            return Ok(Self::Reference(reference::Database::open()?));
        }
        let server = RUNTIME.block_on(TARGET.server(&DEFAULT_FLAGS.map(str::to_owned)))?;
        let account = server.account();
        Ok(Self::Server(door, server, account))
    }

    fn connect(&self) -> Result<Engine> {
        Ok(match self {
            Self::Reference(database) => Engine::Reference(database.connect()?),
            Self::Server(Door::Flight, server, account) => {
                Engine::Flight(RUNTIME.block_on(doors::Flight::open(server, account))?)
            }
            Self::Server(_, server, account) => Engine::Rest(doors::Rest::open(server, account)),
        })
    }
}

fn runner(door: Door) -> Runner<Engine, impl MakeConnection<Conn = Engine>> {
    let tenant = Tenant::fresh(door).unwrap();
    let mut runner = Runner::new(move || std::future::ready(tenant.connect()));
    runner.with_normalizer(verbatim);
    runner.with_validator(same_rows);
    runner.with_column_validator(strict_column_validator);
    runner
}

#[expect(clippy::ptr_arg, reason = "the signature that sqllogictest wants")]
fn verbatim(text: &String) -> String {
    text.clone()
}

fn same_rows(_: Normalizer, actual: &[Vec<String>], expected: &[String]) -> bool {
    actual.iter().map(|row| row.join(SEPARATOR)).eq(expected.iter().cloned())
}

#[rstest]
fn every_door_answers_as_duckdb_does(
    #[files("slt/**/*.slt")] path: PathBuf,
    #[values(Door::Reference, Door::Rest, Door::Flight)] door: Door,
) {
    if let Err(error) = runner(door).run_file(&path) {
        panic!("{door:?}: {}", error.display(false));
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("slt");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "slt"));
    files.sort();
    files
}

fn records(path: &Path) -> usize {
    let counts = |record: &&Record<Kind>| matches!(record, Record::Statement { .. } | Record::Query { .. });
    parse_file::<Kind>(path).unwrap().iter().filter(counts).count()
}

#[test]
fn the_files_hold_enough_records() {
    let each: Vec<(String, usize)> = files()
        .iter()
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), records(path)))
        .collect();
    let all: usize = each.iter().map(|(_, count)| count).sum();
    assert!(all >= FLOOR, "{all} of {FLOOR} records: {each:?}");
}

#[ignore = "writes the files: in-process DuckDB fills in every answer"]
#[test]
fn duckdb_fills_in_the_answers() {
    for path in files() {
        let mut runner = runner(Door::Reference);
        let filled = runner.update_test_file(&path, SEPARATOR, same_rows, verbatim, strict_column_validator);
        futures::executor::block_on(filled).unwrap();
    }
}

//! LX-12 names all that the guard refuses, and nothing else.

use std::collections::BTreeSet;

use crate::guard::calls::MANAGED;
use crate::guard::{self, PRAGMAS};
use crate::sql::settings::{LASTS_FOR_SESSION, SESSION_BY_DEFAULT};
use duck::{Connection, Database, StatementKind, Workers};

/// The clause, without those around it.
fn clause() -> &'static str {
    let contract = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/contract/lakehouse.md"));
    let begin = contract.find("**LX-12**").unwrap();
    let end = contract.find("**LX-13**").unwrap();
    &contract[begin..end]
}

/// The names in code quotes between two texts.
fn named(from: &str, to: &str) -> BTreeSet<String> {
    let (_, rest) = clause().split_once(from).unwrap_or_else(|| panic!("LX-12 lacks: {from}"));
    let (part, _) = rest.split_once(to).unwrap_or_else(|| panic!("LX-12 lacks: {to}"));
    part.split('`').skip(1).step_by(2).map(str::to_lowercase).collect()
}

fn connection() -> (Database, Connection) {
    let database = Database::open_in_memory(&Vec::new(), 1, &Workers::new(0)).unwrap();
    let connection = database.connect().unwrap();
    (database, connection)
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    connection.query(sql).unwrap().text_rows().unwrap().into_iter().flatten().flatten().collect()
}

fn is_refused(connection: &Connection, sql: &str) -> bool {
    let extracted = connection.extract(sql).unwrap();
    let planned = extracted.prepare(connection, 0).unwrap();
    guard::check(connection, sql, &planned).is_err()
}

#[test]
fn every_setting_is_named_as_what_becomes_of_it() {
    let (_database, connection) = connection();
    let (mut refused, mut open) = (BTreeSet::new(), BTreeSet::new());
    for name in texts(&connection, "SELECT name FROM duckdb_settings()") {
        let at_all = is_refused(&connection, &format!("RESET {name}"));
        let for_session = is_refused(&connection, &format!("RESET SESSION {name}"));
        assert!(is_refused(&connection, &format!("RESET GLOBAL {name}")), "{name}");
        if for_session { &mut refused } else { &mut open }.insert(name.to_lowercase());
        let lasts = LASTS_FOR_SESSION.iter().any(|known| known.eq_ignore_ascii_case(&name));
        assert_eq!(at_all, for_session || lasts, "{name}");
    }
    assert_eq!(named("Refused are so: ", "\n"), refused);
    let mut allowed = named("except in the session alone of ", ". Of GLOBAL");
    allowed.extend(named("Of GLOBAL nothing can be set. ", " are global in DuckDB"));
    assert_eq!(allowed, open);
    let code = [SESSION_BY_DEFAULT, LASTS_FOR_SESSION].concat();
    assert_eq!(code.iter().map(|name| name.to_lowercase()).collect::<BTreeSet<_>>(), open);
}

#[test]
fn every_function_is_named() {
    let code: BTreeSet<String> = MANAGED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(named("- Calls of ", ", qualified or not"), code);
    assert!(clause().contains("`query()` takes one plain text literal"));
}

#[test]
fn every_pragma_that_changes_something_is_named() {
    let (_database, connection) = connection();
    let functions = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'pragma'";
    let listed = named("- PRAGMAs that are functions and change anything: ", "\n");
    for name in texts(&connection, functions) {
        let sql = format!("PRAGMA {name}");
        let Ok(planned) = connection.extract(&sql).and_then(|it| it.prepare(&connection, 0)) else {
            continue;
        };
        if planned.kind() != StatementKind::Pragma {
            continue;
        }
        let bare = name.trim_start_matches("enable_").trim_start_matches("disable_").to_owned();
        assert!(listed.contains(&name) || listed.contains(&bare), "LX-12 does not name {name}");
        assert_eq!(guard::check(&connection, &sql, &planned).is_err(), !PRAGMAS.contains(&&*name), "{name}");
    }
}

//! The spec files themselves: well-formed, unambiguous in every language, and complete against the contract.

#![expect(clippy::unwrap_used, reason = "tests")]

use altertable_mock_conformance::coverage::{self, Uncovered};
use altertable_mock_conformance::spec;
use altertable_mock_conformance::vars::{self, Unknown, Vars};
use regex::Regex;
use rstest::rstest;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

fn schema() -> Value {
    serde_json::from_str(&std::fs::read_to_string(spec::folder().join("schema.json")).unwrap()).unwrap()
}

/// The file as a checker has to see it: each case once without its steps, and its steps once per row of its table.
fn expanded(file: &Value) -> Value {
    let mut whole = file.clone();
    let mut cases = Vec::new();
    for case in file["cases"].as_array().unwrap() {
        let mut shell = case.clone();
        shell["steps"] = json!([{"sleep": "1s"}]);
        cases.push(shell);
        for vars in rows(case) {
            let steps = vars::fill(&case["steps"], &vars, Unknown::Keep).unwrap();
            cases.push(json!({"name": case["name"], "clauses": case["clauses"], "steps": steps}));
        }
    }
    whole["cases"] = cases.into();
    whole
}

fn rows(case: &Value) -> Vec<Vars> {
    let Some(table) = case.get("table") else { return vec![Vars::new()] };
    let names = table["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    let row = |row: &Value| names.clone().zip(row.as_array().unwrap().iter().cloned()).collect();
    table["rows"].as_array().unwrap().iter().map(row).collect()
}

#[rstest]
fn a_spec_file_is_well_formed(#[files("spec/**/*.yaml")] path: PathBuf) {
    let data = spec::read(&path).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&schema())
        .unwrap()
        .iter_errors(&expanded(&data))
        .map(|error| format!("{} at {}", error, error.instance_path))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    let mut odd = Vec::new();
    odd_numbers(&data, "", &mut odd);
    assert!(odd.is_empty(), "numbers that not every language keeps belong in $json: {}", odd.join(", "));
}

fn odd_numbers(value: &Value, path: &str, odd: &mut Vec<String>) {
    const EXACT: i64 = 1 << 53;
    match value {
        Value::Number(number) if number.as_i64().is_none_or(|number| number.abs() > EXACT) => {
            odd.push(format!("{path}: {number}"));
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| odd_numbers(item, &format!("{path}/{index}"), odd)),
        Value::Object(map) => {
            map.iter().for_each(|(key, item)| odd_numbers(item, &format!("{path}/{key}"), odd));
        }
        _ => {}
    }
}

/// YAML 1.1 readers, such as Python's, see dates and truth values where YAML 1.2 has texts.
#[rstest]
fn no_text_reads_differently_in_yaml_1_1(#[files("spec/**/*.yaml")] path: PathBuf) {
    let ambiguous = Regex::new(r"(?i)(^|[:,\[{-] )(yes|no|on|off|y|n|\d{4}-\d\d?-\d\d?|\d+:[0-5]\d(:[0-5]\d)?|0[0-7]+|0o[0-7]+)( *[,}\]#]| *$)").unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let found: Vec<String> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| ambiguous.is_match(line))
        .map(|(at, line)| format!("{}: {line}", at + 1))
        .collect();
    assert!(found.is_empty(), "quote these:\n{}", found.join("\n"));
}

#[test]
fn case_names_are_unique() {
    let mut seen = HashSet::new();
    let twice: Vec<String> = spec::load_all(&spec::folder())
        .unwrap()
        .into_iter()
        .map(|case| case.id)
        .filter(|id| !seen.insert(id.clone()))
        .collect();
    assert!(twice.is_empty(), "{}", twice.join("\n"));
}

/// Rows about one type each are quickly written: at most so many of them count.
#[test]
fn there_are_400_cases_of_which_at_most_150_are_rows_of_type_tables() {
    let (mut type_rows, mut others) = (0, 0);
    for path in spec::files(&spec::folder()).unwrap() {
        for case in spec::read(&path).unwrap()["cases"].as_array().unwrap() {
            let columns = case.pointer("/table/columns").and_then(Value::as_array);
            let is_about_types = path.ends_with("types.yaml")
                || columns.is_some_and(|names| names.iter().any(|name| name == "type" || name == "arrow"));
            let count = if columns.is_some() && is_about_types { &mut type_rows } else { &mut others };
            *count += rows(case).len();
        }
    }
    assert!(type_rows > 0, "no type table was recognised");
    assert!(others + type_rows.min(150) >= 400, "{others} cases and {type_rows} rows of type tables");
}

/// One letter of an id may be mistyped, and a case would then prove a clause of another contract.
#[test]
fn an_id_stands_for_one_clause_in_all_contracts_together() {
    let folder = std::env::temp_dir().join(format!("contracts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("one.md"), "- **LQ-01** a\n\n**AB-2** b, as LQ-01 has it\n").unwrap();
    std::fs::write(folder.join("two.md"), "**LQ-02** c\n").unwrap();
    std::fs::write(folder.join("notes.txt"), "**LQ-01** no contract\n").unwrap();
    let apart = coverage::clauses(&folder);
    std::fs::write(folder.join("two.md"), "**LQ-01** c\n").unwrap();
    let alike = coverage::clauses(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(apart.unwrap().into_iter().collect::<Vec<_>>(), ["AB-2", "LQ-01", "LQ-02"]);
    assert!(alike.unwrap_err().to_string().contains("two.md: LQ-01"));
}

#[test]
fn every_clause_has_a_case_or_a_reason() {
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contract");
    let clauses = coverage::clauses(&contract).unwrap();
    assert!(clauses.len() > 150, "only {} clauses found in {}", clauses.len(), contract.display());
    let uncovered = Uncovered::load(&spec::folder().join("uncovered.toml")).unwrap();
    let gaps = coverage::gaps(&clauses, &spec::load_all(&spec::folder()).unwrap(), &uncovered);
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

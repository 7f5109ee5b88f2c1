use super::*;
use serde::Deserialize;
use std::collections::BTreeSet;

/// A row of `spec/matchers.json`.
#[derive(Deserialize)]
struct Row {
    name: String,
    expected: Value,
    actual: Value,
    differs: BTreeSet<String>,
}

#[test]
fn matchers_match_and_tell_the_place() {
    let text = std::fs::read_to_string(crate::spec::folder().join("matchers.json")).unwrap();
    let rows: Vec<Row> = serde_json::from_str(&text).unwrap();
    assert!(rows.len() > 50, "{}", rows.len());
    for row in rows {
        let differs: BTreeSet<String> =
            compare(&row.expected, &row.actual).into_iter().map(|found| found.path).collect();
        assert_eq!(differs, row.differs, "{}", row.name);
    }
}

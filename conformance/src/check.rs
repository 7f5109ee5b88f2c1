//! Compares what came back with what the spec expects, matchers included.

mod named;
mod operators;

use serde_json::{Map, Value};
use std::time::Duration;

/// One place where the answer differs.
#[derive(Debug, Clone)]
pub struct Mismatch {
    /// JSON pointer into the outcome.
    pub path: String,
    /// What the spec wants there.
    pub expected: String,
    /// What was there.
    pub actual: String,
}

impl Mismatch {
    /// In place of a path: the answer took too long.
    pub(crate) const LATE: &str = "time";
    /// In place of a path: the answer came sooner than it can.
    pub(crate) const EARLY: &str = "earliest time";

    /// In place of a path: the server did not answer others in time.
    pub(crate) const SILENT: &str = "liveness";

    pub(crate) fn in_time(path: &str, expected: String, took: Duration) -> Self {
        Self { path: path.to_owned(), expected, actual: format!("{took:?}") }
    }
}

/// Every place where `actual` differs from `expected`.
pub fn compare(expected: &Value, actual: &Value) -> Vec<Mismatch> {
    let mut found = Found::default();
    found.value(expected, Some(actual), "");
    found.0
}

/// As [`compare`], for the top level of an outcome: keys the spec does not mention are not looked at, nor are headers.
pub fn compare_outcome(expected: &Map<String, Value>, actual: &Value) -> Vec<Mismatch> {
    let mut found = Found::default();
    for (key, wanted) in expected {
        let path = format!("/{key}");
        match (key.as_str(), wanted, actual.get(key)) {
            ("headers", Value::Object(wanted), Some(Value::Object(headers)))
                if operators::single(wanted).is_none() =>
            {
                found.subset(wanted, headers, &path);
            }
            (_, wanted, actual) => found.value(wanted, actual, &path),
        }
    }
    found.0
}

/// Whether `actual` matches.
pub(crate) fn matches(expected: &Value, actual: Option<&Value>) -> bool {
    let mut found = Found::default();
    found.value(expected, actual, "");
    found.0.is_empty()
}

#[derive(Default)]
pub(crate) struct Found(Vec<Mismatch>);

impl Found {
    pub(crate) fn value(&mut self, expected: &Value, actual: Option<&Value>, path: &str) {
        match expected {
            Value::String(text) if text.starts_with('$') => match named::holds(text, actual) {
                Some(true) => {}
                Some(false) => self.differ(path, expected, actual),
                None => self.note(path, format!("no matcher is called {text}"), actual),
            },
            Value::Object(map) => match operators::single(map) {
                Some((operator, argument)) => self.operator(operator, argument, actual, path),
                None => self.object(map, actual, path),
            },
            Value::Array(items) => self.array(items, expected, actual, path),
            scalar if actual.is_some_and(|actual| same(scalar, actual)) => {}
            scalar => self.differ(path, scalar, actual),
        }
    }

    fn object(&mut self, expected: &Map<String, Value>, actual: Option<&Value>, path: &str) {
        let Some(Value::Object(actual)) = actual else {
            return self.note(path, short(&Value::Object(expected.clone())), actual);
        };
        self.subset(expected, actual, path);
        for (key, value) in actual.iter().filter(|(key, _)| !expected.contains_key(*key)) {
            self.note(&format!("{path}/{key}"), "no such key".to_owned(), Some(value));
        }
    }

    pub(crate) fn subset(&mut self, expected: &Map<String, Value>, actual: &Map<String, Value>, path: &str) {
        for (key, wanted) in expected {
            self.value(wanted, actual.get(key), &format!("{path}/{key}"));
        }
    }

    fn array(&mut self, items: &[Value], expected: &Value, actual: Option<&Value>, path: &str) {
        let Some(Value::Array(actual)) = actual else { return self.differ(path, expected, actual) };
        if items.len() != actual.len() {
            let whole = Value::Array(actual.clone());
            return self.note(path, format!("{} elements: {}", items.len(), short(expected)), Some(&whole));
        }
        for (index, (wanted, found)) in items.iter().zip(actual).enumerate() {
            self.value(wanted, Some(found), &format!("{path}/{index}"));
        }
    }

    pub(crate) fn differ(&mut self, path: &str, expected: &Value, actual: Option<&Value>) {
        self.note(path, short(expected), actual);
    }

    pub(crate) fn note(&mut self, path: &str, expected: String, actual: Option<&Value>) {
        let actual = actual.map_or_else(|| "nothing".to_owned(), short);
        self.0.push(Mismatch { path: path.to_owned(), expected, actual });
    }
}

/// Equality with digits compared as text.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.to_string() == right.to_string(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

fn short(value: &Value) -> String {
    const SHOWN: usize = 600;
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests;

//! `KEY=VALUE` on the command line, as JSON.

use std::str::FromStr;

use serde_json::{Map, Value};

use engine::{Error, ErrorKind, Result};

/// A key and its value: a number, `true`, `false` or a text. `after.rows=10` is `{"after": {"rows": 10}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyValue {
    key: String,
    value: Value,
}

impl KeyValue {
    /// The key, with its points.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The value as a query's parameter has it.
    pub(super) fn text(&self) -> String {
        self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned)
    }
}

impl FromStr for KeyValue {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
        if key.split('.').any(str::is_empty) {
            return Err("the key is empty: write KEY=VALUE".to_owned());
        }
        let scalar = serde_json::from_str(value).ok().filter(|it: &Value| it.is_number() || it.is_boolean());
        Ok(Self { key: key.to_owned(), value: scalar.unwrap_or_else(|| Value::from(value)) })
    }
}

/// The settings as one object.
///
/// # Errors
/// Config, for a key that is given twice.
pub(super) fn object(settings: &[KeyValue]) -> Result<Map<String, Value>> {
    let mut object = Map::new();
    for KeyValue { key, value } in settings {
        let twice = || Error::new(ErrorKind::Config, format!("{key} is given twice"));
        // A condition of a header has no further level, and its name may have points.
        let (outer, inner) =
            key.split_once('.').map_or((key.as_str(), None), |(outer, inner)| (outer, Some(inner)));
        match inner {
            None if object.contains_key(outer) => return Err(twice()),
            None => drop(object.insert(outer.to_owned(), value.clone())),
            Some(inner) => {
                let within = object.entry(outer).or_insert_with(|| Map::new().into());
                let within = within.as_object_mut().filter(|it| !it.contains_key(inner)).ok_or_else(twice)?;
                within.insert(inner.to_owned(), value.clone());
            }
        }
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::kinds(&["a=1", "b=true", "c=x", "d=1.5"], json!({"a": 1, "b": true, "c": "x", "d": 1.5}))]
    #[case::texts(&["a==", "b=", "c={}", "d='1'"], json!({"a": "=", "b": "", "c": "{}", "d": "'1'"}))]
    #[case::levels(&["after.rows=10", "headers.x.y=1"], json!({"after": {"rows": 10}, "headers": {"x.y": 1}}))]
    fn settings_are_json(#[case] given: &[&str], #[case] expected: Value) {
        let settings: Vec<KeyValue> = given.iter().map(|it| it.parse().unwrap()).collect();
        assert_eq!(Value::Object(object(&settings).unwrap()), expected);
    }

    #[rstest]
    #[case(&["a=1", "a=2"])]
    #[case(&["a.b=1", "a.b=2"])]
    #[case(&["a=1", "a.b=2"])]
    #[case(&["a.b=1", "a=2"])]
    fn a_key_is_given_once(#[case] given: &[&str]) {
        let settings: Vec<KeyValue> = given.iter().map(|it| it.parse().unwrap()).collect();
        let error = object(&settings).unwrap_err();
        assert!(error.message().contains("is given twice"), "{error}");
    }

    #[rstest]
    #[case("a")]
    #[case("=1")]
    #[case("a.=1")]
    fn a_setting_has_a_key(#[case] text: &str) {
        assert!(text.parse::<KeyValue>().unwrap_err().contains("KEY=VALUE"));
    }
}

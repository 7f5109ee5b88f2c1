//! Matchers that are a name: `$uuid`, `$text`, ….

use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

static UUID: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$").ok());
static UUID_V7: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$").ok()
});
static RFC_3339: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$").ok()
});

/// Whether the value matches; `None` if no matcher has that name.
pub(super) fn holds(name: &str, actual: Option<&Value>) -> Option<bool> {
    let text = actual.and_then(Value::as_str);
    let number = actual.and_then(Value::as_number).map(ToString::to_string);
    let integer = |digits: &String| !digits.contains(['.', 'e', 'E']);
    Some(match name {
        "$any" => actual.is_some(),
        "$absent" => actual.is_none(),
        "$string" => text.is_some(),
        "$text" => text.is_some_and(|text| !text.is_empty()),
        "$boolean" => actual.is_some_and(Value::is_boolean),
        "$number" => number.is_some(),
        "$integer" => number.as_ref().is_some_and(integer),
        "$natural" => number.as_ref().is_some_and(|digits| integer(digits) && !digits.starts_with('-')),
        "$array" => actual.is_some_and(Value::is_array),
        "$object" => actual.is_some_and(Value::is_object),
        "$uuid" => matches(&UUID, text),
        "$uuidv7" => matches(&UUID_V7, text),
        "$timestamp" => matches(&RFC_3339, text),
        _ => return None,
    })
}

fn matches(pattern: &Option<Regex>, text: Option<&str>) -> bool {
    pattern.as_ref().zip(text).is_some_and(|(pattern, text)| pattern.is_match(text))
}

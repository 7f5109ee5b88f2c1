//! `${name}` in the strings of a spec file.

use crate::fault::{Fault, Result};
use serde_json::{Map, Value};

/// Variables by name.
pub type Vars = Map<String, Value>;

/// What to do with a `${name}` that has no value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Leave it for a later pass (table rows are filled in before captures exist).
    Keep,
    /// Report it.
    Refuse,
}

/// Replaces every `${name}` inside `value`, keys included.
///
/// # Errors
/// A variable without a value, under [`Unknown::Refuse`].
pub fn fill(value: &Value, vars: &Vars, unknown: Unknown) -> Result<Value> {
    Ok(match value {
        Value::String(text) => fill_text(text, vars, unknown)?,
        Value::Array(items) => items.iter().map(|item| fill(item, vars, unknown)).collect::<Result<_>>()?,
        Value::Object(map) => {
            let mut filled = Map::new();
            for (key, item) in map {
                filled.insert(as_text(&fill_text(key, vars, unknown)?), fill(item, vars, unknown)?);
            }
            Value::Object(filled)
        }
        other => other.clone(),
    })
}

/// How a value reads inside a longer string: strings as they are, the rest as JSON.
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn fill_text(text: &str, vars: &Vars, unknown: Unknown) -> Result<Value> {
    if let Some(value) = whole(text).and_then(|name| vars.get(name)) {
        return Ok(value.clone());
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        let Some(end) = after.find('}') else { break };
        let (reference, tail) = after.split_at(end + 1);
        let name = &reference[2..end];
        match (before.strip_suffix('$'), vars.get(name)) {
            (Some(_), _) if unknown == Unknown::Keep => out.push_str(&format!("{before}{reference}")),
            (Some(kept), _) => out.push_str(&format!("{kept}{reference}")),
            (None, Some(value)) => out.push_str(&format!("{before}{}", as_text(value))),
            (None, None) if unknown == Unknown::Keep => out.push_str(&format!("{before}{reference}")),
            (None, None) => return Err(Fault(format!("no variable ${{{name}}} has been set"))),
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(Value::String(out))
}

fn whole(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    (!name.contains(['{', '}'])).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn vars() -> Vars {
        json!({"n": 7, "s": "x"}).as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_whole_reference_keeps_its_type() {
        assert_eq!(
            fill(&json!({"${s}": ["${n}", "a${n}b${s}"]}), &vars(), Unknown::Refuse).unwrap(),
            json!({"x": [7, "a7bx"]})
        );
    }

    #[test]
    fn an_escaped_reference_stays() {
        assert_eq!(fill(&json!("$${n}"), &vars(), Unknown::Refuse).unwrap(), json!("${n}"));
        assert_eq!(fill(&json!("$${n}"), &vars(), Unknown::Keep).unwrap(), json!("$${n}"));
    }

    #[test]
    fn unknown_names_are_kept_or_refused() {
        assert_eq!(fill(&json!("a ${zzz}"), &vars(), Unknown::Keep).unwrap(), json!("a ${zzz}"));
        assert!(fill(&json!("${zzz}"), &vars(), Unknown::Refuse).is_err());
    }
}

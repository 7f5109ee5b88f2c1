//! One step of a case, parsed: its verb, the verb's own fields, and the fields every step may have.

use crate::fault::{During, Fault, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;

/// A step with its variables filled in.
#[derive(Debug, Clone)]
pub struct Step {
    /// `lakehouse`, `flight.query`, ….
    pub verb: String,
    /// What stands behind the verb.
    pub argument: Value,
    /// The verb's own fields.
    pub own: Value,
    /// The fields of every step.
    pub common: Common,
}

/// The fields every step may have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Common {
    /// What must come back.
    pub expect: Option<Map<String, Value>>,
    /// Variables to take from the outcome, by JSON pointer.
    pub capture: Map<String, Value>,
    /// Who acts.
    pub tenant: Option<String>,
    /// Credentials instead of the tenant's.
    pub auth: Option<Auth>,
    /// HTTP headers or gRPC metadata.
    pub headers: Map<String, Value>,
    /// The longest it may take.
    pub within: Option<Span>,
    /// The least it must take.
    pub after: Option<Span>,
    /// How long to repeat it until the expectations hold.
    pub eventually: Option<Span>,
    /// How often to run it.
    pub times: Option<u64>,
    /// The name under which it runs on.
    pub background: Option<String>,
    /// How many lines or batches to read before the next step.
    pub pause_after: Option<usize>,
}

impl Common {
    /// Whether a client library would make this call: as the tenant, from beginning to end, with an answer that is whole.
    pub fn is_plain(&self) -> bool {
        let whole = self.expect.as_ref().is_none_or(|expect| !expect.contains_key("aborted"));
        self.auth.is_none() && self.headers.is_empty() && self.background.is_none() && whole
    }

    /// Whether the step looks at this key of its outcome. Of one that goes on in the background only its `join` tells.
    pub fn looks_at(&self, key: &str) -> bool {
        let captured = |pointer: &Value| {
            let first = pointer.as_str().and_then(|pointer| pointer.strip_prefix('/')?.split('/').next());
            first == Some(key)
        };
        self.background.is_some()
            || self.expect.as_ref().is_some_and(|expect| expect.contains_key(key))
            || self.capture.values().any(captured)
    }
}

/// Credentials that a step gives instead of its tenant's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// No credentials at all.
    None,
    /// The tenant's name and password on the call itself.
    #[serde(rename = "basic")]
    OwnBasic,
    /// Other credentials.
    #[serde(untagged)]
    Given(Given),
}

/// Credentials spelled out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// `name:password`, encoded as Basic.
    Basic(String),
    /// A bearer token.
    Bearer(String),
    /// The `Authorization` value itself.
    Header(String),
    /// An `X-API-Key`.
    ApiKey(String),
}

/// A length of time: `200ms`, `1s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let parse = |digits: &str| {
            digits.parse::<u64>().map_err(|_| format!("{text:?} is no time; write 200ms or 1s"))
        };
        match text.strip_suffix("ms") {
            Some(digits) => parse(digits).map(|millis| Self(Duration::from_millis(millis))),
            None => {
                parse(text.strip_suffix('s').unwrap_or("")).map(|seconds| Self(Duration::from_secs(seconds)))
            }
        }
    }
}

const COMMON: [&str; 11] = [
    "expect",
    "capture",
    "tenant",
    "auth",
    "headers",
    "within",
    "after",
    "eventually",
    "times",
    "background",
    "pause_after",
];
const VERBS: [&str; 8] = ["lakehouse", "analytics", "socket", "sql", "join", "drop", "pending", "sleep"];

impl Step {
    /// Parses a step.
    ///
    /// # Errors
    /// None or several verbs, or fields of the wrong shape.
    pub fn parse(step: &Value) -> Result<Self> {
        let Some(fields) = step.as_object() else {
            return Err(Fault(format!("a step is a map, not {step}")));
        };
        let verbs: Vec<&String> =
            fields.keys().filter(|key| VERBS.contains(&key.as_str()) || key.starts_with("flight.")).collect();
        let [verb] = verbs.as_slice() else {
            return Err(Fault(format!("a step has one verb, not {}: {step}", verbs.len())));
        };
        let (common, own): (Map<_, _>, Map<_, _>) = fields
            .clone()
            .into_iter()
            .filter(|(key, _)| key != *verb)
            .partition(|(key, _)| COMMON.contains(&key.as_str()));
        Ok(Self {
            verb: (*verb).clone(),
            argument: fields[*verb].clone(),
            own: Value::Object(own),
            common: serde_json::from_value(Value::Object(common)).during(verb)?,
        })
    }

    /// The argument as text.
    ///
    /// # Errors
    /// An argument of another type.
    pub fn text(&self) -> Result<&str> {
        self.argument
            .as_str()
            .ok_or_else(|| Fault(format!("{} takes a text, not {}", self.verb, self.argument)))
    }

    /// The verb's own fields, typed.
    ///
    /// # Errors
    /// Fields the verb does not have.
    pub fn own<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.own.clone()).during(&self.verb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_step_has_one_verb() {
        assert!(Step::parse(&json!({"expect": {}})).is_err());
        assert!(Step::parse(&json!({"sql": "x", "sleep": "1s"})).is_err());
        let step =
            Step::parse(&json!({"sql": "x", "session": "a", "within": "200ms", "auth": {"bearer": "t"}}))
                .unwrap();
        assert_eq!(
            (step.text().unwrap(), step.own.clone(), step.common.within),
            ("x", json!({"session": "a"}), Some(Span(Duration::from_millis(200))))
        );
        assert_eq!(step.common.auth, Some(Auth::Given(Given::Bearer("t".to_owned()))));
    }

    #[test]
    fn plain_words_of_auth() {
        let auth = |word: &str| Step::parse(&json!({"sql": "x", "auth": word})).unwrap().common.auth;
        assert_eq!((auth("none"), auth("basic")), (Some(Auth::None), Some(Auth::OwnBasic)));
    }
}

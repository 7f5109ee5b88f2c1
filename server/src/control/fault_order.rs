//! A fault rule as it is asked for: what of it contradicts itself, and on which doors it has a meaning (FR-1 to FR-4).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::{PlaneRefusal, PlaneResult};
use super::fault_effects::FaultDo;
use crate::doors::faults::SECRET_HEADERS;
use engine::{FaultFilter, FaultRule, FaultSchedule, Pattern};

/// How many bytes a rule may have.
const LONGEST_RULE: usize = 64 << 10;

/// The doors that a rule can act on.
pub(super) const ALL: [&str; 4] = ["lakehouse", "analytics", "flight", "postgres"];

/// A rule.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"match": {"operation": "POST /query", "statement": "(?i)^insert"},
    "do": {"status": 503, "retry_after_ms": 1000}, "times": 2}))]
pub(super) struct FaultOrder {
    /// The conditions that a call has to meet; none is every call of the tenant.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    matching: Option<FaultMatch>,
    /// What becomes of it.
    #[serde(rename = "do")]
    effects: FaultDo,
    /// How often the rule acts at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    times: Option<u64>,
    /// How many calls that match it lets pass first.
    #[serde(skip_serializing_if = "Option::is_none")]
    skip: Option<u64>,
    /// On which part of the others it acts, more than 0 and at most 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,
    /// What its draws begin with, so that they repeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

/// The conditions of a rule; those that are not given are met.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultMatch {
    /// The door: `lakehouse`, `analytics`, `flight` or `postgres`.
    #[serde(skip_serializing_if = "Option::is_none")]
    door: Option<String>,
    /// What is asked for, as the journal has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    /// A regular expression that the statement holds, as the journal has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    /// The path of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// The table that rows are loaded into.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Uuid>,
    /// Headers or metadata with their values.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    /// The name of an event that it brings.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
}

/// The doors on which everything that a rule says has a meaning.
pub(super) struct DoorsLeft(Vec<&'static str>);

impl DoorsLeft {
    /// Only those are left that know `key`.
    ///
    /// # Errors
    /// `bad-request`, naming the key, if none is.
    pub(super) fn keep(&mut self, key: &str, known_by: &[&str]) -> PlaneResult<()> {
        let before = self.0.join(", ");
        self.0.retain(|door| known_by.contains(door));
        if self.0.is_empty() {
            return Err(PlaneRefusal::bad_request(format!(
                "`{key}` has a meaning on {} alone, and the rest of the rule on {before}",
                known_by.join(", ")
            )));
        }
        Ok(())
    }
}

impl FaultOrder {
    /// The rule, if it is none that contradicts itself.
    ///
    /// # Errors
    /// `bad-request`, naming the key.
    pub(super) fn rule(&self) -> PlaneResult<Arc<FaultRule>> {
        let told = serde_json::to_string(self).unwrap_or_default();
        if told.len() > LONGEST_RULE {
            return Err(PlaneRefusal::bad_request(format!("a rule has {LONGEST_RULE} bytes at most")));
        }
        let mut doors = DoorsLeft(ALL.to_vec());
        let mut filter = match &self.matching {
            Some(matching) => matching.filter(&mut doors)?,
            None => FaultFilter::default(),
        };
        let effects = self.effects.effects(&mut doors)?;
        filter.doors = doors.0;
        Ok(Arc::new(FaultRule::new(filter, effects, self.schedule()?, told)))
    }

    /// The rule as it was set.
    pub(super) fn of(rule: &FaultRule) -> Option<Self> {
        serde_json::from_str(rule.told()).ok()
    }

    fn schedule(&self) -> PlaneResult<FaultSchedule> {
        if self.times == Some(0) {
            return Err(PlaneRefusal::bad_request("`times` has to be at least 1"));
        }
        if self.probability.is_some_and(|part| !(part > 0.0 && part <= 1.0)) {
            return Err(PlaneRefusal::bad_request("`probability` has to be more than 0 and at most 1"));
        }
        if self.seed.is_some() && self.probability.is_none() {
            return Err(PlaneRefusal::bad_request("`seed` is of a `probability`"));
        }
        // Without a seed no two rules draw alike.
        let seed = self.seed.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0);
        let skip = self.skip.unwrap_or_default();
        Ok(FaultSchedule { times: self.times, skip, probability: self.probability, seed })
    }
}

impl FaultMatch {
    fn filter(&self, doors: &mut DoorsLeft) -> PlaneResult<FaultFilter> {
        if let Some(door) = &self.door {
            if !ALL.contains(&door.as_str()) {
                let message = format!("`match.door` has to be one of {}", ALL.join(", "));
                return Err(PlaneRefusal::bad_request(message));
            }
            doors.keep("match.door", &[door])?;
        }
        let conditions: [(&str, bool, &[&str]); 5] = [
            ("match.statement", self.statement.is_some(), &["lakehouse", "flight", "postgres"]),
            ("match.session", self.session.is_some(), &["lakehouse", "flight", "postgres"]),
            ("match.path", self.path.is_some(), &["lakehouse", "analytics"]),
            ("match.table", self.table.is_some(), &["lakehouse", "flight"]),
            ("match.event", self.event.is_some(), &["analytics"]),
        ];
        for (key, _, known_by) in conditions.into_iter().filter(|(_, is_given, _)| *is_given) {
            doors.keep(key, known_by)?;
        }
        let statement = self.statement.as_deref().map(Pattern::new).transpose();
        let statement = statement
            .map_err(|error| PlaneRefusal::bad_request(format!("`match.statement`: {}", error.message())))?;
        let headers = self.headers.iter().flatten().map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            if SECRET_HEADERS.contains(&name.as_str()) {
                let message = format!("`match.headers.{name}`: its value is a secret");
                return Err(PlaneRefusal::bad_request(message));
            }
            Ok((name, value.clone()))
        });
        Ok(FaultFilter {
            doors: Vec::new(),
            operation: self.operation.clone(),
            statement,
            path: self.path.clone(),
            table: self.table.clone(),
            session: self.session,
            headers: headers.collect::<PlaneResult<_>>()?,
            event: self.event.clone(),
        })
    }
}

/// A duration in milliseconds, up to ten minutes.
pub(super) fn milliseconds(key: &str, given: Option<u64>) -> PlaneResult<Option<Duration>> {
    const MOST: u64 = 600_000;
    match given {
        Some(given) if given > MOST => {
            Err(PlaneRefusal::bad_request(format!("`{key}` may be at most {MOST}")))
        }
        given => Ok(given.map(Duration::from_millis)),
    }
}

/// Headers of an answer, none of which is the protocol's own.
pub(super) fn headers(given: Option<&BTreeMap<String, Value>>) -> PlaneResult<Vec<(String, String)>> {
    const OWN: [&str; 9] = [
        "connection",
        "content-length",
        "content-type",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-request-id",
    ];
    let checked = given.into_iter().flatten().map(|(name, value)| {
        let lower = name.to_ascii_lowercase();
        let is_own = OWN.contains(&lower.as_str()) || lower.starts_with("grpc-") || lower.ends_with("-bin");
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if is_own || HeaderName::try_from(&lower).is_err() || HeaderValue::try_from(&value).is_err() {
            let message = format!("`do.headers.{name}` cannot be set, or not to that");
            return Err(PlaneRefusal::bad_request(message));
        }
        Ok((lower, value))
    });
    checked.collect()
}

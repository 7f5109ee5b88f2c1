//! Lists of calls and of events, which go on while they come.

use serde_json::{Map, Value, json};

use super::client::Parameters;
use super::setting::KeyValue;
use super::{Console, print, table};
use crate::config::ListCommand;
use engine::Result;

/// How long one wait for the next entry takes, in milliseconds; then another begins.
const WAIT: u32 = 30_000;

/// What the plane says when nothing came in time.
const TIMEOUT: u16 = 408;

/// What can be followed, and how it is shown.
pub(super) struct List {
    path: &'static str,
    key: &'static str,
    /// The field that tells where to go on.
    since: &'static str,
    columns: &'static [&'static str],
    /// A line of its own for what went wrong.
    error: &'static str,
    widths: &'static [usize],
}

pub(super) const REQUESTS: List = List {
    path: "/requests",
    key: "requests",
    since: "id",
    columns: &["time", "door", "operation", "status", "duration_us", "rows", "what"],
    error: "error",
    widths: &[27, 9, 36, 7, 11, 7, 0],
};

pub(super) const EVENTS: List = List {
    path: "/events",
    key: "events",
    since: "request",
    columns: &["timestamp", "event", "distinct_id", "properties"],
    error: "",
    widths: &[27, 24, 24, 0],
};

impl Console {
    /// Prints the latest entries, oldest first, and those that come.
    pub(super) fn list(&self, list: &List, asked: &ListCommand) -> Result<()> {
        let ListCommand { follow, limit, conditions } = asked;
        let mut query: Parameters = self.query.clone();
        query.extend([("order".to_owned(), "desc".to_owned()), ("limit".to_owned(), limit.to_string())]);
        query.extend(conditions.iter().map(|it| (it.key().to_owned(), it.text())));
        let answer = self.client.get(list.path, &query)?;
        let mut entries = answer[list.key].as_array().cloned().unwrap_or_default();
        entries.reverse();
        if !self.json {
            let head: Vec<String> =
                list.columns.iter().map(|it| it.replace('_', " ").to_uppercase()).collect();
            print(&table::line(&head, list.widths))?;
        }
        self.show_entries(list, &entries)?;
        if *follow { self.go_on(list, conditions, entries.last()) } else { Ok(()) }
    }

    fn go_on(&self, list: &List, conditions: &[KeyValue], last: Option<&Value>) -> Result<()> {
        let texts = conditions.iter().map(|it| (it.key().to_owned(), it.text().into()));
        let matched: Map<String, Value> = texts.collect();
        let mut since = last.map_or(Value::Null, |it| it[list.since].clone());
        loop {
            let body = json!({ "match": matched, "count": 1, "timeout_ms": WAIT, "since": since });
            let answer = match self.client.ask(&format!("{}/wait", list.path), &self.query, &body) {
                Err(refusal) if refusal.status == TIMEOUT => continue,
                answer => answer.map_err(|refusal| refusal.error)?,
            };
            let came = answer[list.key].as_array().map(Vec::as_slice).unwrap_or_default();
            self.show_entries(list, came)?;
            if let Some(latest) = came.last() {
                since = latest[list.since].clone();
            }
        }
    }

    fn show_entries(&self, list: &List, entries: &[Value]) -> Result<()> {
        for entry in entries {
            print(&if self.json { format!("{}\n", table::escaped(entry)) } else { shown(list, entry) })?;
        }
        Ok(())
    }
}

fn shown(list: &List, entry: &Value) -> String {
    let mut entry = entry.clone();
    // A call is about one of these.
    let about = ["statement", "events", "table"].map(|key| entry[key].clone());
    entry["what"] = about.into_iter().find(|it| !it.is_null()).unwrap_or_default();
    let line = table::line(&table::cells(&entry, list.columns), list.widths);
    match entry[list.error].as_str() {
        Some(_) => {
            let error = table::cells(&entry, &[list.error]).concat();
            format!("{line}    {error}\n")
        }
        None => line,
    }
}

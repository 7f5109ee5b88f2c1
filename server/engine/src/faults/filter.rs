//! Which calls a rule meets (FR-2).

use uuid::Uuid;

use crate::journal::Pattern;

/// The conditions that a call has to meet; those that are not given are met.
#[derive(Debug, Clone, Default)]
pub struct FaultFilter {
    /// The doors on which the rule's effects have a meaning, and that were asked for.
    pub doors: Vec<&'static str>,
    /// What was asked for, such as `POST /query`.
    pub operation: Option<String>,
    /// What the statement holds, as the journal has it.
    pub statement: Option<Pattern>,
    /// The path of the request.
    pub path: Option<String>,
    /// The table that rows are loaded into.
    pub table: Option<String>,
    /// The session.
    pub session: Option<Uuid>,
    /// Headers or metadata, by names in lower case.
    pub headers: Vec<(String, String)>,
    /// The name of an event that it brings.
    pub event: Option<String>,
}

/// How a call began, which a door tells where there are rules.
#[derive(Debug, Clone, Default)]
pub struct CallHead {
    /// The path of its request.
    pub path: String,
    /// Its headers or metadata, by names in lower case.
    pub fields: Vec<(String, String)>,
}

/// What is known of a call when it meets the rules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FacedCall<'a> {
    pub(crate) door: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) statement: Option<&'a str>,
    pub(crate) table: Option<&'a str>,
    pub(crate) session: Option<Uuid>,
    pub(crate) events: &'a [Box<str>],
    pub(crate) head: Option<&'a CallHead>,
}

impl FaultFilter {
    /// Whether a call meets every condition.
    pub(super) fn matches(&self, call: &FacedCall<'_>) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        self.doors.contains(&call.door)
            && is(&self.operation, Some(call.operation))
            && is(&self.path, call.head.map(|head| head.path.as_str()))
            && is(&self.table, call.table)
            && self.session.is_none_or(|session| call.session == Some(session))
            && self.event.as_deref().is_none_or(|event| call.events.iter().any(|name| **name == *event))
            && self.headers.iter().all(|wanted| call.head.is_some_and(|head| head.fields.contains(wanted)))
            && self.statement.as_ref().is_none_or(|pattern| pattern.is_in(call.statement))
    }
}

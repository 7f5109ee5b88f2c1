//! What a fault rule is asked to do, and what of that goes together (FR-3).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{PlaneRefusal, PlaneResult};
use super::fault_order::{ALL, DoorsLeft, headers, milliseconds};
use engine::{CallStatus, FaultAfter, FaultCut, FaultEffects, FaultEnd, FaultReply, SqlState};

/// The names of gRPC's statuses that are errors.
const GRPC: [&str; 16] = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

const HTTP_DOORS: &[&str] = &["lakehouse", "analytics"];
const WEB_DOORS: &[&str] = &["lakehouse", "analytics", "flight"];

/// What becomes of a call.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FaultDo {
    /// How long it waits before anything is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    /// How much longer at most, drawn anew for each call.
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter_ms: Option<u64>,
    /// How long each part of the answer waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_batch_ms: Option<u64>,
    /// HTTP's status as a number, the name of gRPC's, or an SQLSTATE: the call fails with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    status: Option<Value>,
    /// With a status of HTTP: the error's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// With a status: the error's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// With a status of HTTP or gRPC: headers, or trailers.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, Value>>,
    /// With a status of HTTP or gRPC: `Retry-After`, or `RetryInfo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// With an SQLSTATE: `FATAL` ends the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<FaultSeverity>,
    /// How much of the answer is sent before the rest of the rule strikes.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<AfterPart>,
    /// The connection breaks off.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<CutManner>,
    /// The call is never answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    hang: Option<bool>,
    /// The last line, message or row is sent in part.
    #[serde(skip_serializing_if = "Option::is_none")]
    torn: Option<bool>,
    /// The call takes effect, and its answer is not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_ack: Option<bool>,
    /// Its session or token counts as expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    expire: Option<bool>,
    /// It takes effect twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate: Option<bool>,
    /// The answer comes no faster.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    throttle_bytes_per_s: Option<u64>,
}

/// Whether it is asked for.
fn is(given: Option<bool>) -> bool {
    given == Some(true)
}

/// How bad PostgreSQL's clients are told that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum FaultSeverity {
    Error,
    Fatal,
}

/// How a connection breaks off: by a reset, in an orderly way, or in the direction to the client alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum CutManner {
    Reset,
    Close,
    Half,
}

/// How much of an answer: one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum AfterPart {
    Rows(u64),
    Batches(u64),
    Bytes(u64),
}

impl FaultDo {
    /// The effects, if they go together; only those doors stay in `doors` on which each has a meaning.
    ///
    /// # Errors
    /// `bad-request`, naming the key that contradicts others.
    pub(super) fn effects(&self, doors: &mut DoorsLeft) -> PlaneResult<FaultEffects> {
        self.check_company()?;
        let reply = self.reply(doors)?;
        self.limit(doors)?;
        if self.throttle_bytes_per_s == Some(0) {
            return Err(PlaneRefusal::bad_request("`do.throttle_bytes_per_s` has to be at least 1"));
        }
        let cut = self.cut.map(|cut| match cut {
            CutManner::Reset => FaultCut::Reset,
            CutManner::Close => FaultCut::Close,
            CutManner::Half => FaultCut::Half,
        });
        let hang = is(self.hang).then_some(FaultEnd::Hang);
        Ok(FaultEffects {
            delay: milliseconds("do.delay_ms", self.delay_ms)?,
            jitter: milliseconds("do.jitter_ms", self.jitter_ms)?,
            per_batch: milliseconds("do.per_batch_ms", self.per_batch_ms)?,
            end: reply.map(FaultEnd::Reply).or(cut.map(FaultEnd::Cut)).or(hang),
            after: self.after.map(|after| match after {
                AfterPart::Rows(count) => FaultAfter::Rows(count),
                AfterPart::Batches(count) => FaultAfter::Batches(count),
                AfterPart::Bytes(count) => FaultAfter::Bytes(count),
            }),
            is_torn: is(self.torn),
            loses_answer: is(self.lost_ack),
            expires: is(self.expire),
            is_doubled: is(self.duplicate),
            bytes_per_second: self.throttle_bytes_per_s,
        })
    }

    /// What there is of it, by key.
    fn given(&self) -> Vec<&'static str> {
        let all = [
            ("delay_ms", self.delay_ms.is_some()),
            ("jitter_ms", self.jitter_ms.is_some()),
            ("per_batch_ms", self.per_batch_ms.is_some()),
            ("status", self.status.is_some()),
            ("code", self.code.is_some()),
            ("message", self.message.is_some()),
            ("headers", self.headers.is_some()),
            ("retry_after_ms", self.retry_after_ms.is_some()),
            ("severity", self.severity.is_some()),
            ("after", self.after.is_some()),
            ("cut", self.cut.is_some()),
            ("hang", is(self.hang)),
            ("torn", is(self.torn)),
            ("lost_ack", is(self.lost_ack)),
            ("expire", is(self.expire)),
            ("duplicate", is(self.duplicate)),
            ("throttle_bytes_per_s", self.throttle_bytes_per_s.is_some()),
        ];
        all.into_iter().filter(|(_, is_given)| *is_given).map(|(key, _)| key).collect()
    }

    /// Keys that exclude one another, and those that need another.
    fn check_company(&self) -> PlaneResult<()> {
        const EXCLUDE: [(&str, &[&str]); 6] = [
            ("cut", &["status", "hang"]),
            ("hang", &["status"]),
            ("torn", &["status", "hang"]),
            ("lost_ack", &["after", "torn"]),
            ("expire", &["status", "cut", "hang", "torn", "lost_ack", "after"]),
            ("duplicate", &["status", "cut", "hang", "torn", "lost_ack", "after", "expire"]),
        ];
        const NEED: [(&str, &[&str]); 6] = [
            ("code", &["status"]),
            ("message", &["status"]),
            ("headers", &["status"]),
            ("retry_after_ms", &["status"]),
            ("severity", &["status"]),
            ("after", &["status", "cut", "hang", "torn"]),
        ];
        let given = self.given();
        if given.is_empty() {
            return Err(PlaneRefusal::bad_request("`do` does nothing"));
        }
        for (key, others) in EXCLUDE.into_iter().filter(|(key, _)| given.contains(key)) {
            if let Some(other) = others.iter().find(|other| given.contains(other)) {
                let message = format!("`do.{key}` and `do.{other}` exclude one another");
                return Err(PlaneRefusal::bad_request(message));
            }
        }
        for (key, others) in NEED.into_iter().filter(|(key, _)| given.contains(key)) {
            if !others.iter().any(|other| given.contains(other)) {
                let message = format!("`do.{key}` needs {}", others.join(", "));
                return Err(PlaneRefusal::bad_request(message));
            }
        }
        Ok(())
    }

    /// Leaves the doors on which every key has a meaning.
    fn limit(&self, doors: &mut DoorsLeft) -> PlaneResult<()> {
        let after: &[&str] = match (self.after, is(self.torn)) {
            (Some(AfterPart::Rows(_)), false) => &["lakehouse", "flight", "postgres"],
            (Some(AfterPart::Rows(_)), true) => &["lakehouse", "postgres"],
            (Some(AfterPart::Batches(_)), _) => &["flight"],
            (Some(AfterPart::Bytes(_)), _) => WEB_DOORS,
            (None, true) => WEB_DOORS,
            (None, false) => &ALL,
        };
        doors.keep(if self.after.is_some() { "do.after" } else { "do.torn" }, after)?;
        if is(self.expire) {
            doors.keep("do.expire", &["lakehouse", "flight", "postgres"])?;
        }
        if is(self.duplicate) {
            doors.keep("do.duplicate", &["analytics"])?;
        }
        Ok(())
    }

    /// The error that a call fails with.
    fn reply(&self, doors: &mut DoorsLeft) -> PlaneResult<Option<FaultReply>> {
        let Some(given) = &self.status else { return Ok(None) };
        let (status, known_by) = status(given)?;
        doors.keep("do.status", known_by)?;
        let of_status: [(&str, bool, &[&str]); 4] = [
            ("do.code", self.code.is_some(), HTTP_DOORS),
            ("do.headers", self.headers.is_some(), WEB_DOORS),
            ("do.retry_after_ms", self.retry_after_ms.is_some(), WEB_DOORS),
            ("do.severity", self.severity.is_some(), &["postgres"]),
        ];
        for (key, _, known_by) in of_status.into_iter().filter(|(_, is_given, _)| *is_given) {
            doors.keep(key, known_by)?;
        }
        let message = self.message.clone();
        Ok(Some(FaultReply {
            status,
            code: self.code.clone(),
            message: message
                .unwrap_or_else(|| "a fault rule of the control plane made this error".to_owned()),
            headers: headers(self.headers.as_ref())?,
            retry_after: milliseconds("do.retry_after_ms", self.retry_after_ms)?,
            is_fatal: self.severity == Some(FaultSeverity::Fatal),
        }))
    }
}

/// A status, and the doors whose it is.
fn status(given: &Value) -> PlaneResult<(CallStatus, &'static [&'static str])> {
    let read = match given {
        Value::Number(code) => {
            let code = code.as_u64().and_then(|code| u16::try_from(code).ok());
            code.filter(|code| (200..=599).contains(code)).map(|code| (CallStatus::Http(code), HTTP_DOORS))
        }
        Value::String(name) => match GRPC.iter().find(|known| *known == name) {
            Some(known) => Some((CallStatus::Grpc(known), &["flight"][..])),
            // Those that begin so are no errors: success, warnings and the end of rows.
            None if ["00", "01", "02"].iter().any(|class| name.starts_with(class)) => None,
            None => SqlState::read(name).map(|code| (CallStatus::SqlState(code), &["postgres"][..])),
        },
        _ => None,
    };
    read.ok_or_else(|| {
        PlaneRefusal::bad_request(
            "`do.status` has to be 200 to 599, the name of an error of gRPC's such as \"UNAVAILABLE\", or the SQLSTATE of an error",
        )
    })
}

//! The protobuf messages that arrow-flight lacks, and the wrapping of messages in `Any`.
//!
//! Session actions (FS-6) use bare messages of package `arrow.flight.protocol`; Flight SQL's own actions wrap theirs
//! in `Any` (FP-1, FT-1, FC-2).

use std::collections::HashMap;

use arrow_flight::sql::{Any, Command, DoPutUpdateResult};
use bytes::Bytes;
use prost::Message;

use engine::{Error, Result};

const URL_PREFIX: &str = "type.googleapis.com/";

/// A command's name, such as `CommandStatementQuery`.
pub(super) fn name(command: &Command) -> &str {
    match command {
        Command::Unknown(_) => "unknown command",
        known => known.type_url().rsplit('.').next().unwrap_or_default(),
    }
}

/// One session option; no value erases the key (FS-10).
#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub(super) value: Option<OptionValue>,
}

/// What a session option may hold.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum OptionValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    List(StringListValue),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct StringListValue {
    #[prost(string, repeated, tag = "1")]
    pub(super) values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsRequest {
    #[prost(map = "string, message", tag = "1")]
    pub(super) session_options: HashMap<String, SessionOptionValue>,
}

/// Why one key of a SetSessionOptions call was not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(super) enum OptionFault {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
    Error = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsError {
    #[prost(enumeration = "OptionFault", tag = "1")]
    pub(super) value: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub(super) errors: HashMap<String, SetSessionOptionsError>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub(super) session_options: HashMap<String, SessionOptionValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CloseSessionResult {
    /// 1 is CLOSED, the only answer given (FS-12).
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
}

/// ActionCreatePreparedStatementResult with `is_update` (FP-1), which arrow-flight does not have.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PreparedStatementResult {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) prepared_statement_handle: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) dataset_schema: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) parameter_schema: Bytes,
    /// Always present: JDBC tells "no" from "the server does not say".
    #[prost(bool, optional, tag = "4")]
    pub(super) is_update: Option<bool>,
}

/// The answer of a DoPut that changed `record_count` rows.
pub(super) fn update_result(record_count: i64) -> Bytes {
    DoPutUpdateResult { record_count }.encode_to_vec().into()
}

/// The answer of CloseSession.
pub(super) fn closed() -> Bytes {
    CloseSessionResult { status: 1 }.encode_to_vec().into()
}

/// A message wrapped in `Any` under its name in package `arrow.flight.protocol.sql`.
pub(super) fn wrap(name: &str, message: &impl Message) -> Any {
    let type_url = format!("{URL_PREFIX}arrow.flight.protocol.sql.{name}");
    Any { type_url, value: message.encode_to_vec().into() }
}

/// Decodes a Flight SQL command or action body wrapped in `Any`, whatever the prefix of its type URL.
///
/// # Errors
/// `InvalidArgument` when the bytes are not such a message (FE).
pub(super) fn command(body: &[u8]) -> Result<Command> {
    let mut any = Any::decode(body).map_err(|e| undecodable(&e))?;
    if let Some((_, name)) = any.type_url.rsplit_once('/') {
        any.type_url = format!("{URL_PREFIX}{name}");
    }
    Command::try_from(any).map_err(|e| Error::invalid(e.to_string()))
}

/// Decodes a bare message, or one wrapped in an `Any` whose type ends in `name` (FS-7).
///
/// # Errors
/// `InvalidArgument` when the bytes are neither.
pub(super) fn bare<M: Message + Default>(body: &[u8], name: &str) -> Result<M> {
    let wrapped = Any::decode(body)
        .ok()
        .filter(|any| any.type_url.ends_with(name) && any.type_url.chars().all(|c| !c.is_ascii_control()));
    match wrapped {
        Some(any) => M::decode(any.value),
        None => M::decode(body),
    }
    .map_err(|e| undecodable(&e))
}

/// Checks the body of a request without fields, bare or wrapped in `Any`.
///
/// # Errors
/// `InvalidArgument` when the bytes are no message at all (FE).
pub(super) fn check(body: &[u8]) -> Result<()> {
    <()>::decode(body).map_err(|e| undecodable(&e))
}

fn undecodable(fault: &prost::DecodeError) -> Error {
    Error::invalid(format!("The request's message cannot be decoded: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> SetSessionOptionsRequest {
        let value = SessionOptionValue { value: Some(OptionValue::Text("c".to_owned())) };
        SetSessionOptionsRequest { session_options: HashMap::from([("catalog".to_owned(), value)]) }
    }

    #[test]
    fn options_are_read_bare_and_wrapped_under_any_package() {
        let bytes = request().encode_to_vec();
        assert_eq!(bare::<SetSessionOptionsRequest>(&bytes, "SetSessionOptionsRequest"), Ok(request()));
        for package in ["arrow.flight.protocol.sql", "arrow.flight.protocol"] {
            let any = Any {
                type_url: format!("type.googleapis.com/{package}.SetSessionOptionsRequest"),
                value: bytes.clone().into(),
            };
            let read = bare::<SetSessionOptionsRequest>(&any.encode_to_vec(), "SetSessionOptionsRequest");
            assert_eq!(read, Ok(request()));
        }
    }

    #[test]
    fn garbage_is_an_invalid_argument() {
        use engine::ErrorKind::InvalidArgument;
        assert_eq!(command(b"\xff\xff\xff").map_err(|e| e.kind()), Err(InvalidArgument));
        assert_eq!(
            bare::<SetSessionOptionsRequest>(b"\xff", "X").map_err(|e| e.kind()),
            Err(InvalidArgument)
        );
    }
}

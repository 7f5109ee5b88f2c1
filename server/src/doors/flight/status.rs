//! From an error's kind to its gRPC status: the one place that decides (FE, FA-6).

use tonic::{Code, Status};

use engine::{Error, ErrorKind};

/// The longest message, in bytes as percent-encoded into the `grpc-message` header (FE-1).
const MAX_ENCODED: usize = 6 * 1024;

/// The status of an error: its code, and its text cut to what a gRPC header takes.
pub(super) fn status(error: &Error) -> Status {
    Status::new(code(error.kind()), cut(error.message()))
}

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Sql | ErrorKind::Refused | ErrorKind::ReadOnly => Code::Internal,
        ErrorKind::Internal | ErrorKind::Config => Code::Internal,
        ErrorKind::Conflict => Code::Aborted,
        ErrorKind::Cancelled => Code::Cancelled,
        ErrorKind::NotOneStatement | ErrorKind::InvalidArgument => Code::InvalidArgument,
        ErrorKind::InvalidData | ErrorKind::IncompatibleSchema => Code::InvalidArgument,
        ErrorKind::Unauthenticated | ErrorKind::SessionUnknown => Code::Unauthenticated,
        ErrorKind::CatalogNotFound | ErrorKind::NotFound => Code::NotFound,
        ErrorKind::TableExists => Code::AlreadyExists,
        ErrorKind::TableNotFound | ErrorKind::SessionExpired => Code::FailedPrecondition,
        ErrorKind::FailedPrecondition => Code::FailedPrecondition,
        ErrorKind::OutOfRange => Code::OutOfRange,
        ErrorKind::LimitExceeded => Code::ResourceExhausted,
        ErrorKind::Unimplemented => Code::Unimplemented,
        ErrorKind::Unavailable => Code::Unavailable,
    }
}

/// The code of that name.
pub(super) fn code_named(wanted: &str) -> Code {
    (0..=16).map(Code::from_i32).find(|code| name(*code) == wanted).unwrap_or(Code::Unknown)
}

/// A code's name, as gRPC's documentation writes it.
pub(super) fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The longest prefix of `text` whose percent-encoded form fits the header.
fn cut(text: &str) -> &str {
    let mut room = MAX_ENCODED;
    for (at, c) in text.char_indices() {
        let cost = encoded_len(c);
        if cost > room {
            return &text[..at];
        }
        room -= cost;
    }
    text
}

/// The bytes that a character takes once percent-encoded: gRPC leaves printable ASCII but for a few signs.
fn encoded_len(c: char) -> usize {
    match c {
        ' ' | '"' | '#' | '%' | '<' | '>' | '`' | '?' | '{' | '}' => 3,
        c if c.is_ascii_graphic() => 1,
        c => 3 * c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_verbatim() {
        let text = "Catalog Error: Table with name x does not exist!\nDid you mean \"y\"?";
        assert_eq!(status(&Error::new(ErrorKind::Sql, text)).message(), text);
    }

    #[test]
    fn long_text_is_cut_at_a_character_within_the_header() {
        for unit in ["a", " ", "é", "日"] {
            let long = unit.repeat(MAX_ENCODED);
            let kept = cut(&long);
            let encoded: usize = kept.chars().map(encoded_len).sum();
            assert!(long.starts_with(kept) && encoded <= MAX_ENCODED && encoded > MAX_ENCODED - 12);
        }
    }
}

//! Bodies that are something else than what is read, recognised and named, with the way out.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::doors::lakehouse::response::{ApiError, Code};

/// Formats that nothing else begins as, and what to do.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "the body is compressed with gzip; say so with `Content-Encoding: gzip`"),
    (b"\x28\xb5\x2f\xfd", "the body is compressed with zstd; say so with `Content-Encoding: zstd`"),
    (b"\xfd7zXZ\0", "the body is compressed with xz, which is not read; send it plain, or with gzip or zstd"),
    (
        b"BZh91AY&SY",
        "the body is compressed with bzip2, which is not read; send it plain, or with gzip or zstd",
    ),
    (b"PK\x03\x04", "the body is a ZIP archive, as .xlsx files are; send CSV, JSON, Parquet or Arrow"),
    (b"\0\0\xfe\xff", "the body is UTF-32; send UTF-8"),
    (b"\xff\xfe\0\0", "the body is UTF-32; send UTF-8"),
    (b"\xff\xfe", "the body is UTF-16; send UTF-8"),
    (b"\xfe\xff", "the body is UTF-16; send UTF-8"),
    (b"Obj\x01", "the body is an Avro file; send CSV, JSON, Parquet or Arrow"),
];

/// As [`MAGIC`], of formats that begin with letters, as a line of text may: only with a NUL soon after.
const LETTERS: &[(&[u8], &str)] = &[
    (b"FEA1", "the body is a Feather file of version 1; write it in version 2, which is Arrow"),
    (b"ORC", "the body is an ORC file; send CSV, JSON, Parquet or Arrow"),
];

const FORM: &str = "the body is a form (multipart/form-data); send the file itself as the body, as curl does with \
    --data-binary @FILE";

/// Refuses a body whose first bytes, or whose Content-Type, show that no route reads it.
///
/// # Errors
/// `code`, with a message that names what the body is.
pub(crate) fn refuse(headers: &HeaderMap, head: &[u8], code: Code) -> Result<(), ApiError> {
    match named(headers, head) {
        Some(message) => Err(ApiError::new(code, message)),
        None => Ok(()),
    }
}

/// What a body is that no route reads, if its first bytes or its Content-Type show it.
pub(crate) fn named(headers: &HeaderMap, head: &[u8]) -> Option<&'static str> {
    let found = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
    let binary = || LETTERS.iter().find(|(magic, _)| head.starts_with(magic) && head.contains(&0));
    if let Some((_, message)) = found.or_else(binary) {
        return Some(message);
    }
    if is_wide(head) {
        return Some("the body is UTF-16; send UTF-8");
    }
    is_form(headers, head).then_some(FORM)
}

/// Whether a text of letters that need one byte each is written with two.
fn is_wide(head: &[u8]) -> bool {
    matches!(head, [b'!'..=b'~', 0, 9..=b'~', 0, ..] | [0, b'!'..=b'~', 0, 9..=b'~', ..])
}

/// Whether a body is a form: the Content-Type says so, or it begins with a boundary and a part's header.
fn is_form(headers: &HeaderMap, head: &[u8]) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let says_so = kind.len() >= 10 && kind[..10].eq_ignore_ascii_case(b"multipart/");
    let part = |line: &[u8]| line.len() >= 20 && line[..20].eq_ignore_ascii_case(b"content-disposition:");
    head.starts_with(b"--") && (says_so || head.split(|byte| *byte == b'\n').skip(1).take(4).any(part))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"\x1f\x8b\x08\0", "gzip")]
    #[case(b"\x28\xb5\x2f\xfd\0", "zstd")]
    #[case(b"PK\x03\x04....", "ZIP")]
    #[case(b"FEA1\0\0\0\0", "Feather")]
    #[case(b"ORC\x0a\0", "ORC")]
    #[case(b"Obj\x01\x04", "Avro")]
    #[case(b"\xff\xfea\0,\0", "UTF-16")]
    #[case(b"a\0,\0b\0", "UTF-16")]
    #[case(b"\0{\0\"\0a", "UTF-16")]
    #[case(b"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\na,b\r\n", "multipart")]
    fn what_is_not_read_is_named(#[case] head: &[u8], #[case] expected: &str) {
        assert!(named(&HeaderMap::new(), head).unwrap().contains(expected));
    }

    #[rstest]
    #[case(b"a,b\n1,2\n")]
    #[case(b"FEA1,ORC\n1,2\n")]
    #[case(b"ORC\n1\n")]
    #[case(b"PK,a\n")]
    #[case(b"BZh,a\n")]
    #[case(b"--,a\n1,2\n")]
    #[case(b"\xff\xff\xff\xff\x10\0")]
    #[case(b"PAR1\x15\0")]
    #[case(b"\xef\xbb\xbfa,b\n")]
    #[case(b"a\0b,c\n")]
    #[case(b"")]
    fn what_is_read_is_left_alone(#[case] head: &[u8]) {
        assert_eq!(named(&HeaderMap::new(), head), None);
    }

    #[test]
    fn a_form_may_be_known_by_its_content_type() {
        let headers =
            HeaderMap::from_iter([(CONTENT_TYPE, "Multipart/Form-Data; boundary=x".parse().unwrap())]);
        assert!(named(&headers, b"--x\r\nx: y\r\n\r\n").is_some());
        assert!(named(&headers, b"a,b\n").is_none());
    }
}

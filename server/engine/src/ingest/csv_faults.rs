//! What is wrong with the records of a CSV file, told where DuckDB, which guesses, tells of options nobody can set here.

use std::io::{self, BufRead};

use super::delimiter;
use super::file::UploadFile;
use crate::error::{Error, ErrorKind};

/// The first fault of a file's records that explains why DuckDB has refused it; `None` if they are in order.
pub(super) fn explain(file: &UploadFile) -> Option<Error> {
    let delimiter = u8::try_from(delimiter::of(file.path()).ok()?).ok()?;
    let reader = io::BufReader::with_capacity(1 << 18, file.reopen().ok()?);
    let message = first(reader, delimiter).ok()??;
    Some(Error::new(ErrorKind::InvalidData, format!("CSV Error on Line: {message}")))
}

/// A record under way.
#[derive(Debug, Clone, Copy)]
struct Record {
    /// The line that it begins in, counted from 1.
    line: u64,
    fields: usize,
    is_empty: bool,
}

/// Where a byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CsvPlace {
    /// At the start of a field.
    Start,
    /// In a field without quotes.
    Plain,
    /// Between the quotes of a field, which began in this line.
    Quoted(u64),
    /// Behind a quote inside quotes: it ends them, or is the first of two.
    Closing(u64),
}

/// The first fault: a record with another number of fields than the header, a quote that is never closed or goes on after
/// its end, or bytes that are no UTF-8.
fn first(mut reader: impl BufRead, delimiter: u8) -> io::Result<Option<String>> {
    let (mut line, mut place, mut header) = (1_u64, CsvPlace::Start, None);
    let mut record = Record { line, fields: 1, is_empty: true };
    let mut text = Vec::new();
    loop {
        text.clear();
        if reader.read_until(b'\n', &mut text)? == 0 {
            break;
        }
        if std::str::from_utf8(&text).is_err() {
            return Ok(Some(format!("{line}\nThe line is not UTF-8")));
        }
        for &byte in &text {
            place = match (place, byte) {
                (CsvPlace::Quoted(from), b'"') => CsvPlace::Closing(from),
                (CsvPlace::Quoted(from), _) => CsvPlace::Quoted(from),
                (CsvPlace::Closing(from), b'"') => CsvPlace::Quoted(from),
                (_, b'\r') => place,
                (_, b'\n') => {
                    if let Some(fault) = fault(&mut header, record) {
                        return Ok(Some(fault));
                    }
                    record = Record { line: line + 1, fields: 1, is_empty: true };
                    CsvPlace::Start
                }
                (_, byte) if byte == delimiter => {
                    record.fields += 1;
                    record.is_empty = false;
                    CsvPlace::Start
                }
                (CsvPlace::Closing(_), _) => {
                    return Ok(Some(format!("{line}\nA quoted field goes on after its closing quote")));
                }
                (CsvPlace::Start, b'"') => {
                    record.is_empty = false;
                    CsvPlace::Quoted(line)
                }
                _ => {
                    record.is_empty = false;
                    CsvPlace::Plain
                }
            };
        }
        line += 1;
    }
    if let CsvPlace::Quoted(from) = place {
        return Ok(Some(format!("{from}\nA quoted field is never closed")));
    }
    Ok(fault(&mut header, record))
}

/// Whether a record that has ended has the header's number of fields; the first one is the header.
fn fault(header: &mut Option<usize>, record: Record) -> Option<String> {
    if record.is_empty {
        return None;
    }
    let Record { line, fields, .. } = record;
    match *header.get_or_insert(fields) {
        expected if expected == fields => None,
        expected => Some(format!("{line}\nExpected Number of Columns: {expected} Found: {fields}")),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a,b\n1,2\n3,4,5\n", Some("3\nExpected Number of Columns: 2 Found: 3"))]
    #[case("a,b\r\n1\r\n3,4,5\r\n", Some("2\nExpected Number of Columns: 2 Found: 1"))]
    #[case("a,b\n\"1\n,\",2\n3\n", Some("4\nExpected Number of Columns: 2 Found: 1"))]
    #[case("a,b\n1,2,", Some("2\nExpected Number of Columns: 2 Found: 3"))]
    #[case("a,b\n1,2\n3,\"4\n5,6\n", Some("3\nA quoted field is never closed"))]
    #[case("a,b\n1,\"2\"x\n", Some("2\nA quoted field goes on after its closing quote"))]
    #[case("a,b\n1,2\n\n3,4\n", None)]
    #[case("a,b\n1,\"say \"\"x\"\"\"\n", None)]
    #[case("a,b\n,\n", None)]
    #[case("a\n1", None)]
    #[case("", None)]
    fn the_first_fault_is_found(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(first(text.as_bytes(), b',').unwrap().as_deref(), expected);
    }

    #[test]
    fn bytes_that_are_no_text_are_found() {
        let found = first(b"a,b\n1,2\n\xff,3\n".as_slice(), b',').unwrap();
        assert_eq!(found.as_deref(), Some("3\nThe line is not UTF-8"));
    }
}

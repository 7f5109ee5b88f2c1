//! The text and CSV formats on their way in: lines first, then their values.

use bytes::Bytes;

use super::options::{CopyFormat, CopyOptions, Header};
use super::records::{Found, Record, RecordFault};
use super::values;

/// How lines end, which the first one tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnding {
    Unknown,
    Newline,
    Return,
    Both,
}

/// How far the line that is read has come.
#[derive(Debug, Clone, Copy, Default)]
struct Scan {
    at: usize,
    is_quoted: bool,
    /// Whether the byte before is an escape in quotes.
    is_escaped: bool,
    /// Line ends in quotes.
    inside: u64,
}

/// What ended a line, and how many bytes that took.
enum LineEnd {
    At(usize, usize),
    /// More has to come.
    More,
}

/// Cuts lines, and values from them.
pub(super) struct LineReader {
    options: CopyOptions,
    columns: Vec<String>,
    ending: LineEnding,
    scan: Scan,
    line: u64,
    /// Whether the first line was looked at.
    has_begun: bool,
}

impl LineReader {
    /// A reader of lines with values of these columns.
    pub(super) fn new(options: CopyOptions, columns: Vec<String>) -> Self {
        let has_begun = options.header == Header::No;
        Self { options, columns, ending: LineEnding::Unknown, scan: Scan::default(), line: 0, has_begun }
    }

    /// How many lines were read.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn next(&mut self, input: &[u8], is_all: bool) -> Result<Found, Box<RecordFault>> {
        let (end, after) = match self.find_end(input, is_all)? {
            LineEnd::More if !is_all => return Ok(Found::More),
            LineEnd::More if input.is_empty() => return Ok(Found::End),
            LineEnd::More => (input.len(), 0),
            LineEnd::At(end, after) => (end, after),
        };
        let line = &input[..end];
        if line == b"\\." {
            return Ok(Found::End);
        }
        if self.options.format == CopyFormat::Text && line.starts_with(b"\\.") {
            return Err(self.fault_of_next("end-of-copy marker corrupt"));
        }
        self.line += 1 + self.scan.inside;
        self.scan = Scan::default();
        let used = end + after;
        if !std::mem::replace(&mut self.has_begun, true) {
            self.check_header(line)?;
            return Ok(Found::Nothing(used));
        }
        let values = values::of_line(line, &self.options, self.columns.len())
            .and_then(|values| self.check_count(values))
            .map_err(|message| self.fault(message, line))?;
        let short = (values.len() < self.columns.len()).then(|| Bytes::copy_from_slice(line));
        Ok(Found::Record(Record { values, line: self.line, short }, used))
    }

    fn fault(&self, message: impl Into<String>, line: &[u8]) -> Box<RecordFault> {
        RecordFault::of_data(message, Some(self.line), Some(Bytes::copy_from_slice(line)))
    }

    /// More values than there are columns are told before they are looked at, fewer once those that are there were.
    fn check_count(&self, values: Vec<Option<Bytes>>) -> Result<Vec<Option<Bytes>>, String> {
        match values.len() > self.columns.len() {
            true => Err("extra data after last expected column".to_owned()),
            false => Ok(values),
        }
    }

    /// The first line, where it has names.
    fn check_header(&self, line: &[u8]) -> Result<(), Box<RecordFault>> {
        if self.options.header != Header::Match {
            return Ok(());
        }
        let fault = |message: String| self.fault(message, line);
        let names = values::of_line(line, &self.options, usize::MAX).map_err(fault)?;
        if names.len() != self.columns.len() {
            let (found, expected) = (names.len(), self.columns.len());
            let message = format!("wrong number of fields in header line: got {found}, expected {expected}");
            return Err(self.fault(message, line));
        }
        for (at, (name, expected)) in names.iter().zip(&self.columns).enumerate() {
            let name = name.as_ref().map(|name| String::from_utf8_lossy(name)).unwrap_or_default();
            if name != *expected {
                let message = format!(
                    "column name mismatch in header line field {}: got \"{name}\", expected \"{expected}\"",
                    at + 1
                );
                return Err(self.fault(message, line));
            }
        }
        Ok(())
    }

    /// Where the line ends.
    fn find_end(&mut self, input: &[u8], is_all: bool) -> Result<LineEnd, Box<RecordFault>> {
        let is_csv = self.options.format == CopyFormat::Csv;
        while let Some(byte) = input.get(self.scan.at) {
            if is_csv {
                self.quote(*byte);
            }
            let next = input.get(self.scan.at + 1);
            match byte {
                b'\r' | b'\n' if self.scan.is_quoted => {}
                b'\r' if next.is_none() && !is_all && self.ending != LineEnding::Return => {
                    return Ok(LineEnd::More);
                }
                b'\r' | b'\n' => return self.end(*byte, next == Some(&b'\n')),
                b'\\' if !is_csv => {
                    if next.is_none() && !is_all {
                        return Ok(LineEnd::More);
                    }
                    if next == Some(&b'.') && self.scan.at > 0 {
                        return Err(self.fault_of_next("end-of-copy marker corrupt"));
                    }
                    // Whatever stands behind it is a value's.
                    self.scan.at += 1;
                }
                _ => {}
            }
            self.scan.at += 1;
        }
        Ok(LineEnd::More)
    }

    /// The line ends with this byte, as the lines before it did.
    fn end(&mut self, byte: u8, before_newline: bool) -> Result<LineEnd, Box<RecordFault>> {
        let found = match byte {
            b'\n' => LineEnding::Newline,
            _ if before_newline && self.ending != LineEnding::Return => LineEnding::Both,
            _ => LineEnding::Return,
        };
        if ![LineEnding::Unknown, found].contains(&self.ending) {
            let name = if byte == b'\r' { "carriage return" } else { "newline" };
            let kind = if self.options.format == CopyFormat::Csv { "unquoted" } else { "literal" };
            return Err(self.fault_of_next(&format!("{kind} {name} found in data")));
        }
        self.ending = found;
        Ok(LineEnd::At(self.scan.at, if found == LineEnding::Both { 2 } else { 1 }))
    }

    fn fault_of_next(&self, message: &str) -> Box<RecordFault> {
        RecordFault::of_data(message, Some(self.line + 1), None)
    }

    /// Whether this byte of a CSV begins or ends quotes.
    fn quote(&mut self, byte: u8) {
        let CopyOptions { quote, escape, .. } = self.options;
        let scan = &mut self.scan;
        let escapes = escape != quote && byte == escape;
        if scan.is_quoted && escapes {
            scan.is_escaped = !scan.is_escaped;
        }
        if byte == quote && !scan.is_escaped {
            scan.is_quoted = !scan.is_quoted;
        }
        if !escapes {
            scan.is_escaped = false;
        }
        let end = if self.ending == LineEnding::Newline { b'\n' } else { b'\r' };
        scan.inside += u64::from(scan.is_quoted && byte == end);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::options::GivenOption;
    use super::*;

    fn options(format: &str) -> CopyOptions {
        CopyOptions::of(vec![GivenOption::format(format)], true).unwrap()
    }

    /// The values of all records, cut at some place.
    fn read(
        text: &[u8],
        format: &str,
        columns: usize,
        cut: usize,
    ) -> Result<Vec<Vec<Option<String>>>, String> {
        let names = (0..columns).map(|at| at.to_string()).collect();
        let mut reader = LineReader::new(options(format), names);
        let (mut at, mut found) = (0, Vec::new());
        for (end, is_all) in [(cut, false), (text.len(), true)] {
            loop {
                match reader.next(&text[at..end], is_all).map_err(|fault| fault.report.message)? {
                    Found::Record(record, used) => {
                        let text = |value: Bytes| String::from_utf8(value.to_vec()).unwrap();
                        found.push(record.values.into_iter().map(|value| value.map(text)).collect());
                        at += used;
                    }
                    Found::Nothing(used) => at += used,
                    Found::More => break,
                    Found::End => return Ok(found),
                }
            }
        }
        Ok(found)
    }

    fn row(values: &[&str]) -> Vec<Option<String>> {
        values.iter().map(|value| (*value != "NULL").then(|| (*value).to_owned())).collect()
    }

    #[test]
    fn lines_are_cut_wherever_what_comes_is_cut() {
        let text = b"a\\tb\t\\N\r\n\\x41\\102\\\\\tc\r\n";
        let csv = b"\"a\"\"\n\",\n,\"\"\n";
        for cut in 0..text.len() {
            let expected = vec![row(&["a\tb", "NULL"]), row(&["AB\\", "c"])];
            assert_eq!(read(text, "text", 2, cut), Ok(expected), "{cut}");
        }
        for cut in 0..csv.len() {
            let expected = vec![row(&["a\"\n", "NULL"]), row(&["NULL", ""])];
            assert_eq!(read(csv, "csv", 2, cut), Ok(expected), "{cut}");
        }
    }

    #[test]
    fn an_end_mark_ends_it() {
        assert_eq!(read(b"1\n\\.\n2\n", "text", 1, 0), Ok(vec![row(&["1"])]));
        assert_eq!(read(b"1\n\\.\n2\n", "csv", 1, 0), Ok(vec![row(&["1"])]));
    }

    proptest! {
        #[test]
        fn no_text_is_too_wrong(text in "[a\\\\.,\"\r\n\t]{0,30}", cut in 0_usize..30) {
            let cut = cut.min(text.len());
            for format in ["text", "csv"] {
                prop_assert_eq!(read(text.as_bytes(), format, 2, cut), read(text.as_bytes(), format, 2, 0));
            }
        }
    }
}

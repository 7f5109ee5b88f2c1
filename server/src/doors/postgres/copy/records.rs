//! The rows of a COPY on their way in: one record after another is cut from what has come.

use bytes::{Buf, Bytes, BytesMut};

use super::binary::BinaryReader;
use super::lines::LineReader;
use super::options::{CopyFormat, CopyOptions};
use crate::doors::postgres::report::{Result, SqlReport};

/// A value as it came: none for NULL.
pub(super) type CopiedValue = Option<Bytes>;

/// A record, and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) values: Vec<CopiedValue>,
    /// The number of its line, or of its row.
    pub(super) line: u64,
    /// The line, if it has too few values.
    pub(super) short: Option<Bytes>,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct RecordFault {
    pub(super) report: SqlReport,
    /// None where no line has begun.
    pub(super) line: Option<u64>,
    /// The number of the column, from zero.
    pub(super) column: Option<usize>,
    /// The line, where it was read to its end.
    pub(super) text: Option<Bytes>,
}

impl RecordFault {
    /// A fault of the data, 22P04.
    pub(super) fn of_data(message: impl Into<String>, line: Option<u64>, text: Option<Bytes>) -> Box<Self> {
        Box::new(Self { report: SqlReport::error("22P04", message), line, column: None, text })
    }
}

/// Cuts records from what has come.
pub(super) struct Records {
    input: BytesMut,
    reader: FormatReader,
    has_ended: bool,
    /// How many bytes a record may have.
    longest: usize,
}

enum FormatReader {
    Lines(Box<LineReader>),
    Binary(BinaryReader),
}

/// What was found in the input.
pub(super) enum Found {
    /// A record, which took so many bytes.
    Record(Record, usize),
    /// So many bytes that are no record.
    Nothing(usize),
    /// More has to come.
    More,
    /// The end: what follows is of no interest.
    End,
}

impl Records {
    /// Records of columns of these names.
    pub(super) fn new(options: &CopyOptions, columns: Vec<String>, longest: usize) -> Self {
        let reader = match options.format {
            CopyFormat::Binary => FormatReader::Binary(BinaryReader::new(columns.len())),
            _ => FormatReader::Lines(Box::new(LineReader::new(options.clone(), columns))),
        };
        Self { input: BytesMut::new(), reader, has_ended: false, longest }
    }

    /// More has come.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if !self.has_ended {
            self.input.extend_from_slice(bytes);
        }
    }

    /// The next record; none while more has to come, or, once that `is_all`, when there are no more.
    ///
    /// # Errors
    /// 22P04 for what is no record.
    pub(super) fn next(&mut self, is_all: bool) -> Result<Option<Record>, Box<RecordFault>> {
        while !self.has_ended {
            let found = match &mut self.reader {
                FormatReader::Lines(reader) => reader.next(&self.input, is_all)?,
                FormatReader::Binary(reader) => reader.next(&self.input, is_all)?,
            };
            match found {
                Found::Record(record, used) => {
                    self.input.advance(used);
                    return Ok(Some(record));
                }
                Found::Nothing(used) => self.input.advance(used),
                Found::More if self.input.len() > self.longest => {
                    let message = format!(
                        "Limit exceeded: a row of a COPY may have {} bytes; raise it with --tenant-held-limit",
                        self.longest
                    );
                    let report = SqlReport::error("54000", message);
                    let line = Some(self.line());
                    return Err(Box::new(RecordFault { report, line, column: None, text: None }));
                }
                Found::More => return Ok(None),
                Found::End => {
                    self.has_ended = true;
                    self.input.clear();
                }
            }
        }
        Ok(None)
    }

    /// The number of the record that is read next.
    pub(super) fn line(&self) -> u64 {
        match &self.reader {
            FormatReader::Lines(reader) => reader.line() + 1,
            FormatReader::Binary(reader) => reader.row() + 1,
        }
    }
}

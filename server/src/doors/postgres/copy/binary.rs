//! The binary format on its way in.

use bytes::{Buf, Bytes};

use super::options::of_copy;
use super::records::{Found, Record, RecordFault};
use super::write::SIGNATURE;

/// How many bytes of [`SIGNATURE`] are the signature itself.
const MAGIC: usize = 11;

/// Cuts records from the binary format.
pub(super) struct BinaryReader {
    columns: usize,
    has_begun: bool,
    row: u64,
    has_ended: bool,
}

/// A value of a column that cannot be read.
enum BadValue {
    /// It ends before its length says, as far as has come.
    Short(usize),
    /// Its length is none.
    Wrong(usize),
}

impl BinaryReader {
    /// A reader of rows of so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self { columns, has_begun: false, row: 0, has_ended: false }
    }

    /// How many rows were read.
    pub(super) fn row(&self) -> u64 {
        self.row
    }

    pub(super) fn next(&mut self, input: &[u8], is_all: bool) -> Result<Found, Box<RecordFault>> {
        if !self.has_begun {
            return self.begin(input, is_all);
        }
        if self.has_ended {
            return match input.is_empty() {
                true if is_all => Ok(Found::End),
                true => Ok(Found::More),
                false => Err(self.fault("received copy data after EOF marker")),
            };
        }
        let Some((count, _)) = input.split_first_chunk::<2>() else {
            return match (is_all, input.len()) {
                (true, 0) => Ok(Found::End),
                (true, _) => Err(self.fault("unexpected EOF in COPY data")),
                (false, _) => Ok(Found::More),
            };
        };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.has_ended = true;
            self.row += 1;
            return Ok(Found::Nothing(2));
        }
        if usize::try_from(count) != Ok(self.columns) {
            self.row += 1;
            let message = format!("row field count is {count}, expected {}", self.columns);
            return Err(RecordFault::of_data(message, Some(self.row), None));
        }
        match values(input, self.columns) {
            Ok((values, used)) => {
                self.row += 1;
                Ok(Found::Record(Record { values, line: self.row, short: None }, used))
            }
            Err(BadValue::Wrong(column)) => Err(self.fault_in(column, "invalid field size")),
            Err(BadValue::Short(column)) if is_all => {
                Err(self.fault_in(column, "unexpected EOF in COPY data"))
            }
            Err(BadValue::Short(_)) => Ok(Found::More),
        }
    }

    fn fault(&self, message: &str) -> Box<RecordFault> {
        RecordFault::of_data(message, Some(self.row.max(1)), None)
    }

    fn fault_in(&mut self, column: usize, message: &str) -> Box<RecordFault> {
        self.row += 1;
        let fault = RecordFault::of_data(message, Some(self.row), None);
        Box::new(RecordFault { column: Some(column), ..*fault })
    }

    fn begin(&mut self, input: &[u8], is_all: bool) -> Result<Found, Box<RecordFault>> {
        let magic = &SIGNATURE[..MAGIC];
        let seen = &input[..input.len().min(MAGIC)];
        if seen != &magic[..seen.len()] || is_all && seen.len() < MAGIC {
            return Err(RecordFault::of_data(of_copy("file signature not recognized"), None, None));
        }
        let mut rest = &input[seen.len()..];
        if rest.len() < 8 {
            return match is_all {
                true => Err(RecordFault::of_data("invalid COPY file header", None, None)),
                false => Ok(Found::More),
            };
        }
        let (flags, extension) = (rest.get_u32(), rest.get_i32());
        if flags & 1 << 16 != 0 {
            return Err(RecordFault::of_data("invalid COPY file header (WITH OIDS)", None, None));
        }
        let extension = usize::try_from(extension).ok().filter(|_| flags >> 16 == 0);
        let Some(extension) = extension else {
            return Err(RecordFault::of_data("unrecognized critical flags in COPY file header", None, None));
        };
        if rest.len() < extension {
            return match is_all {
                true => Err(RecordFault::of_data("invalid COPY file header (wrong length)", None, None)),
                false => Ok(Found::More),
            };
        }
        self.has_begun = true;
        Ok(Found::Nothing(SIGNATURE.len() + extension))
    }
}

/// The values of a row, and how many bytes it takes.
fn values(input: &[u8], columns: usize) -> Result<(Vec<Option<Bytes>>, usize), BadValue> {
    // First whether all of it is there, which is looked at again and again.
    let mut at = 2;
    for column in 0..columns {
        let length =
            input.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(BadValue::Short(column))?;
        at += 4;
        match i32::from_be_bytes(*length) {
            -1 => {}
            length => at += usize::try_from(length).map_err(|_| BadValue::Wrong(column))?,
        }
        if at > input.len() {
            return Err(BadValue::Short(column));
        }
    }
    let mut row = Bytes::copy_from_slice(&input[2..at]);
    let values = (0..columns).map(|_| match row.get_i32() {
        -1 => None,
        length => Some(row.split_to(usize::try_from(length).unwrap_or_default())),
    });
    Ok((values.collect(), at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend_from_slice(b"\0\x02\0\0\0\x01a\xff\xff\xff\xff\xff\xff");
        bytes
    }

    #[test]
    fn rows_are_cut_wherever_what_comes_is_cut() {
        let bytes = whole();
        for cut in 0..bytes.len() {
            let (mut reader, mut at, mut found) = (BinaryReader::new(2), 0, Vec::new());
            for (end, is_all) in [(cut, false), (bytes.len(), true)] {
                loop {
                    match reader.next(&bytes[at..end], is_all).unwrap() {
                        Found::Record(record, used) => {
                            found.push(record);
                            at += used;
                        }
                        Found::Nothing(used) => at += used,
                        Found::More | Found::End => break,
                    }
                }
            }
            assert_eq!(
                found,
                [Record { values: vec![Some(Bytes::from_static(b"a")), None], line: 1, short: None }],
                "{cut}"
            );
        }
    }
}

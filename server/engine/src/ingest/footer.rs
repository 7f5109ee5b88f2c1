//! How deeply the columns of a Parquet file nest, read from its footer before DuckDB opens it (LX-17).
//!
//! DuckDB builds a reader per level and binds them by recursion: a thousand levels of structs take it minutes, and each two
//! levels of lists cost it four times as much. So the footer's list of columns is read here, without recursion. It is in
//! Thrift's compact protocol: `FileMetaData { 1: i32 version, 2: list<SchemaElement> schema, … }`, and of a `SchemaElement`
//! `3: i32 repetition_type` (2 is repeated), `5: i32 num_children` and `8: i32 precision` (of a decimal) matter.

use std::io::{self, Read, Seek, SeekFrom};

/// How deeply columns may nest; from 256 levels on, DuckDB's reader takes the whole database for damaged.
const LEVELS: usize = 128;

/// How deeply lists and maps may nest in one another.
const LISTS: usize = 16;

/// The most digits of a decimal: DuckDB reads longer ones as DOUBLE, which does not keep them.
const DIGITS: i64 = 38;

/// A footer larger than this is not read: that of a file with 10,000 columns has 1 MB per row group.
const LARGEST: u64 = 64 << 20;

/// How deeply the values in a footer nest; Parquet has four levels.
const VALUES: usize = 16;

/// Says why the columns of a Parquet file are not read, or `None` for those that may be, and for what is no Parquet file.
///
/// # Errors
/// Those of reading the file.
pub(super) fn refusal(mut file: impl Read + Seek) -> io::Result<Option<String>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut end = [0; 8];
    if length < 12 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(length - 8))?;
    file.read_exact(&mut end)?;
    let [a, b, c, d, magic @ ..] = end;
    let size = u64::from(u32::from_le_bytes([a, b, c, d]));
    if &magic != b"PAR1" || size > length - 8 {
        return Ok(None);
    }
    if size > LARGEST {
        return Ok(Some("The footer of the Parquet file is larger than 64 MiB".to_owned()));
    }
    file.seek(SeekFrom::Start(length - 8 - size))?;
    let mut footer = Vec::new();
    file.take(size).read_to_end(&mut footer)?;
    let unreadable = || Some("The footer of the Parquet file cannot be read".to_owned());
    Ok(columns(&mut Compact(&footer)).unwrap_or_else(unreadable))
}

/// Reads the columns of a footer: outside `None` if they cannot be read, inside if they may be.
fn columns(footer: &mut Compact<'_>) -> Option<Option<String>> {
    let mut last = 0;
    while let Some((field, kind)) = footer.field(&mut last)? {
        if (field, kind) != (2, LIST) {
            footer.skip(kind, VALUES)?;
            continue;
        }
        let (count, STRUCT) = footer.list()? else { return None };
        if let Some(refusal) = schema(footer, count)? {
            return Some(Some(refusal));
        }
    }
    Some(None)
}

/// Walks the columns, which come each before its children.
fn schema(footer: &mut Compact<'_>, count: u64) -> Option<Option<String>> {
    // Of each level: how many children are still to come, and whether it is repeated.
    let mut open: Vec<(u64, bool)> = Vec::new();
    let mut lists = 0;
    for _ in 0..count {
        let (children, repeated, digits) = footer.element()?;
        if digits > DIGITS {
            return Some(Some(format!("A DECIMAL of the Parquet file has more than {DIGITS} digits")));
        }
        if let Some((left, _)) = open.last_mut() {
            *left = left.checked_sub(1)?;
        }
        open.push((children, repeated));
        lists += usize::from(repeated);
        // The root counts as a level, and each list has one that stands for its rows.
        if lists > LISTS {
            return Some(Some(format!(
                "A column of the Parquet file nests lists deeper than {LISTS} levels"
            )));
        }
        if open.len() > LEVELS + 2 + 2 * lists {
            return Some(Some(format!("A column of the Parquet file nests deeper than {LEVELS} levels")));
        }
        while let Some((0, repeated)) = open.last().copied() {
            open.pop();
            lists -= usize::from(repeated);
        }
    }
    Some(None)
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// The kind of an element in a list or map, where a boolean has a byte of its own.
fn in_collection(kind: u8) -> u8 {
    if matches!(kind, TRUE | FALSE) { BYTE } else { kind }
}

/// What is left of a text in Thrift's compact protocol; every read is `None` at its end.
struct Compact<'a>(&'a [u8]);

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, count: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A number in zigzag form.
    fn number(&mut self) -> Option<i64> {
        let value = self.varint()?;
        i64::try_from(value >> 1).ok().map(|half| if value & 1 == 1 { -half - 1 } else { half })
    }

    /// The next field's id and kind; inside `None` at the end of the struct.
    fn field(&mut self, last: &mut i64) -> Option<Option<(i64, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        *last = match head >> 4 {
            0 => self.number()?,
            delta => last.checked_add(i64::from(delta))?,
        };
        Some(Some((*last, head & 0x0f)))
    }

    /// How many elements a list has, and of what kind.
    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        Some((count, head & 0x0f))
    }

    /// How many children a column has, whether it is repeated, and how many digits if it is a decimal.
    fn element(&mut self) -> Option<(u64, bool, i64)> {
        let (mut children, mut repeated, mut digits, mut last) = (0, false, 0, 0);
        while let Some((field, kind)) = self.field(&mut last)? {
            match (field, kind) {
                (3, I32) => repeated = self.number()? == 2,
                (5, I32) => children = u64::try_from(self.number()?).ok()?,
                (8, I32) => digits = self.number()?,
                _ => self.skip(kind, VALUES)?,
            }
        }
        Some((children, repeated, digits))
    }

    fn skip(&mut self, kind: u8, levels: usize) -> Option<()> {
        let inner = levels.checked_sub(1)?;
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.bytes(1),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.bytes(8),
            BINARY => {
                let length = self.varint()?;
                self.bytes(length)
            }
            LIST | SET => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip(in_collection(kind), inner))
            }
            MAP => {
                let count = self.varint()?;
                if count == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                (0..count).try_for_each(|_| {
                    self.skip(in_collection(kinds >> 4), inner)?;
                    self.skip(in_collection(kinds & 0x0f), inner)
                })
            }
            STRUCT => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip(kind, inner)?;
                }
                Some(())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use rstest::rstest;

    use super::*;

    /// A file whose footer is that.
    fn file(footer: &[u8]) -> Cursor<Vec<u8>> {
        let mut bytes = b"PAR1".to_vec();
        bytes.extend_from_slice(footer);
        bytes.extend(u32::try_from(footer.len()).unwrap().to_le_bytes());
        bytes.extend(b"PAR1");
        Cursor::new(bytes)
    }

    /// A footer with a root and `levels` columns, each the one child of the last; repeated or not.
    fn nested(levels: usize, repeated: bool) -> Vec<u8> {
        // Field 1 is the version 1; field 2 a list with its length behind it, of structs.
        let mut footer = vec![0x15, 2, 0x19, 0xfc];
        let mut count = levels + 1;
        while count >= 0x80 {
            footer.push(u8::try_from(count & 0x7f).unwrap() | 0x80);
            count >>= 7;
        }
        footer.push(u8::try_from(count).unwrap());
        for level in 0..=levels {
            if repeated && level > 0 {
                footer.extend([0x35, 4]);
                footer.extend([0x18, 1, b'a']);
            } else {
                footer.extend([0x48, 1, b'a']);
            }
            // Field 5: one child, which the last has not.
            footer.extend([0x15, if level == levels { 0 } else { 2 }]);
            footer.push(0);
        }
        footer.push(0);
        footer
    }

    #[rstest]
    #[case(nested(1, false), None)]
    #[case(nested(129, false), None)]
    #[case(nested(130, false), Some("nests deeper than 128 levels"))]
    #[case(nested(1_000_000, false), Some("nests deeper than 128 levels"))]
    #[case(nested(16, true), None)]
    #[case(nested(17, true), Some("nests lists deeper than 16 levels"))]
    #[case(vec![], Some("cannot be read"))]
    // A map of 2^60 booleans; lists in lists without end.
    #[case(vec![0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x11], Some("cannot be read"))]
    #[case(vec![0x19; 1000], Some("cannot be read"))]
    fn what_nests_too_deeply_is_refused(#[case] footer: Vec<u8>, #[case] expected: Option<&str>) {
        let refusal = refusal(file(&footer)).unwrap();
        match expected {
            None => assert_eq!(refusal, None),
            Some(part) => assert!(refusal.as_ref().unwrap().contains(part), "{refusal:?}"),
        }
    }

    #[rstest]
    #[case(b"")]
    #[case(b"id,name\n1,x\n2,y\n")]
    #[case(b"PAR1........\xff\xff\xff\xffPAR1")]
    fn what_is_no_parquet_is_left_to_duckdb(#[case] bytes: &[u8]) {
        assert_eq!(refusal(Cursor::new(bytes.to_vec())).unwrap(), None);
    }
}

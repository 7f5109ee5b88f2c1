//! A check that DuckDB leaves out: it reads a JSON file that breaks off as if it were complete.

use std::fmt;
use std::io::{BufReader, Read, Seek, SeekFrom};

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use engine::ingest::UploadFile;
use engine::{Error, ErrorKind, Result};

/// Makes sure that a file holds JSON objects, an array of them or one after another, and at least one (LU-03).
///
/// # Errors
/// InvalidData, saying where it does not.
pub(super) fn checked(file: UploadFile) -> Result<UploadFile> {
    let mut reader = file.reopen().map_err(|fault| unreadable(&fault))?;
    skip_byte_order_mark(&mut reader).map_err(|fault| unreadable(&fault))?;
    let mut rows = 0;
    for value in
        serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 16, reader)).into_iter::<Rows>()
    {
        rows += value
            .map_err(|fault| {
                Error::new(ErrorKind::InvalidData, format!("the body is not JSON rows: {fault}"))
            })?
            .0;
    }
    if rows == 0 {
        return Err(Error::new(
            ErrorKind::InvalidData,
            "the body holds no JSON object, so it has no columns",
        ));
    }
    Ok(file)
}

fn skip_byte_order_mark(reader: &mut std::fs::File) -> std::io::Result<()> {
    let mut mark = Vec::new();
    reader.take(3).read_to_end(&mut mark)?;
    if mark != b"\xef\xbb\xbf" {
        reader.seek(SeekFrom::Start(0))?;
    }
    Ok(())
}

fn unreadable(fault: &std::io::Error) -> Error {
    Error::internal(format!("cannot read an upload: {fault}"))
}

/// How many rows a top-level value is: an object is one, an array as many as it has.
struct Rows(u64);

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowsVisitor { nested: false })
    }
}

/// One row inside an array.
struct Row;

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowsVisitor { nested: true }).map(|_| Self)
    }
}

struct RowsVisitor {
    nested: bool,
}

impl<'de> Visitor<'de> for RowsVisitor {
    type Value = Rows;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.nested { "an object" } else { "an object or an array of objects" })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rows, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Rows(1))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Rows, A::Error> {
        if self.nested {
            return Err(A::Error::custom("expected an object, found an array"));
        }
        let mut rows = 0;
        while array.next_element::<Row>()?.is_some() {
            rows += 1;
        }
        Ok(Rows(rows))
    }
}
